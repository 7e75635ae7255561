"""Which format a source has, where that is beyond doubt."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from finetune_kit.datasets.sources.documents import Document
from finetune_kit.datasets.sources.functions import Functions
from finetune_kit.datasets.sources.instructions import Alpaca, Pairs, question_and_answer
from finetune_kit.datasets.sources.logs import Logs, is_log
from finetune_kit.datasets.sources.mail import Mail
from finetune_kit.datasets.sources.preferences import Preferences, is_preference
from finetune_kit.datasets.sources.records import JSON_SUFFIXES, TABLE_SUFFIXES
from finetune_kit.datasets.sources.slack import Slack, is_slack_export
from finetune_kit.datasets.sources.style import Style
from finetune_kit.datasets.sources.texts import read_text
from finetune_kit.datasets.sources.transcripts import Transcript, is_transcript
from finetune_kit.datasets.sources.turns import Turns, has_no_turns, turns_key
from finetune_kit.datasets.sources.zendesk import Tickets, is_ticket
from finetune_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from finetune_kit.datasets.sources.formats import FileFormat
    from finetune_kit.datasets.sources.found import Options
    from finetune_kit.datasets.tables import Table

__all__ = ["FORMATS", "FormatName", "guess_path", "guess_table"]

FormatName = Literal[
    "rows", "table", "transcript", "turns", "sharegpt", "messages", "slack", "zendesk", "tickets", "mail", "pairs",
    "alpaca", "document", "style", "logs", "preferences", "functions",
]  # fmt: skip

FORMATS: Final[Mapping[str, Callable[[], FileFormat]]] = {
    "transcript": Transcript,
    "turns": Turns,
    "sharegpt": Turns,
    "messages": Turns,
    "slack": Slack,
    "zendesk": Tickets,
    "tickets": Tickets,
    "mail": Mail,
    "pairs": Pairs,
    "alpaca": Alpaca,
    "document": Document,
    "style": Style,
    "logs": Logs,
    "preferences": Preferences,
    "functions": Functions,
}
"""The formats by name, beside "rows" (the protocol's own) and "table" (columns that are named)."""

_BY_SUFFIX: Final[Mapping[str, Callable[[], FileFormat]]] = {
    **dict.fromkeys((".md", ".markdown", ".html", ".htm", ".pdf", ".rst"), Document),
    **dict.fromkeys((".mbox", ".mbx", ".eml"), Mail),
}
_TEXTS: Final = (".txt", ".text", ".log")
_PACKED: Final = (".gz", ".bz2", ".xz", ".zst", ".zip", ".7z", ".tar", ".tgz")
_LOOKED_AT: Final = 20


def guess_path(path: Path, options: Options) -> FileFormat | None:
    """Return the format of a file or directory by its name; None for files of records.

    Raises:
        ConfigurationError: The format is in doubt, or unknown; names the candidates.
    """
    suffix = path.suffix.lower()
    if (path.is_dir() or suffix == ".zip") and is_slack_export(path):
        return Slack()
    if path.is_dir():
        raise _doubt(path, "directory", "transcript", "document", "mail", "slack")
    if suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]()
    if suffix in _TEXTS:
        return _text_format(path, options)
    if suffix in _PACKED:
        raise ConfigurationError(f"{str(path)!r} is packed ({suffix}): unpack it first")
    if suffix not in (*JSON_SUFFIXES, *TABLE_SUFFIXES):
        known = ", ".join((*JSON_SUFFIXES, *TABLE_SUFFIXES, *_BY_SUFFIX, *_TEXTS))
        raise ConfigurationError(f"cannot tell the format of {str(path)!r}: its name must end in {known}; or name it")
    return None


def _text_format(path: Path, options: Options) -> FileFormat:
    if is_transcript(read_text(path), options):
        return Transcript()
    raise _doubt(path, "file", "transcript", "document", "style")


def _doubt(path: Path, kind: str, *names: str) -> ConfigurationError:
    choices = ", ".join(f"format={name!r}" for name in names)
    return ConfigurationError(f"cannot tell what the {kind} {str(path)!r} holds: name its format, one of {choices}")


def guess_table(table: Table, options: Options) -> FileFormat | None:
    """Return the format that the first records all have; None for rows as they are, or columns that are named."""
    sample = [record for record in table.records[:_LOOKED_AT] if not has_no_turns(record)]
    if not sample or _names_columns(options, table.columns):
        return None
    if (options.roles or options.assistants) and all(turns_key(record) is not None for record in sample):
        return Turns()
    formats = {_record_format(record) for record in sample}
    form = formats.pop() if len(formats) == 1 else None
    return form() if form is not None and options.method in (None, *form.methods) else None


def _names_columns(options: Options, columns: Collection[str]) -> bool:
    """Tell whether the options say what the messages are made of: then the table is one, whatever it looks like."""
    is_column = isinstance(options.user, str) and options.user in columns
    return is_column or callable(options.user) or (options.user is not None and options.assistant is not None)


def _record_format(record: Mapping[str, Any]) -> type[FileFormat] | None:
    """Return the format of a record, the most particular first; None where it has the protocol's own shape."""
    if {"preferred_output", "messages"} & record.keys() and not is_preference(record):
        return Logs if record.get("object") == "chat.completion" or _has_response(record) else None
    return next((form for form, is_one in _SIGNS if is_one(record)), None)


# As in BFCL and in xLAM.
_FUNCTIONS: Final = (frozenset({"question", "function"}), frozenset({"query", "answers", "tools"}))


def _is_judged(record: Mapping[str, Any]) -> bool:
    """Tell whether a record says if its answer is wanted, as unpaired preferences do: it may be one to avoid."""
    return isinstance(record.get("label"), bool)


def _has_response(record: Mapping[str, Any]) -> bool:
    return isinstance(record.get("response"), Mapping) and is_log(record)


_SIGNS: Final[tuple[tuple[type[FileFormat], Callable[[Mapping[str, Any]], bool]], ...]] = (
    (Preferences, is_preference),
    (Alpaca, lambda record: {"instruction", "output"} <= record.keys()),
    (Tickets, is_ticket),
    (Functions, lambda record: any(names <= record.keys() for names in _FUNCTIONS)),
    (Logs, is_log),
    (Turns, lambda record: turns_key(record) is not None),
    (Pairs, lambda record: question_and_answer(record) is not None and not _is_judged(record)),
)
