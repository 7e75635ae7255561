"""The functions of rows over a Ray cluster, for corpora larger than one machine: the same results as on one.

Every function takes paths of JSONL files that all workers can open, or a dataset of Ray, whose
rows are examples, or JSON text in a single column. Ray is started locally unless the program has
connected to a cluster before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune_kit.datasets.alikeness import Alikeness
from finetune_kit.datasets.deduplicate import Likeness, RowTexts, near_text, row_identities
from finetune_kit.datasets.jsonl import write_lines
from finetune_kit.datasets.near_duplicates import near_keys
from finetune_kit.datasets.ray_source import Block, Stretch, answers, file_paths, read_rows, start_ray, stretch_items
from finetune_kit.datasets.rows import numbered_lines, parse_row
from finetune_kit.datasets.scan import Partial, Scan
from finetune_kit.datasets.tokens import TokenCount, TokenTally
from finetune_kit.datasets.typed_rows import build_example
from finetune_kit.datasets.validate import known_method

if TYPE_CHECKING:
    from array import array
    from collections.abc import Hashable

    import ray.data

    from finetune_kit.datasets.deduplicate import By, Of
    from finetune_kit.datasets.findings import ValidationReport
    from finetune_kit.datasets.rules import MethodName
    from finetune_kit.types.examples import Example

    Source = ray.data.Dataset | str | Path | Sequence[str | Path]

__all__ = ["count_tokens", "duplicate_keys", "filter_rows", "map_rows", "read_rows", "validate", "write_rows"]


def validate(source: Source, *, method: str = "supervised", model: str | None = None) -> ValidationReport:
    """Check every row as `validate_file` does; of several files, the lines are those of each.

    Raises:
        MissingExtraError: The extra `ray` is not installed.
        DatasetError: A file cannot be read.
    """
    known = known_method(method)
    start_ray()
    whole = Scan(known, model)
    if isinstance(source, str | Path | Sequence):
        paths = file_paths(source)
        for path in paths:
            # Lines are counted anew in each file.
            whole.recorder.n_lines = 0
            for partial in answers(stretch_items(path), lambda items: _scanned_lines(items, known, model)):
                whole.merge(partial)
        return whole.report(paths[0] if len(paths) == 1 else None)
    for partial, is_placed in answers(source, lambda records: _scanned_rows(records, known, model)):
        whole.recorder.n_lines = 0 if is_placed else whole.recorder.n_lines
        whole.merge(partial)
    return whole.report(None)


def count_tokens(source: Source, model: str, *, method: str = "supervised") -> TokenCount:
    """Count the tokens of every example as `Dataset.tokens` does.

    Raises:
        MissingExtraError: The extra `ray` is not installed.
        FormatError: A row is not a JSON object.
    """
    known = known_method(method)
    total = TokenTally(model)
    for counts, guessed in answers(_rows(source), lambda records: _counted(records, known, model)):
        total.merge(counts, guessed=guessed)
    return total.result()


def duplicate_keys(source: Source, *, by: By = "exact", of: Of = "row", method: str = "supervised") -> list[Hashable]:
    """Return a key for each row, the same for rows that are the same; `duplicate_groups` finds these.

    By "exact" or "normalised", as `Dataset.deduplicate` compares. By "near" (extra `audit`), the key of a row is
    a tuple: rows of 60 characters and more that share a member of it are candidates to look at more closely.
    """
    known = known_method(method)
    like = Likeness(by, of).check()
    return [key for keys in answers(_rows(source), lambda records: _keyed(records, known, like)) for key in keys]


def filter_rows(source: Source, keep: Callable[[Example], bool], *, method: str = "supervised") -> ray.data.Dataset:
    """Return the rows of examples for which `keep` is true, as `read_rows` has them; lazy, as Ray is."""
    known = known_method(method)
    return _rows(source).flat_map(lambda record: [record] if keep(_example(record, known)) else [])


def map_rows(source: Source, change: Callable[[Example], Example], *, method: str = "supervised") -> ray.data.Dataset:
    """Return the rows of the examples that `change` makes, with the places of those they were made from; lazy."""
    known = known_method(method)
    return _rows(source).map(lambda record: {**record, "row": _changed(_example(record, known), change)})


def write_rows(rows: ray.data.Dataset, path: str | Path) -> None:
    """Write rows to one JSONL file, which appears whole or not at all, on this machine."""
    rows.context.execution_options.preserve_order = True
    write_lines(path, (_raw(record) + b"\n" for record in rows.iter_rows()))


def _rows(source: Source) -> ray.data.Dataset:
    start_ray()
    return read_rows(source) if isinstance(source, str | Path | Sequence) else source


def _scanned_lines(items: Sequence[dict[str, Any]], method: MethodName, model: str | None) -> Partial:
    scan = Scan(method, model)
    for item in items:
        stretch = Stretch(**item)
        scan.lines(stretch.lines(), stretch.path)
    return scan.partial()


def _scanned_rows(records: Sequence[dict[str, Any]], method: MethodName, model: str | None) -> tuple[Partial, bool]:
    scan = Scan(method, model)
    block = Block.of(records)
    for path, lines in numbered_lines(block.rows, range(len(block.rows))):
        scan.rows(lines, path)
    return scan.partial(), block.is_placed


def _counted(records: Sequence[dict[str, Any]], method: MethodName, model: str) -> tuple[array[int], bool]:
    tally = TokenTally(model)
    rows = Block.of(records).rows
    for index in range(len(rows)):
        tally.add(parse_row(rows, index, method))
    return tally.counts, tally.guessed


def _keyed(records: Sequence[dict[str, Any]], method: MethodName, like: Likeness) -> list[Hashable]:
    rows = Block.of(records).rows
    picks = range(len(rows))
    if like.by != "near":
        return list(row_identities(rows, picks, method, like))
    return list(near_keys(RowTexts(rows, picks, near_text(method, like.of)), Alikeness(like.jaccard, like.ratio)))


def _example(record: dict[str, Any], method: MethodName) -> Example:
    return build_example(Block.of([record]).rows, 0, method)


def _changed(example: Example, change: Callable[[Example], Example]) -> bytes:
    return change(example).model_dump_json(exclude_none=True, exclude_unset=True).encode()


def _raw(record: dict[str, Any]) -> bytes:
    return Block.of([record]).rows.raw(0)
