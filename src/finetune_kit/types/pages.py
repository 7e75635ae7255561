"""One page of a listing."""

from __future__ import annotations

from typing import Generic, TypeVar

from finetune_kit.types.values import Answer

__all__ = ["Page"]

T = TypeVar("T")


class Page(Answer, Generic[T]):
    """One page of a listing; `after` the last item's id comes the next."""

    data: tuple[T, ...]
    object: str | None = None
    has_more: bool | None = None
    first_id: str | None = None
    last_id: str | None = None
