"""The embedded server."""

from __future__ import annotations

from finetune_kit.dialects.openai import OpenAIDialect

__all__ = ["LOCAL"]

LOCAL = OpenAIDialect(
    name="local",
    base_url=None,
    key_variables=("FINETUNE_KIT_LOCAL_API_KEY",),
    base_url_variables=("FINETUNE_KIT_LOCAL_BASE_URL",),
    needs_key=False,
    poll_seconds=0.5,
    chat_timeout_seconds=1800.0,
)
"""The server of `finetune_kit.local`: on this machine, or one that somebody serves with it."""
