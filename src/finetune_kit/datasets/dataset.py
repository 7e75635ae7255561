"""A dataset: an immutable sequence of examples that stay bytes until somebody asks."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, overload

from finetune_kit.datasets.jsonl import JsonlFile, write_lines
from finetune_kit.datasets.labels import Key, row_keys
from finetune_kit.datasets.readers import Columns, Source, read_rows
from finetune_kit.datasets.rows import JoinedRows, Rows, build_example, guess_method, numbered_lines, parse_row
from finetune_kit.datasets.split import (
    grouped_parts,
    random_parts,
    seeded_order,
    split_sizes,
    stratified_parts,
    stratified_sample,
)
from finetune_kit.datasets.validate import known_method, validate_file, validate_parts
from finetune_kit.errors import ConfigurationError, DatasetError
from finetune_kit.types.examples import Example

if TYPE_CHECKING:
    from pathlib import Path

    from finetune_kit.datasets.findings import ValidationReport
    from finetune_kit.datasets.rules import MethodName
    from finetune_kit.datasets.templates import Text
    from finetune_kit.datasets.tokens import TokenCount

__all__ = ["Dataset"]

_SHOWN_DIGITS = 12


class Dataset(Sequence[Example]):
    """An immutable sequence of examples for one method.

    Made by `Dataset.read`; every operation returns a new dataset that looks at the same
    rows. Its repr and its errors never show what an example says.

    Example:
        >>> rows = [{"text": f"Where is order {n}?", "label": "tracking"} for n in range(10)]
        >>> data = Dataset.read(rows, user="text", assistant="label", system="Name the category.")
        >>> data[0].messages[2].content
        'tracking'
        >>> train, test = data.split(test=0.2, seed=7)
        >>> len(train), len(test)
        (8, 2)
    """

    def __init__(
        self, rows: Rows, picks: Sequence[int], *, method: MethodName, source: str, history: tuple[str, ...]
    ) -> None:
        self._rows = rows
        self._picks = picks
        self._method = method
        self._source = source
        self._history = history

    @classmethod
    def read(
        cls,
        source: Source,
        *,
        user: Text | None = None,
        assistant: Text | None = None,
        system: Text | None = None,
        method: str | None = None,
    ) -> Dataset:
        """Read a dataset from a file, a list of dicts or examples, or a pandas or polars frame.

        Files are .jsonl, .ndjson, .json, .csv, .tsv or .parquet (extra `tables`). Rows in
        the protocol's shapes are taken as they are. Of any other table, `user` and
        `assistant` name what the messages are made of, and `system` what stands before:
        the name of a column; a template such as "Order {order_id}: {text}", where
        "{column!j}" is the value as JSON (`'{{"intent": {category!j}}}'`); or a function of
        the row. With method="reinforcement" all columns stay beside the messages.

        A JSONL file is mapped, not loaded. Broken lines do not stop the reading:
        `validate` names them, and using such a row raises FormatError.

        Args:
            source: A path, rows, or a frame.
            user: The question.
            assistant: The answer to learn.
            system: The instruction; without a column in it, the same for all.
            method: "supervised", "dpo" or "reinforcement"; by default what the first rows look like.

        Raises:
            DatasetError: There is no such file, it cannot be read, or it has no rows.
            FormatError: A table is malformed; names the line.
            ConfigurationError: A column that is named is not there; names those that are.
        """
        chosen = None if method is None else known_method(method)
        rows, name = read_rows(source, Columns(user, assistant, system, chosen))
        found = chosen or guess_method(rows.raw(index) for index in range(len(rows)))
        history = (f"read {name}: {len(rows)} rows",)
        return cls(rows, range(len(rows)), method=found, source=name, history=history)

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

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256, in hexadecimal, of the rows in their order: that of the file that `write` makes."""
        digest = hashlib.sha256()
        for line in self.lines():
            digest.update(line)
        return digest.hexdigest()

    @cached_property
    def nbytes(self) -> int:
        """The size in bytes of the file that `write` makes."""
        return sum(map(len, self.lines()))

    def lines(self) -> Iterator[bytes]:
        """Iterate over the rows as lines of JSONL: UTF-8, each ended by LF, no byte order mark."""
        self._rows.check_unchanged()
        raw = self._rows.raw
        return (raw(index) + b"\n" for index in self._picks)

    def write(self, path: str | Path) -> None:
        """Write the rows to a JSONL file, which appears whole or not at all.

        Raises:
            DatasetError: The disk is full, or the directory missing or closed to writing.
        """
        write_lines(path, self.lines())

    def validate(self, model: str | None = None) -> ValidationReport:
        """Check every row by the rules of the fine-tuning format; with a model, its limit of tokens, too."""
        rows = self._rows
        rows.check_unchanged()
        if isinstance(rows, JsonlFile) and self._picks == range(len(rows)) and rows.is_at_path():
            return validate_file(rows.path, method=self._method, model=model)
        path = rows.place(self._picks[0])[0] if self._picks and not isinstance(rows, JoinedRows) else None
        return validate_parts(numbered_lines(rows, self._picks), path=path, method=self._method, model=model)

    def tokens(self, model: str) -> TokenCount:
        """Count the tokens of every example as a model reads them.

        Raises:
            ConfigurationError: The encoding's table is not on this machine and cannot be fetched.
            FormatError: A row is not a JSON object.
        """
        from finetune_kit.datasets.tokens import count_tokens

        self._rows.check_unchanged()
        return count_tokens((parse_row(self._rows, index, self._method) for index in self._picks), model)

    @overload
    def split(
        self,
        test: float = ...,
        *,
        validation: None = ...,
        seed: int = ...,
        stratify: Key | None = ...,
        group: Key | None = ...,
    ) -> tuple[Dataset, Dataset]: ...

    @overload
    def split(
        self,
        test: float = ...,
        *,
        validation: float,
        seed: int = ...,
        stratify: Key | None = ...,
        group: Key | None = ...,
    ) -> tuple[Dataset, Dataset, Dataset]: ...

    def split(
        self,
        test: float = 0.2,
        *,
        validation: float | None = None,
        seed: int = 0,
        stratify: Key | None = None,
        group: Key | None = None,
    ) -> tuple[Dataset, ...]:
        """Divide into train and test, or train, validation and test; every row is in exactly one.

        Sizes are fractions (0.2) or counts (50), kept to the row unless `group` is given. The
        same seed gives the same parts in every version of Python; each part keeps the order.

        Args:
            test: Size of the test part.
            validation: Size of the validation part; None for no such part.
            seed: Chooses the rows.
            stratify: Keep the proportions of this key, and at least one row of each in train:
                "assistant" (the text of the answer), a key of the rows, or a function of the example.
            group: Never divide rows with the same key, such as those of one customer.

        Raises:
            DatasetError: There are too few rows for these sizes.
        """
        if stratify is not None and group is not None:
            raise ConfigurationError("give stratify or group, not both: groups cannot be divided to keep proportions")
        sizes = split_sizes(len(self), test, validation)
        if group is not None:
            parts = grouped_parts(self._keys(group), sizes, seed)
        elif stratify is not None:
            parts = stratified_parts(self._keys(stratify), sizes, seed)
        else:
            parts = random_parts(len(self), sizes, seed)
        train, valid, tested = (
            self._view(part, f"split seed={seed}: {name}")
            for part, name in zip(parts, ("train", "validation", "test"), strict=True)
        )
        return (train, tested) if validation is None else (train, valid, tested)

    def shuffle(self, seed: int = 0) -> Dataset:
        """Return the examples in random order; the same seed gives the same order everywhere."""
        return self._view(seeded_order(len(self), seed), f"shuffle seed={seed}")

    def filter(self, keep: Callable[[Example], bool]) -> Dataset:
        """Return the examples for which `keep` is true."""
        kept = [position for position, example in enumerate(self) if keep(example)]
        return self._view(kept, "filter")

    def take(self, n: int) -> Dataset:
        """Return the first `n` examples, or all if there are fewer."""
        return self._view(range(min(max(n, 0), len(self))), f"take {n}")

    def sample(self, n: int, *, seed: int = 0, stratify: Key | None = None) -> Dataset:
        """Return `n` examples chosen at random, in their order; with `stratify`, in proportion to that key."""
        if not 0 < n <= len(self):
            raise ConfigurationError(f"cannot sample {n} of {len(self)} examples: give a count from 1 to {len(self)}")
        chosen = sorted(seeded_order(len(self), seed)[:n])
        if stratify is not None:
            chosen = stratified_sample(self._keys(stratify), n, seed)
        return self._view(chosen, f"sample {n} seed={seed}")

    @overload
    def __getitem__(self, index: int) -> Example: ...

    @overload
    def __getitem__(self, index: slice) -> Dataset: ...

    def __getitem__(self, index: int | slice) -> Example | Dataset:
        if isinstance(index, slice):
            return self._view(range(len(self))[index], "slice")
        self._rows.check_unchanged()
        return build_example(self._rows, self._picks[index], self._method)

    def __iter__(self) -> Iterator[Example]:
        self._rows.check_unchanged()
        for index in self._picks:
            yield build_example(self._rows, index, self._method)

    def __len__(self) -> int:
        return len(self._picks)

    def __add__(self, other: Dataset) -> Dataset:
        if not isinstance(other, Dataset):
            return NotImplemented
        if other.method != self._method:
            raise DatasetError(f"cannot join a {self._method} dataset and a {other.method} one: they train differently")
        rows = JoinedRows([(self._rows, self._picks), (other._rows, other._picks)])
        source = self._source if self._source == other.source else f"{self._source} and {other.source}"
        history = (*self._history, *other.history, f"join: {len(rows)} rows")
        return Dataset(rows, range(len(rows)), method=self._method, source=source, history=history)

    def __repr__(self) -> str:
        prefix = self.fingerprint[:_SHOWN_DIGITS]
        return f"Dataset({len(self)} {self._method} examples from {self._source!r}, fingerprint {prefix})"

    def _view(self, positions: Sequence[int], step: str) -> Dataset:
        picks = array("Q", (self._picks[position] for position in positions))
        history = (*self._history, f"{step}: {len(picks)} of {len(self)} rows")
        return Dataset(self._rows, picks, method=self._method, source=self._source, history=history)

    def _keys(self, key: Key) -> list[object]:
        self._rows.check_unchanged()
        return row_keys(self._rows, self._picks, self._method, key)
