"""The check of how answers end, beside the other answers of the file."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

import orjson

from finetune_kit.datasets.audit.check import AuditRule, Check, Hit
from finetune_kit.datasets.audit.phrases import words
from finetune_kit.datasets.audit.spots import Spot, answer_spot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from finetune_kit.datasets.audit.check import AuditSettings
    from finetune_kit.datasets.audit.row import AuditRow

__all__ = ["CHECKS", "Truncation"]

_GUIDE: Final = "https://platform.openai.com/docs/guides/supervised-fine-tuning"
_END: Final = re.compile(r"[.!?…:;。\uff01\uff1f।؟॥»”\"'\u2019`)\]}>*_~|/\\=+^°%€$£☺-]$|[^\w\s,\u201a،、-]$")
_LIST: Final = re.compile(r"^\s*(?:[-*•\u2013+]|\d{1,3}[.)]|[a-zA-Z][.)]|#{1,6}|\||>) ?")
_LAST_WORD: Final = re.compile(r"([^\W\d_]+(?:['\u2019][^\W\d_]+)?)$")
_WORD: Final = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_CODE_WORD: Final = re.compile(r"\w*\d\w*$|[A-Z]{2,}$|\S*[@/_.]\S*$")
_PAIRS: Final = {"(": ")", "[": "]", "{": "}", "\uff08": "\uff09", "「": "」", "«": "»", "“": "”"}
_DENSE: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")
_OPEN_QUOTE: Final = re.compile(r'(?:^|[\s(:])"(?=\w)[^"]*$')
_SHORTEST_DENSE: Final = 8
_FEW_WORDS: Final = 4
_MOST_ENDS: Final = 0.8


class _Ending(NamedTuple):
    place: Spot
    word: str
    """The last word; empty if the answer ends with something else."""
    before: str
    """The word before."""
    n_words: int
    n_sentences: int


class Truncation(Check):
    """Answers that break off."""

    id: ClassVar[str] = "truncated"
    method: ClassVar[str] = (
        "finish_reason length, fences or JSON left open; or no mark at the end where most answers have one, and a last"
        " word that ends no sentence: an article, preposition or conjunction, or the begin of a word of the file"
    )
    rules: ClassVar[Mapping[str, AuditRule]] = {
        "truncated": AuditRule("warning", _GUIDE, "complete the answer, or drop the example")
    }

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        self._vocabulary: Counter[str] = Counter()
        self._endings: list[_Ending] = []
        self._n_prose = 0

    def see(self, row: AuditRow) -> Iterator[Hit]:
        """Judge what shows by itself; remember how the answer ends and which words there are."""
        for text in row.texts:
            if text.pointer != row.answer_pointer:
                self._vocabulary.update(set(_WORD.findall(text.text)))
        if not row.answer or not row.answer.strip():
            return
        self.n_examined += 1
        answer = row.answer.rstrip()
        last_word = _LAST_WORD.search(answer)
        body = answer[: last_word.start()] if last_word else answer
        self._vocabulary.update(set(_WORD.findall(body)))
        if (reason := _broken_off(row, answer)) is not None:
            yield Hit("truncated", reason, row, row.answer_pointer)
            return
        self._remember(row, answer)

    def finish(self) -> Iterator[Hit]:
        """Report the answers whose last word ends no sentence, if answers of this file end with marks."""
        n_marked = self._n_prose - len(self._endings)
        if not self._n_prose or n_marked < _MOST_ENDS * self._n_prose:
            return
        begins = _begins_of(self._vocabulary)
        finals = Counter(ending.word for ending in self._endings)
        for ending in self._endings:
            if (reason := _reason(ending, self._vocabulary, begins, finals)) is not None:
                yield ending.place.hit("truncated", reason)

    def _remember(self, row: AuditRow, answer: str) -> None:
        line = answer.rpartition("\n")[2]
        tokens = line.split()
        if _DENSE.search(line) and not _LIST.match(line) and len(line) >= _SHORTEST_DENSE:
            self._n_prose += 1
            if not _END.search(answer):
                self._endings.append(_Ending(answer_spot(row), answer[-1], "", _FEW_WORDS, 1))
            return
        if _DENSE.search(line) or len(tokens) < 2:  # noqa: PLR2004 - a label is no sentence
            return
        if _LIST.match(line):
            return
        self._n_prose += 1
        if _END.search(answer):
            return
        word = _LAST_WORD.search(answer)
        is_number = tokens[-1].isdigit()
        last = "" if word is None or _CODE_WORD.match(tokens[-1]) else word.group()
        if is_number:
            last = "#"
        n_sentences = len(re.findall(r"[.!?](?=\s)", answer)) + 1
        self._endings.append(_Ending(answer_spot(row), last, tokens[-2].lower(), len(tokens), n_sentences))


def _broken_off(row: AuditRow, answer: str) -> str | None:
    for holder in (row.row, row.extra, *(row.messages[-1:])):
        if isinstance(holder, dict) and holder.get("finish_reason") in ("length", "max_tokens"):
            return "it was cut off: its finish_reason is length"
    return _left_open(answer) or _broken_list(answer)


def _left_open(answer: str) -> str | None:
    """Return what an answer opens and does not close, or with what sign it breaks off."""
    if answer.count("```") % 2:
        return "a code fence is left open"
    if answer[:1] in "{[" and _is_open_json(answer):
        return "its JSON is left open"
    if answer.count('"') % 2 and _OPEN_QUOTE.search(answer) and not _END.search(answer):
        return "a quotation is left open"
    if (bracket := _open_bracket(answer)) is not None:
        return f"a {bracket!r} is left open"
    is_long = len(answer.split()) > _FEW_WORDS or _DENSE.search(answer) is not None
    is_cut = answer.endswith((",", "،", "、", "\uff0c", " -", " \u2013", " —", "(")) and "\n" not in answer[-60:]
    return "it ends with a comma or a dash" if is_cut and is_long else None


def _open_bracket(answer: str) -> str | None:
    tail = answer[-200:]
    for opening, closing in _PAIRS.items():
        position = tail.rfind(opening)
        if (
            position >= 0
            and closing not in tail[position:]
            and not _END.search(answer)
            and tail[position - 1 : position] not in (":", ";")
        ):
            return opening
    return None


def _broken_list(answer: str) -> str | None:
    """Return how the last item of a list breaks off."""
    lines = [line for line in answer.splitlines() if line.strip()]
    others = [line.rstrip() for line in lines[:-1] if _LIST.match(line)]
    if not others or not _LIST.match(f"{lines[-1]} "):
        return None
    item = _LIST.sub("", f"{lines[-1]} ").split()
    if not item:
        return "its last item is empty"
    if len(item) > 1 and item[-1].islower() and item[-1] in words("open_words"):
        return "its last item ends with a word that ends no sentence"
    has_marks = len(others) > 1 and all(line.endswith((".", "!", "?", "。")) for line in others)
    return "its last item has no mark at its end, and the others do" if has_marks and not _END.search(answer) else None


def _is_open_json(answer: str) -> bool:
    try:
        orjson.loads(answer)
    except orjson.JSONDecodeError:
        outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", answer)
        n_open = sum(outside.count(sign) for sign in "{[") - sum(outside.count(sign) for sign in "}]")
        return answer[:2].strip() in ("{", '{"', "[", '["', "[{", "{}") and n_open > 0 and '"' in answer
    return False


def _begins_of(vocabulary: Counter[str]) -> dict[str, int]:
    """Return how often the commonest word occurs that goes on from a beginning, by more than an ending of grammar."""
    begins: dict[str, int] = {}
    for word, n in vocabulary.items():
        for end in range(1, len(word)):
            if word[end:] not in _ENDINGS and n > begins.get(word[:end], 0):
                begins[word[:end]] = n
    return begins


def _reason(ending: _Ending, vocabulary: Counter[str], begins: dict[str, int], finals: Counter[str]) -> str | None:
    word = ending.word
    if not word or ending.n_words < _FEW_WORDS:
        return None
    if word == "#":
        is_cut = ending.before in words("open_words") and ending.before not in _COPULAS and ending.n_sentences == 1
        return "it ends with a number amid a phrase" if is_cut else None
    if word.lower() in words("open_words") or (len(word) == 1 and not _DENSE.match(word)):
        return None if finals[word] > _OFTEN and not _DENSE.match(word) else "its last word ends no sentence"
    is_begin = vocabulary[word] * _RARER < begins.get(word, 0) and finals[word] <= _OFTEN
    return "it ends within a word" if is_begin else None


_ENDINGS: Final = frozenset(
    (
        "s",
        "es",
        "'s",
        "\u2019s",
        "ed",
        "d",
        "ing",
        "ly",
        "er",
        "ers",
        "e",
        "en",
        "n",
        "r",
        "a",
        "o",
        "i",
        "y",
        "as",
        "os",
        "x",
    )
)
_COPULAS: Final = frozenset(("is", "are", "was", "ist", "est", "es", "è", "é", "и", "или", "und", "and", "or"))
_OFTEN: Final = 3
_RARER: Final = 20

CHECKS: Final[tuple[type[Check], ...]] = (Truncation,)
