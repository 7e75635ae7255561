"""The card of a dataset as Croissant 1.1 (https://mlcommons.org/croissant/1.1), for machines to read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import orjson

from finetune_kit.datasets.card import SplitRecord
from finetune_kit.datasets.card_markdown import demands, personal_data
from finetune_kit.datasets.licences import terms_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from finetune_kit.datasets.audit.report import CheckResult
    from finetune_kit.datasets.card import DatasetCard

__all__ = ["card_croissant"]

_CROISSANT: Final = "http://mlcommons.org/croissant/1.1"
_RESPONSIBLE_AI: Final = "http://mlcommons.org/croissant/RAI/1.0"
_TERMS: Final = (
    "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileProperty",
    "fileObject", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5", "parentField",
    "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator", "source",
    "subField", "transform",
)  # fmt: skip
_CONTEXT: Final[Mapping[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "dqv": "http://www.w3.org/ns/dqv#",
    "prov": "http://www.w3.org/ns/prov#",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{term: f"cr:{term}" for term in _TERMS},
}
_CHATS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "supervised": {"messages": ()},
    "dpo": {"input": ("messages",), "preferred_output": (), "non_preferred_output": ()},
    "reinforcement": {"messages": ()},
}
"""Method -> the columns with messages, and the key below that leads to them."""

_MONTH_OR_DAY: Final = re.compile(r"\d{4}-\d{2}(-\d{2})?$")
_VERSION: Final = re.compile(r"\d+(\.\d+){0,2}([-+].*)?$")


def card_croissant(card: DatasetCard) -> str:
    """Return the card as JSON-LD; a property of which nothing is known is left out."""
    said = card.statements
    about = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [_CROISSANT, _RESPONSIBLE_AI],
        "name": card.name,
        "description": said.purpose or f"{card.n_examples} examples for {card.method} tuning of a language model.",
        "identifier": f"sha256:{card.sha256}",
        "version": card.version if card.version and _VERSION.match(card.version) else None,
        "alternateName": card.version if card.version and not _VERSION.match(card.version) else None,
        "license": [_licence(each) for each in card.licences],
        "creator": [{"@type": "sc:Organization", "name": each} for each in said.creators],
        "funder": {"@type": "sc:Organization", "name": said.funding} if said.funding else None,
        "datePublished": said.published,
        "url": said.url,
        "citeAs": said.citation,
        "inLanguage": list(card.languages),
        "keywords": list(said.domains),
        "isLiveDataset": False,
    }
    document = {**about, **_responsible_ai(card), **_origin(card), **_files(card)}
    known = {name: value for name, value in document.items() if value not in (None, [], "")}
    return orjson.dumps(known, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _responsible_ai(card: DatasetCard) -> dict[str, Any]:
    """Return the fields of the responsible-AI vocabulary (https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html)."""
    said = card.statements
    asked = [f"{source.licence}: {demands(source)} ({source.n_rows} rows)" for source in card.sources if source.licence]
    avoid = f"To avoid: {said.uses_to_avoid}" if said.uses_to_avoid else None
    return {
        "rai:dataCollection": said.collection,
        "rai:dataCollectionTimeFrame": [each for each in card.collected or () if _MONTH_OR_DAY.match(each)],
        "rai:dataPreprocessingProtocol": list(card.history),
        "rai:dataAnnotationProtocol": said.annotation,
        "rai:personalSensitiveInformation": personal_data(card),
        "rai:dataBiases": said.biases,
        "rai:dataLimitations": [each for each in (said.limitations, *asked, _audit_summary(card)) if each],
        "rai:dataSocialImpact": said.social_impact,
        "rai:dataUseCases": [each for each in (said.uses, avoid) if each],
        "rai:dataReleaseMaintenancePlan": said.maintenance,
    }


def _origin(card: DatasetCard) -> dict[str, Any]:
    """Return sources, jobs and audit in the W3C's vocabularies for provenance and quality."""
    return {
        "prov:wasDerivedFrom": [
            {"@type": "prov:Entity", "name": each.source, "size": f"{each.n_rows} rows"}
            | ({"license": _licence(each.licence)} if each.licence else {})
            for each in card.sources
            if each.source
        ],
        "prov:wasUsedBy": [{"@type": "prov:Activity", "name": job} for job in card.jobs],
        "dqv:hasQualityMeasurement": [_measurement(check) for check in card.checks],
    }


def _measurement(check: CheckResult) -> dict[str, Any]:
    metric = {"@type": "dqv:Metric", "name": check.id, "description": check.method}
    note = " ".join(filter(None, (f"{check.state};", check.threshold, check.why)))
    measured = {} if check.state == "not run" else {"dqv:value": check.n_found}
    return {"@type": "dqv:QualityMeasurement", "dqv:isMeasurementOf": metric, "description": note} | measured


def _audit_summary(card: DatasetCard) -> str | None:
    if not card.checks:
        return None
    found = ", ".join(f"{each.id} {each.n_found}" for each in card.checks if each.state == "found") or "nothing"
    not_run = ", ".join(each.id for each in card.checks if each.state == "not run") or "none"
    return f"The audit found: {found}. Checks that did not run: {not_run}."


def _files(card: DatasetCard) -> dict[str, Any]:
    parts = card.splits or (SplitRecord(_slug(card.name), card.n_examples, card.n_bytes, card.sha256),)
    return {
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": f"{part.name}.jsonl",
                "name": f"{part.name}.jsonl",
                "description": f"{part.n_examples} examples, as finetune_kit writes them.",
                "contentUrl": f"{part.name}.jsonl",
                "contentSize": f"{part.n_bytes} B",
                "encodingFormat": "application/jsonlines",
                "sha256": part.sha256,
            }
            for part in parts
        ],
        "recordSet": [_record_set(part.name, _CHATS[card.method]) for part in parts],
    }


def _record_set(part: str, columns: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    fields = [
        _message_field(part, column, (*path, key)) for column, path in columns.items() for key in ("role", "content")
    ]
    return {"@type": "cr:RecordSet", "@id": part, "name": part, "field": fields}


def _message_field(part: str, column: str, path: tuple[str, ...]) -> dict[str, Any]:
    """Return a field with one value for each message; a content without text is a null."""
    return {
        "@type": "cr:Field",
        "@id": f"{part}/{column}/{path[-1]}",
        "name": f"{column}/{path[-1]}",
        "dataType": "sc:Text",
        "isArray": True,
        "arrayShape": "-1",
        "source": {
            "fileObject": {"@id": f"{part}.jsonl"},
            "extract": {"column": column},
            "transform": [{"jsonPath": key} for key in path],
        },
    }


def _licence(licence: str) -> str:
    """Return the address of a licence where it is one of the SPDX list, else its text."""
    spdx = terms_of(licence).spdx
    listed = spdx is not None and " " not in spdx and not spdx.startswith("LicenseRef-")
    return f"https://spdx.org/licenses/{spdx}" if listed else licence


def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name.lower()).strip("-.") or "dataset"
