"""Rows with facts about each beside them, over the rows that hold the bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from finetune_kit.datasets.rows import Rows, Skipped

__all__ = ["DocumentedRows"]


class DocumentedRows:
    """Rows with facts about each beside them; the bytes stay where they are."""

    def __init__(self, rows: Rows, records: Sequence[Mapping[str, str]], codes: Sequence[int] | None = None) -> None:
        self._rows = rows
        self._records = records
        self._codes = codes
        """For each row the number of its record; None where all have the first."""

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What of the source did not become rows."""
        return self._rows.skipped

    def raw(self, index: int) -> bytes:
        """Return the bytes of a row."""
        return self._rows.raw(index)

    def place(self, index: int) -> tuple[str | None, int]:
        """Return the place of a row."""
        return self._rows.place(index)

    def extra(self, index: int) -> Mapping[str, Any]:
        """Return what stands beside the row, the facts included."""
        record = self._records[0 if self._codes is None else self._codes[index]]
        return {**self._rows.extra(index), **record}

    def check_unchanged(self) -> None:
        """Raise DatasetError if the rows are no longer what was read."""
        self._rows.check_unchanged()
