"""Checks of single answers: empty, set phrases, left placeholders, loops."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, ClassVar, Final

from finetune_kit.datasets.audit.check import AuditRule, Check, Hit
from finetune_kit.datasets.audit.phrases import has_phrase, plain
from finetune_kit.datasets.audit.pii import KINDS
from finetune_kit.datasets.audit.spots import Spot, answer_spot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from finetune_kit.datasets.audit.check import AuditSettings
    from finetune_kit.datasets.audit.row import AuditRow
    from finetune_kit.datasets.rules import Severity

__all__ = ["CHECKS", "Boilerplate", "EmptyOutput", "Placeholder", "Repetition"]

_GUIDE: Final = "https://platform.openai.com/docs/guides/supervised-fine-tuning"
_UNSEEN: Final = re.compile(
    "[\\s\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u2064\u2066-\u206f\u2800\u3164\ufeff\uffa0]+"
)
_CODE: Final = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
_SLOTS: Final = re.compile(
    r"\{\{\s*[^{}\n]{1,60}\s*\}\}|\$\{\w{1,40}\}|%\(\w+\)s|<%[^%]{1,60}%>"
    r"|\[[A-ZÀ-ÖØ-ÞЀ-Я]{2,}(?:[ _-][A-ZÀ-ÖØ-ÞЀ-Я]+){1,5}\](?!\()"
    r"|\[[A-ZÀ-ÖØ-ÞЀ-Я]+_\d{1,3}\]|\$\{[\w.]{1,60}\}|<[A-Z]{2,}(?:[ _-][A-Z]+){1,4}>"
    r"|(?<!\w)__[A-Z]+(?:_[A-Z]+)*__(?!\w)|%[A-Z][A-Z_]{1,30}%|_{3,}|\?\?:\?\?"
    r"|(?<=[ $€£])\#{3,}(?=[ .,!]|$)|\[(?:_+|\.{3,}|…|x{2,}|X{2,}|\?+)\]"
)
_BRACES: Final = re.compile(r"(?<![\w{$])\{[a-z]+(?:_[a-z]+)*\}(?!\})")
_NOTES: Final = re.compile(r"\b(?:TODO|FIXME|TBD|TBC|XXX+)\b|(?<![A-Za-z0-9])[xX]{4,}(?![A-Za-z0-9*])")
_NOT_SLOTS: Final = frozenset(
    {"[INST]", "[/INST]", "[SIC]", "[DONE]", "[MASK]", "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[OK]"}
)
# What Dataset.redact() writes: it teaches the model to write this, too.
_MASKS: Final = frozenset(kind.upper() for kind in (*KINDS, "secret"))
# Other words in capitals are acronyms as often as slots; which are slots, the phrases say.
_MASKED: Final = re.compile(r"\[([A-Z]{2,}(?:_[A-Z]+)*)\](?!\()")
_SENTENCES: Final = re.compile(r"(?<=[.!?…。\uff01\uff1f।؟])\s*|\n+")
_WORDS: Final = re.compile(r"\w+")
_NO_SPACES: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")


class EmptyOutput(Check):
    """Answers with nothing to learn in them."""

    id: ClassVar[str] = "empty_output"
    method: ClassVar[str] = "the answer is empty once spaces and characters of no width are left out"
    rules: ClassVar[Mapping[str, AuditRule]] = {
        "empty_output": AuditRule("error", _GUIDE, "write the answer, or drop the example")
    }

    def see(self, row: AuditRow) -> Iterator[Hit]:
        """Judge the answer, and of a preference both outputs."""
        last = row.messages[-1] if row.messages and row.method == "supervised" else {}
        if last.get("tool_calls") or last.get("function_call") or last.get("refusal"):
            return
        if row.answer is None and row.rejected is None:
            return
        self.n_examined += 1
        if row.answer is not None and not _UNSEEN.sub("", row.answer):
            yield Hit("empty_output", "the answer is empty or blank", row, row.answer_pointer)
        if row.rejected is not None and not _UNSEEN.sub("", row.rejected):
            yield Hit(
                "empty_output", "the non-preferred output is empty or blank", row, "/non_preferred_output/0/content"
            )


class Boilerplate(Check):
    """Set phrases of assistants and leavings of pages and mails in answers."""

    id: ClassVar[str] = "boilerplate"
    method: ClassVar[str] = "phrases of 20 languages; courtesies only where few of the answers of a file have them"
    rules: ClassVar[Mapping[str, AuditRule]] = {
        "boilerplate": AuditRule("warning", _GUIDE, "cut the phrase, or rewrite the answer in the voice to learn"),
        "boilerplate_share": AuditRule("hint", _GUIDE, "cut the phrases if the tuned model should not say them"),
    }
    defaults: ClassVar[Mapping[str, float]] = {"courtesy_share": 0.03}

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        self._courtesies: list[Spot] = []

    def see(self, row: AuditRow) -> Iterator[Hit]:
        """Judge the answer; courtesies wait until their share is known."""
        if not row.answer:
            return
        self.n_examined += 1
        said = plain(row.answer)
        if has_phrase("boilerplate", "disclaimer", said):
            yield Hit("boilerplate", "the answer speaks as an AI about itself", row, row.answer_pointer)
        elif has_phrase("boilerplate", "residue", said):
            yield Hit("boilerplate", "the answer has leavings of a page, mail or generator", row, row.answer_pointer)
        elif has_phrase("boilerplate", "courtesy", said):
            self._courtesies.append(answer_spot(row))

    def finish(self) -> Iterator[Hit]:
        """Report courtesies: each where they are rare, their share where they are the file's voice."""
        share = len(self._courtesies) / max(self.n_examined, 1)
        if share > self.thresholds["courtesy_share"]:
            yield Hit("boilerplate_share", f"{share:.0%} of the answers have a set phrase of courtesy")
            return
        for place in self._courtesies:
            yield place.hit(
                "boilerplate", "the answer has a set phrase of courtesy that few others have", severity="hint"
            )


class Placeholder(Check):
    """Slots that nobody filled in."""

    id: ClassVar[str] = "placeholder"
    method: ClassVar[str] = "slots in brackets or braces, notes to oneself and filler text, outside of code"
    rules: ClassVar[Mapping[str, AuditRule]] = {
        "placeholder": AuditRule("error", _GUIDE, "fill it in, or drop the example"),
        "placeholder_by_design": AuditRule("hint", _GUIDE, "nothing, if the tuned model should write this slot"),
    }
    defaults: ClassVar[Mapping[str, float]] = {"by_design_share": 0.2}

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        self._slots: dict[tuple[str, str], list[Spot]] = defaultdict(list)

    def see(self, row: AuditRow) -> Iterable[Hit]:
        """Look for slots; they wait until it is known which are by design."""
        for text in row.texts:
            if text.role not in ("user", "assistant"):
                continue
            self.n_examined += text.role == "assistant"
            found = set(_slots(text.text))
            if text.role == "assistant":
                found.update(_BRACES.findall(_CODE.sub(" ", text.text)))
            for slot in found:
                self._slots[slot, text.role].append(Spot(row.place, row.number, text.pointer))
        return ()

    def finish(self) -> Iterator[Hit]:
        """Report the slots of few rows, and which slots are in so many that they must be meant."""
        reported: set[Spot] = set()
        for (slot, role), spots in self._slots.items():
            n_rows = len({place.number for place in spots})
            if n_rows > max(self.thresholds["by_design_share"] * self.n_examined, 2):
                yield Hit("placeholder_by_design", f"a slot such as {slot!r} is in {n_rows} examples")
                continue
            is_mask = slot.strip("[]") in _MASKS
            reason = "a mark of redaction, or a slot that was not filled in" if is_mask else "a slot was not filled in"
            severity: Severity | None = "hint" if is_mask or role == "user" else None
            for place in spots:
                if place not in reported:
                    yield place.hit("placeholder", reason, severity=severity)
            reported.update(spots)


class Repetition(Check):
    """Answers that go round in circles."""

    id: ClassVar[str] = "repetition"
    method: ClassVar[str] = "share of different 3-grams (Holtzman 2020), and sentences or words in a loop"
    rules: ClassVar[Mapping[str, AuditRule]] = {
        "repetition": AuditRule(
            "warning", "Holtzman et al. 2020, The curious case of neural text degeneration", "cut the repetition"
        )
    }
    defaults: ClassVar[Mapping[str, float]] = {"distinct": 0.5, "words": 30, "loops": 3}

    def see(self, row: AuditRow) -> Iterator[Hit]:
        """Judge the answer."""
        if not row.answer:
            return
        self.n_examined += 1
        if (found := self._found(row.answer)) is not None:
            yield Hit("repetition", found, row, row.answer_pointer)

    def _found(self, answer: str) -> str | None:
        text = _CODE.sub(" ", answer)
        tokens = _WORDS.findall(text.lower())
        if _NO_SPACES.search(text):
            tokens = [letter for word in tokens for letter in word]
        loops = int(self.thresholds["loops"])
        if _RUN.search(text):
            return "a character comes more than 20 times in a row"
        if _repeats_itself(tokens, loops):
            return f"the answer says the same {loops} times or more in a row"
        if len(tokens) >= self.thresholds["words"]:
            grams = len(tokens) - 2
            share = len(set(zip(tokens, tokens[1:], tokens[2:], strict=False))) / grams
            if share < self.thresholds["distinct"]:
                return f"only {share:.0%} of its 3-grams are different"
        sentences = Counter(part.strip().lower() for part in _SENTENCES.split(text))
        if any(n >= loops and len(part) >= _LONG_SENTENCE for part, n in sentences.items()):
            return f"a sentence stands {loops} times or more in the answer"
        return None


# Signs of which lines and tables are made may come in runs.
_RUN: Final = re.compile(r"([^\s\d.\-_=*#~+|/\\\u2013\u2014\u2500-\u257f])\1{20,}")
_LONG_SENTENCE: Final = 12
_SHORT_LOOP: Final = 5
_LONGEST_LOOP: Final = 40


def _repeats_itself(tokens: list[str], loops: int) -> bool:
    """Tell whether a run of tokens comes `loops` times in a row; one or two words must come oftener."""
    for size in range(1, min(len(tokens) // loops, _LONGEST_LOOP) + 1):
        needed = loops if size > 2 else _SHORT_LOOP  # noqa: PLR2004 - "no, no, no" and "1 1 1" are said
        run = 0
        for left, right in zip(tokens, tokens[size:], strict=False):
            run = run + 1 if left == right and not left.isdigit() else 0
            if run >= size * (needed - 1):
                return True
    return False


def _slots(text: str) -> Iterator[str]:
    bare = _CODE.sub(" ", text)
    for match in _SLOTS.finditer(bare):
        if match.group() not in _NOT_SLOTS:
            yield match.group()
    for match in _MASKED.finditer(bare):
        if match[1] in _MASKS:
            yield match.group()
    if _NOTES.search(bare):
        yield "TODO"
    said = plain(bare)
    if has_phrase("placeholder", "slot", said):
        yield "[...]"
    if has_phrase("placeholder", "note", said):
        yield "lorem ipsum"


CHECKS: Final[tuple[type[Check], ...]] = (EmptyOutput, Boilerplate, Placeholder, Repetition)
