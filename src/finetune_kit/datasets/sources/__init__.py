"""Sources of examples, one module for each kind of thing that people have."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finetune_kit.datasets.sources.documents import Document
    from finetune_kit.datasets.sources.excel import Excel
    from finetune_kit.datasets.sources.functions import Functions
    from finetune_kit.datasets.sources.instructions import Alpaca, Pairs
    from finetune_kit.datasets.sources.logs import Logs
    from finetune_kit.datasets.sources.mail import Mail
    from finetune_kit.datasets.sources.preferences import Preferences
    from finetune_kit.datasets.sources.slack import Slack
    from finetune_kit.datasets.sources.style import Style
    from finetune_kit.datasets.sources.transcripts import Transcript
    from finetune_kit.datasets.sources.turns import Turns
    from finetune_kit.datasets.sources.zendesk import Tickets

__all__ = [
    "Alpaca",
    "Document",
    "Excel",
    "Functions",
    "Logs",
    "Mail",
    "Pairs",
    "Preferences",
    "Slack",
    "Style",
    "Tickets",
    "Transcript",
    "Turns",
]

_HOMES = {
    "Alpaca": "instructions",
    "Document": "documents",
    "Excel": "excel",
    "Functions": "functions",
    "Logs": "logs",
    "Mail": "mail",
    "Pairs": "instructions",
    "Preferences": "preferences",
    "Slack": "slack",
    "Style": "style",
    "Tickets": "zendesk",
    "Transcript": "transcripts",
    "Turns": "turns",
}
"""Where each format lives; it is imported when it is first used: the modules here import each other."""


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
