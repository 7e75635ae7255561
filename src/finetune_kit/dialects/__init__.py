"""How each service does each operation."""

from __future__ import annotations

from finetune_kit.dialects.compatible import COMPATIBLE
from finetune_kit.dialects.local import LOCAL
from finetune_kit.dialects.openai import OPENAI, OpenAIDialect
from finetune_kit.errors import ConfigurationError

__all__ = ["DIALECTS", "OpenAIDialect", "find_dialect"]

DIALECTS = {dialect.name: dialect for dialect in (OPENAI, COMPATIBLE, LOCAL)}
"""The services that the kit knows by name."""


def find_dialect(provider: str | OpenAIDialect) -> OpenAIDialect:
    """Return the dialect of that name, or the dialect itself.

    Raises:
        ConfigurationError: No dialect has that name.
    """
    if isinstance(provider, OpenAIDialect):
        return provider
    if provider in DIALECTS:
        return DIALECTS[provider]
    message = f"No provider is called {provider!r}. Use one of {', '.join(map(repr, DIALECTS))}."
    raise ConfigurationError(message)
