"""Rows as blocks of a Ray cluster, and the answers of its workers in the order of the rows."""

from __future__ import annotations

import io
import os
import pickle
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import orjson

from finetune_kit.datasets.rows import EncodedRows
from finetune_kit.datasets.stretches import stretches
from finetune_kit.datasets.syntax import BOM
from finetune_kit.errors import DatasetError, FinetuneKitError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import ray.data

__all__ = ["Block", "Stretch", "answers", "file_paths", "read_rows", "start_ray", "stretch_items"]

T = TypeVar("T")

_STRETCH_BYTES: Final = 32 << 20


class Stretch(NamedTuple):
    """Whole lines of a file, by the bytes that they begin and end at."""

    path: str
    start: int
    end: int
    lines_before: int = 0

    def lines(self) -> io.BytesIO:
        """Return the lines, with their ends, as a file."""
        with Path(self.path).open("rb") as file:
            file.seek(self.start)
            return io.BytesIO(file.read(self.end - self.start))

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows as `JsonlFile` has them, blank lines left out, with path and line."""
        for line, raw in enumerate(self.lines(), self.lines_before + 1):
            if not raw.isspace():
                yield {"path": self.path, "line": line, "row": raw.rstrip(b"\r\n").removeprefix(BOM)}


class Block(NamedTuple):
    """Some consecutive rows; those of files with their places, others numbered from 1 in each block."""

    rows: EncodedRows
    path: str | None
    is_placed: bool

    @classmethod
    def of(cls, records: Sequence[dict[str, Any]]) -> Block:
        """Make a block of the records of a dataset of Ray.

        A record is one row of `read_rows`; one column of JSON text; or the row itself, of which
        Ray has filled the keys that some rows lack with None: these are left out.
        """
        if records and records[0].keys() == {"path", "line", "row"}:
            lines = [record["line"] for record in records]
            path = records[0]["path"]
            return cls(EncodedRows([record["row"] for record in records], path=path, lines=lines), path, is_placed=True)
        return cls(EncodedRows([_encoded(record) for record in records]), None, is_placed=False)


def start_ray() -> None:
    """Connect to Ray; where the program has not, start a local cluster that reports to nobody.

    Raises:
        MissingExtraError: The extra `ray` is not installed.
    """
    if find_spec("ray") is None:
        raise MissingExtraError("working on a cluster", "ray", package="ray")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    if not ray.is_initialized():
        # A cluster that is there already has its own mind about a dashboard, and refuses another.
        ray.init(include_dashboard=None if os.environ.get("RAY_ADDRESS") else False)


def read_rows(paths: str | Path | Sequence[str | Path]) -> ray.data.Dataset:
    """Return the rows of JSONL files as a dataset of Ray with `path`, `line` and `row` (bytes); reads them twice."""
    start_ray()
    import ray.data

    found: list[Stretch] = []
    for path in file_paths(paths):
        before = [0, *accumulate(answers(stretch_items(path), _count_lines))]
        found += [part._replace(lines_before=lines) for part, lines in zip(_stretches(path), before, strict=False)]
    return ray.data.from_items(_items(found), override_num_blocks=len(found)).flat_map(_rows_of)


def file_paths(paths: str | Path | Sequence[str | Path]) -> list[str]:
    """Return paths as absolute ones, because workers have directories of their own."""
    return [str(Path(path).absolute()) for path in ([paths] if isinstance(paths, str | Path) else paths)]


def stretch_items(path: str) -> ray.data.Dataset:
    """Return the stretches of a file as a dataset of Ray, one a block."""
    import ray.data

    items = _items(_stretches(path))
    return ray.data.from_items(items, override_num_blocks=len(items))


def _stretches(path: str) -> list[Stretch]:
    try:
        n_parts = -(-Path(path).stat().st_size // _STRETCH_BYTES)
        return [Stretch(path, start, end) for start, end in stretches(Path(path), max(n_parts, 1))]
    except OSError as error:
        remedy = "check the path and its permissions, here and on the workers"
        raise DatasetError(f"cannot read {path!r}: {error.strerror or error}. Remedy: {remedy}") from error


def answers(source: ray.data.Dataset, work: Callable[[Sequence[dict[str, Any]]], T]) -> Iterator[T]:
    """Yield what `work` returns for each block of records, in the order of the blocks; raise what it raises."""

    def worked(batch: Any) -> dict[str, list[bytes]]:
        try:
            answer: T | FinetuneKitError | OSError = work(batch.to_pylist())
        except (FinetuneKitError, OSError) as error:
            answer = error
        return {"answer": [pickle.dumps(answer)]}

    mapped = source.map_batches(worked, batch_size=None, batch_format="pyarrow")
    mapped.context.execution_options.preserve_order = True
    for record in mapped.iter_rows():
        answer = pickle.loads(record["answer"])  # noqa: S301 - from our own workers
        if isinstance(answer, FinetuneKitError | OSError):
            raise answer
        yield answer


def _items(parts: Iterable[Stretch]) -> list[dict[str, Any]]:
    return [part._asdict() for part in parts]


def _rows_of(item: dict[str, Any]) -> list[dict[str, Any]]:
    return list(Stretch(**item).rows())


def _count_lines(items: Sequence[dict[str, Any]]) -> int:
    return sum(sum(1 for _ in Stretch(**item).lines()) for item in items)


def _encoded(record: dict[str, Any]) -> bytes:
    values = list(record.values())
    if len(values) == 1 and isinstance(values[0], str | bytes):
        return values[0].encode(errors="surrogatepass") if isinstance(values[0], str) else values[0]
    return orjson.dumps(_present(record))


def _present(value: Any) -> Any:
    """Return a value without the keys that are None."""
    if isinstance(value, dict):
        return {key: _present(inner) for key, inner in value.items() if inner is not None}
    return [_present(inner) for inner in value] if isinstance(value, list) else value
