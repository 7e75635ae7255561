"""What every resource has: a way to send, and the dialect to speak."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune_kit.wire.modes import M, Moded

if TYPE_CHECKING:
    from finetune_kit.dialects import OpenAIDialect
    from finetune_kit.wire.io import IO
    from finetune_kit.wire.sender import Sender

__all__ = ["Resource"]


class Resource(Moded[M]):
    """A group of operations of one client."""

    def __init__(self, io: IO, send: Sender, dialect: OpenAIDialect, *, awaited: bool = False) -> None:
        super().__init__(io, awaited=awaited)
        self._send = send
        self._dialect = dialect

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._dialect.name}>"
