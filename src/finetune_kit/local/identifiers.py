"""The ids that the embedded server gives."""

from __future__ import annotations

import re
import secrets
import string

__all__ = ["CHECKPOINT_MARK", "event_id", "event_number", "new_id", "tuned_model_id"]

CHECKPOINT_MARK = ":ckpt-step-"
_ALPHABET = string.ascii_letters + string.digits
_EVENT = "ftevent-"


def new_id(prefix: str) -> str:
    """Return a fresh id: the prefix, and 24 random hexadecimal digits."""
    return prefix + secrets.token_hex(12)


def event_id(number: int) -> str:
    """Return the id of the event with this running number: the order of ids is that of events."""
    return f"{_EVENT}{number:016d}"


def event_number(identifier: str) -> int | None:
    """Return the running number in an event's id, or None if it is none."""
    digits = identifier.removeprefix(_EVENT)
    return int(digits) if identifier.startswith(_EVENT) and re.fullmatch(r"[0-9]{1,18}", digits) else None


def tuned_model_id(base: str, suffix: str | None) -> str:
    """Return a fresh id for a model tuned from `base`: `ft:{base}:local:{suffix}:{8 characters}`.

    A base that is a directory or a hub id gives its last part.
    """
    last = re.split(r"[/\\]", base.rstrip("/\\"))[-1]
    slug = re.sub(r"[^A-Za-z0-9._:-]+", "-", last) or "model"
    tail = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    return f"ft:{slug}:local:{suffix or ''}:{tail}"
