"""What a dataset is before anything is done with it: rows, which of them, and where they come from."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, overload

from finetune_kit.datasets.findings import Place
from finetune_kit.datasets.jsonl import JsonlFile, write_lines
from finetune_kit.datasets.labels import Key, row_keys
from finetune_kit.datasets.removed import Removals, Removed
from finetune_kit.datasets.rows import JoinedRows, Rows
from finetune_kit.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from finetune_kit.datasets.decontaminate import Part
    from finetune_kit.datasets.rows import Skipped
    from finetune_kit.datasets.rules import MethodName
    from finetune_kit.datasets.versions import Version
    from finetune_kit.types.examples import Example

__all__ = ["View"]

_SHOWN_DIGITS = 12
_FINGERPRINTED_TO_SHOW = 10_000


class View(Sequence["Example"]):
    """An immutable sequence of examples for one method: what all operations on datasets rest on."""

    def __init__(
        self,
        rows: Rows,
        picks: Sequence[int],
        *,
        method: MethodName,
        source: str,
        history: tuple[str, ...],
        removed: Removals | None = None,
        parents: tuple[View, ...] = (),
    ) -> None:
        self._rows = rows
        self._picks = picks
        self._method = method
        self._source = source
        self._history = history
        self._removed = Removals() if removed is None else removed
        self._parents = parents

    @property
    def method(self) -> MethodName:
        """What the examples are for: "supervised", "dpo" or "reinforcement"."""
        return self._method

    @property
    def source(self) -> str:
        """Where the rows were read from."""
        return self._source

    @property
    def history(self) -> tuple[str, ...]:
        """What made this dataset, from what, step by step."""
        return self._history

    @property
    def removed(self) -> Sequence[Removed]:
        """The rows that `deduplicate` and `decontaminate` took out on the way to this dataset, each with its like."""
        return self._removed

    def lineage(self) -> tuple[Version, ...]:
        """Return the versions that led to this dataset, each with its fingerprint; reads the rows of each once."""
        from finetune_kit.datasets.versions import versions_of

        return versions_of(self, lambda data: data._parents)  # noqa: SLF001 - of this class

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What of the source did not become rows, each with its place, the reason and the remedy; never what it says.

        A part of a dataset has all that its source left out.
        """
        return self._rows.skipped

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256, in hexadecimal, of the rows in their order: that of the file that `write` makes."""
        digest = hashlib.sha256()
        for block in self._blocks():
            digest.update(block)
        return digest.hexdigest()

    @cached_property
    def nbytes(self) -> int:
        """The size in bytes of the file that `write` makes."""
        self._rows.check_unchanged()
        if isinstance(self._rows, JsonlFile):
            return self._rows.n_bytes(self._picks)
        return sum(map(len, self.lines()))

    def lines(self) -> Iterator[bytes]:
        """Iterate over the rows as lines of JSONL: UTF-8, each ended by LF, no byte order mark."""
        self._rows.check_unchanged()
        raw = self._rows.raw
        return (raw(index) + b"\n" for index in self._picks)

    def places(self) -> Iterator[Place]:
        """Iterate over where the rows stand: path of the file and line."""
        return (Place(*self._rows.place(index)) for index in self._picks)

    def write(self, path: str | Path, *, provenance: bool = False) -> None:
        """Write the rows to a JSONL file, which appears whole or not at all.

        Args:
            path: The file.
            provenance: Write where each row comes from, too: to "train.provenance.jsonl" beside
                "train.jsonl", which `with_provenance` reads.

        Raises:
            DatasetError: The disk is full, or the directory missing or closed to writing.
        """
        self._rows.check_unchanged()
        if isinstance(self._rows, JsonlFile):
            self._rows.write(self._picks, path)
        else:
            write_lines(path, self.lines())
        if provenance:
            from finetune_kit.datasets.provenance import provenance_lines, provenance_path

            write_lines(provenance_path(path), provenance_lines(self._rows, self._picks, self._method))

    @overload
    def __getitem__(self, index: int) -> Example: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: int | slice) -> Example | Self:
        if isinstance(index, slice):
            return self._view(range(len(self))[index], "slice")
        self._rows.check_unchanged()
        from finetune_kit.datasets.typed_rows import build_example

        return build_example(self._rows, self._picks[index], self._method)

    def __iter__(self) -> Iterator[Example]:
        from finetune_kit.datasets.typed_rows import build_example

        self._rows.check_unchanged()
        for index in self._picks:
            yield build_example(self._rows, index, self._method)

    def __len__(self) -> int:
        return len(self._picks)

    def __add__(self, other: Self) -> Self:
        if not isinstance(other, type(self)):
            return NotImplemented
        if other.method != self._method:
            raise DatasetError(f"cannot join a {self._method} dataset and a {other.method} one: they train differently")
        rows = JoinedRows([(self._rows, self._picks), (other._rows, other._picks)])
        source = self._source if self._source == other.source else f"{self._source} and {other.source}"
        history = (*self._history, *other.history, f"join: {len(rows)} rows")
        return type(self)(
            rows,
            range(len(rows)),
            method=self._method,
            source=source,
            history=history,
            removed=self._removed + other._removed,
            parents=(self, other),
        )

    def __repr__(self) -> str:
        left_out = f", {len(self.skipped)} skipped" if self.skipped else ""
        # Showing a dataset is no reason to read gigabytes.
        known = "fingerprint" in self.__dict__ or len(self) <= _FINGERPRINTED_TO_SHOW
        prefix = f", fingerprint {self.fingerprint[:_SHOWN_DIGITS]}" if known else ""
        return f"Dataset({len(self)} {self._method} examples from {self._source!r}{left_out}{prefix})"

    def _blocks(self) -> Iterable[bytes | memoryview]:
        self._rows.check_unchanged()
        return self._rows.blocks(self._picks) if isinstance(self._rows, JsonlFile) else self.lines()

    def _view(self, positions: Sequence[int], step: str, removed: Removals | None = None) -> Self:
        whole = self._picks == range(len(self._rows))
        picks = array("Q", positions if whole else map(self._picks.__getitem__, positions))
        step = f"{step}: {len(picks)} of {len(self)} rows"
        return self._rewritten(self._rows, step, picks=picks, removed=removed)

    def _rewritten(
        self,
        rows: Rows,
        step: str,
        *,
        picks: Sequence[int] | None = None,
        method: MethodName | None = None,
        removed: Removals | None = None,
    ) -> Self:
        return type(self)(
            rows,
            range(len(rows)) if picks is None else picks,
            method=method or self._method,
            source=self._source,
            history=(*self._history, step),
            removed=self._removed + removed if removed else self._removed,
            parents=(self,),
        )

    def _without(self, positions: Sequence[int], removed: Removals, step: str) -> Self:
        gone = set(positions)
        return self._view([position for position in range(len(self)) if position not in gone], step, removed)

    def _parts(
        self, parts: tuple[list[int], list[int], list[int]], step: str, *, with_validation: bool = False
    ) -> tuple[Self, ...]:
        names = ("train", "validation", "test")
        train, valid, test = (self._view(part, f"{step}: {name}") for part, name in zip(parts, names, strict=True))
        return (train, valid, test) if with_validation else (train, test)

    @property
    def _part(self) -> Part:
        from finetune_kit.datasets.decontaminate import Part

        self._rows.check_unchanged()
        return Part(self._rows, self._picks, self._method)

    def _keys(self, key: Key) -> list[object]:
        self._rows.check_unchanged()
        return row_keys(self._rows, self._picks, self._method, key)
