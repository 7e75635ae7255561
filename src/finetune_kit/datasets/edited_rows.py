"""Rows of another dataset, some of them rewritten."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from finetune_kit.datasets.rows import Rows, Skipped

__all__ = ["EditedRows"]


class EditedRows:
    """The rows of `rows` that were kept or rewritten, in that order; each keeps the place that it came from."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._picks = array("Q")
        self._lines: dict[int, bytes] = {}
        self._extras: dict[int, Mapping[str, Any]] = {}
        self._skipped: tuple[Skipped, ...] = ()

    def keep(self, index: int) -> None:
        """Take over a row as it is."""
        self._picks.append(index)

    def replace(self, index: int, line: bytes, extra: Mapping[str, Any]) -> None:
        """Take over a row rewritten; `extra` joins what stands beside it."""
        self._lines[len(self._picks)] = line
        if extra:
            self._extras[len(self._picks)] = extra
        self._picks.append(index)

    def skip(self, skipped: Iterable[Skipped]) -> None:
        """Name rows that are left out."""
        self._skipped += tuple(skipped)

    def __len__(self) -> int:
        return len(self._picks)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What of the source did not become rows."""
        return (*self._rows.skipped, *self._skipped)

    def raw(self, index: int) -> bytes:
        """Return the bytes of a row."""
        line = self._lines.get(index)
        return self._rows.raw(self._picks[index]) if line is None else line

    def place(self, index: int) -> tuple[str | None, int]:
        """Return the place that the row came from."""
        return self._rows.place(self._picks[index])

    def extra(self, index: int) -> Mapping[str, Any]:
        """Return what stands beside the row and is not written."""
        kept = self._rows.extra(self._picks[index])
        return {**kept, **self._extras[index]} if index in self._extras else kept

    def check_unchanged(self) -> None:
        """Raise DatasetError if the rows that are kept are no longer what was read."""
        self._rows.check_unchanged()
