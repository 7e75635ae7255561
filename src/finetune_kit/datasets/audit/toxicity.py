"""The offline checks for profanity and for threats."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, ClassVar, Final

from finetune_kit.datasets.audit.check import AuditRule, Check, Hit
from finetune_kit.datasets.audit.phrases import has_phrase, plain
from finetune_kit.datasets.audit.spots import Spot
from finetune_kit.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from finetune_kit.datasets.audit.check import AuditSettings
    from finetune_kit.datasets.audit.row import AuditRow

__all__ = ["CHECKS", "Hostility", "Profanity"]

_AT_ONCE: Final = 1000


class Profanity(Check):
    """Swearing and slurs in what the user and the assistant say."""

    id: ClassVar[str] = "profanity"
    method: ClassVar[str] = (
        "alt-profanity-check, a linear model of English words: it hears swearing, not hate (AUC .47 on HateCheck), and"
        " errs on texts about groups of people; for hate and harm have the texts moderated"
    )
    rules: ClassVar[Mapping[str, AuditRule]] = {
        "profanity": AuditRule(
            "hint",
            "alt-profanity-check, its documentation; Röttger et al. 2021, HateCheck",
            "read it, and have the texts moderated by a provider",
        )
    }
    defaults: ClassVar[Mapping[str, float]] = {"probability": 0.8}

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        try:
            predict_prob = importlib.import_module("profanity_check").predict_prob
        except ImportError as error:
            raise MissingExtraError("hearing profanity offline", "toxicity", package="alt-profanity-check") from error
        self._probabilities = predict_prob
        self._waiting: list[tuple[Spot, str]] = []

    def see(self, row: AuditRow) -> Iterable[Hit]:
        """Judge what is said, a thousand texts at once."""
        self._waiting += [
            (Spot(row.place, row.number, text.pointer), text.text)
            for text in row.texts
            if text.role in ("user", "assistant") and text.text.strip() and "/non_preferred" not in text.pointer
        ]
        return self._judged() if len(self._waiting) >= _AT_ONCE else ()

    def finish(self) -> Iterator[Hit]:
        """Judge the texts that are left."""
        yield from self._judged()

    def _judged(self) -> list[Hit]:
        waiting, self._waiting = self._waiting, []
        self.n_examined += len(waiting)
        if not waiting:
            return []
        probabilities = self._probabilities([text for _, text in waiting])
        return [
            place.hit("profanity", "somebody seems to swear", confidence=round(float(probability), 2))
            for (place, _), probability in zip(waiting, probabilities, strict=True)
            if probability >= self.thresholds["probability"]
        ]


class Hostility(Check):
    """Threats, insults and words that deny others their humanity."""

    id: ClassVar[str] = "hostility"
    method: ClassVar[str] = (
        "the grammar of threats, insults and dehumanising statements in 18 languages; it knows phrases, no slurs and no"
        " irony: only a moderation of the texts by a provider is a real check"
    )
    rules: ClassVar[Mapping[str, AuditRule]] = {
        "hostility": AuditRule(
            "hint", "Vidgen et al. 2021, Learning from the worst", "read it, and have the texts moderated by a provider"
        )
    }

    def see(self, row: AuditRow) -> Iterator[Hit]:
        """Judge what the user says, and what the assistant is to learn."""
        for text in row.texts:
            if text.role in ("user", "assistant") and "/non_preferred" not in text.pointer:
                self.n_examined += 1
                if has_phrase("hostility", "anywhere", plain(text.text)):
                    yield Hit("hostility", f"the {text.role} seems to threaten or to insult", row, text.pointer)


CHECKS: Final[tuple[type[Check], ...]] = (Profanity, Hostility)
