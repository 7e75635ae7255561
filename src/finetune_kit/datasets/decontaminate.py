"""Rows of a training dataset that are like rows it will be tested on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from finetune_kit.datasets.alikeness import Alikeness
from finetune_kit.datasets.deduplicate import RowTexts, near_text
from finetune_kit.datasets.duplicates import digest, text_key
from finetune_kit.datasets.findings import Place
from finetune_kit.datasets.near_duplicates import NearPair, search_near
from finetune_kit.datasets.normalise import normalised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from finetune_kit.datasets.deduplicate import Likeness
    from finetune_kit.datasets.rows import Rows
    from finetune_kit.datasets.rules import MethodName

__all__ = ["ContaminatedPair", "Contamination", "Part", "contaminated_pairs", "contamination"]


class Part(NamedTuple):
    """The rows of one dataset."""

    rows: Rows
    picks: Sequence[int]
    method: MethodName

    def place(self, position: int) -> Place:
        """Return where a row stands."""
        return Place(*self.rows.place(self.picks[position]))


class ContaminatedPair(NamedTuple):
    """A training example and the test example that it is like, by where they stand and by their numbers from 1."""

    train: Place
    test: Place
    train_example: int
    test_example: int
    similarity: float

    def __str__(self) -> str:
        return f"{self.train} (training) is like {self.test} (test): {self.similarity:.2f}"


@dataclass(frozen=True, slots=True)
class Contamination:
    """Which training examples are like which test examples, by what they ask; never quotes them.

    Each example that is like one of the other side is in a pair; of copies, only one is paired with all.
    """

    like: str
    """How the examples were compared."""
    n_train: int
    n_test: int
    pairs: tuple[ContaminatedPair, ...] = field(default=(), repr=False)

    @property
    def train_examples(self) -> tuple[int, ...]:
        """The numbers, from 1, of the training examples that are like a test example."""
        return tuple(sorted({pair.train_example for pair in self.pairs}))

    @property
    def test_examples(self) -> tuple[int, ...]:
        """The numbers, from 1, of the test examples that are like a training example."""
        return tuple(sorted({pair.test_example for pair in self.pairs}))

    def __bool__(self) -> bool:
        return bool(self.pairs)

    def __str__(self) -> str:
        return (
            f"{len(self.test_examples):,} of {self.n_test:,} test examples are like "
            f"{len(self.train_examples):,} of {self.n_train:,} training examples ({self.like})"
        )


def contamination(train: Part, test: Part, like: Likeness) -> Contamination:
    """Return which rows of both are alike."""
    pairs = tuple(
        ContaminatedPair(train.place(one), test.place(other), one + 1, other + 1, similarity)
        for one, other, similarity in contaminated_pairs(train, test, like)
    )
    return Contamination(str(like), len(train.picks), len(test.picks), pairs)


def contaminated_pairs(train: Part, test: Part, like: Likeness) -> list[NearPair]:
    """Return the pairs of positions in train and test that are alike; instructions and tools are not looked at.

    Raises:
        MissingExtraError: Rows that are nearly the same need the extra `audit`.
        FormatError: A row cannot be read.
    """
    ours, theirs = (RowTexts(part.rows, part.picks, near_text(part.method, like.of)) for part in (train, test))
    if like.by == "near":
        pairs = _nearly_same(ours, theirs, Alikeness(like.jaccard, like.ratio))
        return [pair for pair in pairs if normalised(ours[pair.first])]
    key = text_key if like.by == "normalised" else _exact_key
    return sorted(_same([_key_of(key, text) for text in ours], [_key_of(key, text) for text in theirs]))


def _nearly_same(ours: RowTexts, theirs: RowTexts, alike: Alikeness) -> list[NearPair]:
    """Return pairs in which each text that is like one of the other side is at least once."""
    found, complete = search_near(ours, alike, against=theirs)
    pairs = set(found)
    # Where candidates were left out, fewer texts can bring out more of them.
    while not complete:
        here = _unpaired(ours, {pair.first for pair in pairs})
        there = _unpaired(theirs, {pair.second for pair in pairs})
        ours_left = search_near(ours.only(here), alike, against=theirs).pairs
        theirs_left = search_near(ours, alike, against=theirs.only(there)).pairs
        more = {pair._replace(first=here[pair.first]) for pair in ours_left}
        more |= {pair._replace(second=there[pair.second]) for pair in theirs_left}
        complete = not more
        pairs |= more
    return sorted(pairs)


def _unpaired(texts: RowTexts, paired: set[int]) -> list[int]:
    return [position for position in range(len(texts)) if position not in paired]


def _same(ours: Sequence[bytes | None], theirs: Sequence[bytes | None]) -> Iterator[NearPair]:
    first_there: dict[bytes | None, int] = {}
    for position, key in enumerate(theirs):
        first_there.setdefault(key, position)
    first_here: dict[bytes | None, int] = {}
    for position, key in enumerate(ours):
        if key is not None and key in first_there:
            first_here.setdefault(key, position)
            yield NearPair(position, first_there[key], 1.0)
    for position, key in enumerate(theirs):
        if key in first_here and first_there[key] != position:
            yield NearPair(first_here[key], position, 1.0)


def _key_of(key: Callable[[str], bytes], text: str) -> bytes | None:
    # Rows that ask nothing are not the same for that.
    return key(text) if text.strip() else None


def _exact_key(text: str) -> bytes:
    return digest(text.encode(errors="surrogatepass"))
