"""The best and the worst of several answers, by their scores, their ranks or a vote."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from finetune_kit.datasets.sources.found import UnusableError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["is_ranked", "ranked"]

_LISTS: Final = ("responses", "completions", "answers", "candidates", "outputs", "generations")
_SCORE_LISTS: Final = ("scores", "ratings", "rewards", "score")
_RANK_LISTS: Final = ("ranks", "ranking", "rank")
_SCORES: Final = ("score", "rating", "reward", "overall_score", "overall_rating")
# Rank 1 is the best.
_SIGNS: Final = {**dict.fromkeys((*_SCORE_LISTS, *_SCORES), 1), **dict.fromkeys(_RANK_LISTS, -1)}
_SCORE_STEMS: Final = ("score_", "rating_")
_STEMS: Final = ("response", "answer", "output", "completion", "conversation", "human_ref")
_SIDES: Final = (("_a", "_b"), ("_A", "_B"), ("_0", "_1"), ("_1", "_2"))
_VOTES: Final = ("winner", "preference", "better_response_id", "preferred", "better", "label", "labels", "choice")
_FIRST: Final = frozenset({"a", "model_a", "first", "left", "response_a", "answer_a"})
_SECOND: Final = frozenset({"b", "model_b", "second", "right", "response_b", "answer_b"})
_PAIR: Final = 2
_GIVE: Final = "give chosen and rejected, or answers with scores, ranks or a winner"


class Ranked(NamedTuple):
    """The better answer, the worse one, and the keys that they were found under."""

    better: Any
    worse: Any
    keys: set[str]


def is_ranked(record: Mapping[str, Any]) -> bool:
    """Tell whether a record holds several answers and what they are worth."""
    keys = record.keys()
    name = next((name for name in _LISTS if isinstance(record.get(name), list)), None)
    if name is not None:
        return bool(_scores(record, record[name])[1])
    return bool(_two_keys(keys) and (keys & {*_VOTES} or any(key.startswith(_SCORE_STEMS) for key in keys)))


def ranked(record: Mapping[str, Any]) -> Ranked:
    """Return the best and the worst answer of a record.

    Raises:
        UnusableError: There are no two answers, nothing ranks them, or the first place is shared with the last.
    """
    name = next((name for name in _LISTS if isinstance(record.get(name), list)), None)
    if name is not None:
        return _of_list(record, name)
    two = _two_keys(record)
    if two is None:
        raise UnusableError("there are no two answers to compare", _GIVE)
    return _of_two(record, *two)


def _of_list(record: Mapping[str, Any], name: str) -> Ranked:
    answers = record[name]
    values, key = _scores(record, answers)
    scores = [_number(value) for value in values]
    if len(answers) < _PAIR or len(scores) != len(answers):
        raise UnusableError("the answers do not have one score each, or are fewer than two", _GIVE)
    best, worst = scores.index(max(scores)), scores.index(min(scores))
    if scores[best] == scores[worst]:
        raise UnusableError("all answers are worth the same", "drop the record: it prefers nothing")
    return Ranked(answers[best], answers[worst], {name, key})


def _scores(record: Mapping[str, Any], answers: list[Any]) -> tuple[list[Any], str]:
    """Return what each answer is worth, more for a better one, and the key that says so; none where nothing does."""
    for name, sign in _SIGNS.items():
        values = record.get(name)
        if not isinstance(values, list):
            is_in_each = bool(answers) and all(isinstance(answer, Mapping) and name in answer for answer in answers)
            values = [answer[name] for answer in answers] if is_in_each else None
        if values is not None:
            return [sign * value if _is_number(value) else value for value in values], name
    return [], ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise UnusableError("a score or rank is no number", "write scores as numbers")
    return float(value)


def _two_keys(names: Iterable[str]) -> tuple[str, str] | None:
    keys = set(names)
    found = ((stem + first, stem + second) for stem in _STEMS for first, second in _SIDES)
    return next((pair for pair in found if keys >= {*pair}), None)


def _of_two(record: Mapping[str, Any], first: str, second: str) -> Ranked:
    sides = first.removesuffix(first[-2:]), first[-2:], second[-2:]
    scores = [f"{stem}{side}" for stem in ("score", "rating") for side in sides[1:]]
    for one, two in zip(scores[::2], scores[1::2], strict=True):
        if one in record and two in record:
            difference = _number(record[one]) - _number(record[two])
            return _chosen(record, first, second, difference, {one, two})
    vote = next((name for name in _VOTES if name in record), None)
    if vote is None:
        raise UnusableError("nothing says which answer is better", _GIVE)
    return _chosen(record, first, second, _sign(record[vote], first, vote), {vote})


def _chosen(record: Mapping[str, Any], first: str, second: str, difference: float, keys: set[str]) -> Ranked:
    if difference == 0:
        raise UnusableError("the answers are worth the same", "drop the record: it prefers nothing")
    better, worse = (first, second) if difference > 0 else (second, first)
    return Ranked(record[better], record[worse], {first, second, *keys})


def _sign(vote: object, first: str, name: str) -> int:
    """Return 1 where the first answer won, -1 for the second, 0 for a tie."""
    if isinstance(vote, str):
        said = vote.strip().casefold()
        if said.isdigit():
            return _sign(int(said), first, name)
        return (said in _FIRST or said == first.casefold()) - (said in _SECOND)
    if isinstance(vote, bool) or not isinstance(vote, int):
        raise UnusableError("what says which answer is better is neither a number nor a name", _GIVE)
    if name == "labels":
        # Stanford Human Preferences: 1 where A is the better, https://huggingface.co/datasets/stanfordnlp/SHP.
        return 1 if vote == 1 else -1
    base = 0 if first.endswith(("_0", "_a", "_A")) else 1
    return (vote == base) - (vote == base + 1)
