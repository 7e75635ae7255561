"""Which rows of a dataset are the same as others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, get_args, overload

import orjson

from finetune_kit.datasets.alikeness import Alikeness
from finetune_kit.datasets.chosen import Duplicate, Keep, dropped
from finetune_kit.datasets.duplicates import digest, duplicate_groups, exact_key, text_key
from finetune_kit.datasets.jsonl import JsonlFile
from finetune_kit.datasets.near_duplicates import NearSearch, search_near
from finetune_kit.datasets.normalise import normalised
from finetune_kit.datasets.row_texts import answer_text, asked_text, instruction_text, row_text, without_answer
from finetune_kit.datasets.rows import Rows, parse_row
from finetune_kit.datasets.typed_rows import build_example
from finetune_kit.errors import ConfigurationError
from finetune_kit.types.examples import Example

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from finetune_kit.datasets.near_duplicates import NearPair
    from finetune_kit.datasets.rules import MethodName

__all__ = ["By", "Likeness", "Of", "RowTexts", "duplicates", "near_text", "row_identities"]

By = Literal["exact", "normalised", "near"]
"""How alike rows must be: the same JSON value; the same words; nearly the same words (extra `audit`)."""

Of = Literal["row", "input"] | Callable[[Example], str]
"""What of the rows is compared: all, what a model would be given, or a text made of the typed example."""


_WIDER: Final = 0.85


class Likeness(NamedTuple):
    """How rows are compared."""

    by: By
    of: Of
    jaccard: float = 0.7
    ratio: float = 0.9

    def __str__(self) -> str:
        of = self.of if isinstance(self.of, str) else getattr(self.of, "__qualname__", "a function")
        thresholds = f" jaccard={self.jaccard} ratio={self.ratio}" if self.by == "near" else ""
        return f"by={self.by} of={of}{thresholds}"

    def check(self) -> Likeness:
        """Return itself; raise ConfigurationError where a word is unknown."""
        if self.by not in get_args(By):
            raise ConfigurationError(f"by={self.by!r}: give 'exact', 'normalised' or 'near'")
        if not callable(self.of) and self.of not in ("row", "input"):
            raise ConfigurationError(
                f"of={self.of!r}: give 'row', 'input' or a function of the example that returns text"
            )
        return self


class RowTexts(Sequence[str]):
    """The text of each row that likeness is told by, made anew at each access."""

    def __init__(self, rows: Rows, picks: Sequence[int], text: Callable[[Rows, int], str]) -> None:
        self._rows = rows
        self._picks = picks
        self._text = text

    def only(self, positions: Sequence[int]) -> RowTexts:
        """Return the texts at some positions."""
        return RowTexts(self._rows, [self._picks[position] for position in positions], self._text)

    def __len__(self) -> int:
        return len(self._picks)

    @overload
    def __getitem__(self, position: int) -> str: ...

    @overload
    def __getitem__(self, position: slice) -> list[str]: ...

    def __getitem__(self, position: int | slice) -> str | list[str]:
        if isinstance(position, slice):
            return [self._text(self._rows, index) for index in self._picks[position]]
        return self._text(self._rows, self._picks[position])


def duplicates(rows: Rows, picks: Sequence[int], method: MethodName, like: Likeness, keep: Keep) -> list[Duplicate]:
    """Return which positions to drop so that no two rows are left that are alike, in ascending order.

    Raises:
        MissingExtraError: Rows that are nearly the same need the extra `audit`.
        FormatError: A row cannot be read; only what is exactly the same row is told without reading.
    """
    if keep not in get_args(Keep):
        raise ConfigurationError(f"keep={keep!r}: give 'first' or 'last'")
    if like.by == "near":
        return _near_duplicates(rows, picks, method, like, keep)
    identities = row_identities(rows, picks, method, like)
    return sorted(
        Duplicate(position, group[0 if keep == "first" else -1], 1.0)
        for group in duplicate_groups(identities)
        for position in (group[1:] if keep == "first" else group[:-1])
    )


def row_identities(rows: Rows, picks: Sequence[int], method: MethodName, like: Likeness) -> Iterator[Hashable]:
    """Yield for each row what it has in common with the rows that are the same, exactly or after normalisation."""
    if like.by == "exact" and like.of == "row":
        return map(exact_key, _raw_rows(rows, picks))
    key = text_key if like.by == "normalised" else _exact_text_key
    if callable(like.of):
        of = like.of
        return (key(_made(of, rows, index, method)) for index in picks)
    if like.of == "row":
        return (text_key(row_text(parse_row(rows, index, method))) for index in picks)
    return (_input_identity(parse_row(rows, index, method), method, like.by) for index in picks)


def _raw_rows(rows: Rows, picks: Sequence[int]) -> Iterator[bytes]:
    """Yield the bytes of rows, those of a file many at a time."""
    if not isinstance(rows, JsonlFile):
        yield from map(rows.raw, picks)
        return
    begun = b""
    for block in rows.blocks(picks):
        *lines, begun = (begun + block).split(b"\n")
        yield from lines
    if begun:
        yield begun


def _input_identity(row: dict[str, Any], method: MethodName, by: By) -> Hashable:
    # Rows that ask nothing, such as samples of a style, are not the same for that.
    given = without_answer(row, method) if asked_text(row, method).strip() else row
    return digest(orjson.dumps(given, option=orjson.OPT_SORT_KEYS)) if by == "exact" else text_key(row_text(given))


def _exact_text_key(text: str) -> bytes:
    return digest(text.encode(errors="surrogatepass"))


def _made(of: Callable[[Example], str], rows: Rows, index: int, method: MethodName) -> str:
    text = of(build_example(rows, index, method))
    if not isinstance(text, str):
        raise ConfigurationError(f"the function of= returned {type(text).__name__}: it must return text")
    return text


def near_text(method: MethodName, of: Of) -> Callable[[Rows, int], str]:
    """Return what makes of a row the text to compare."""
    if callable(of):
        return lambda rows, index: _made(of, rows, index, method)
    if of == "input":
        return lambda rows, index: asked_text(parse_row(rows, index, method), method)
    return lambda rows, index: _both_sides(parse_row(rows, index, method), method)


def _both_sides(row: dict[str, Any], method: MethodName) -> str:
    # The word between keeps "a b" answered by "c" apart from "a" answered by "b c".
    return " _ ".join(_sides(row, method))


def _sides(row: dict[str, Any], method: MethodName) -> tuple[str, str]:
    """Return what is asked and what is answered; of a row that has neither, such as one of a table, all it says."""
    asked, answered = asked_text(row, method), answer_text(row, method)
    return (asked, answered) if (asked + answered).strip() else (row_text(row), "")


def _near_duplicates(
    rows: Rows, picks: Sequence[int], method: MethodName, like: Likeness, keep: Keep
) -> list[Duplicate]:
    gone: dict[int, Duplicate] = {}
    positions: Sequence[int] = range(len(picks))
    while True:
        left = [picks[position] for position in positions]
        pairs, complete = _near_pairs(rows, left, method, like)
        taken = dropped(pairs, keep)
        gone |= {positions[at]: Duplicate(positions[at], positions[other], ratio) for at, other, ratio in taken}
        # Where candidates were left out, fewer rows can bring out more of them.
        if complete or not taken:
            return [_like_kept(gone, gone[position]) for position in sorted(gone)]
        positions = [position for position in positions if position not in gone]


def _near_pairs(rows: Rows, picks: Sequence[int], method: MethodName, like: Likeness) -> NearSearch:
    alike = Alikeness(like.jaccard, like.ratio)
    texts = RowTexts(rows, picks, near_text(method, like.of))
    apart = None if callable(like.of) else [_instructions(rows, index, method) for index in picks]
    if like.of == "row":
        pairs, complete = search_near(texts, _wider(alike), apart=apart)
        sides = (_sides_compared(rows, picks, method, alike, pair) for pair in pairs)
        return NearSearch([pair for pair in sides if pair.similarity], complete)
    pairs, complete = search_near(texts, alike, apart=apart)
    # Rows that ask nothing, such as samples of a style, are not the same for that.
    return NearSearch([pair for pair in pairs if normalised(texts[pair.first])], complete)


def _wider(alike: Alikeness) -> Alikeness:
    """Return what also finds most rows of which each side by itself is just alike enough."""
    return Alikeness(alike.jaccard * _WIDER, alike.ratio, alike.short * 2)


def _sides_compared(rows: Rows, picks: Sequence[int], method: MethodName, alike: Alikeness, pair: NearPair) -> NearPair:
    """Return the pair with the lower similarity of what is asked and what is answered: a long side can hide a short."""
    sides = (_sides(parse_row(rows, picks[position], method), method) for position in pair[:2])
    return pair._replace(similarity=min(map(alike.similarity, *sides)))


def _instructions(rows: Rows, index: int, method: MethodName) -> bytes:
    return text_key(instruction_text(parse_row(rows, index, method), method))


def _like_kept(gone: dict[int, Duplicate], one: Duplicate) -> Duplicate:
    """Return the removal with the row that stays where the one that it is like went later."""
    while one.like in gone:
        further = gone[one.like]
        one = Duplicate(one.position, further.like, min(one.similarity, further.similarity))
    return one
