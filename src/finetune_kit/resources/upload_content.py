"""What an upload sends: its name, its size, and its bytes in parts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from finetune_kit.errors import ConfigurationError, DatasetError
from finetune_kit.resources.run_key import content_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from finetune_kit.datasets import Dataset

__all__ = ["UploadContent", "content_of"]

_READ_BYTES = 1024 * 1024
_TRAINING_SUFFIXES = {".jsonl", ".ndjson"}


@dataclass(frozen=True, slots=True)
class UploadContent:
    """Bytes to upload, read anew for each pass so that none of them need stay in memory."""

    filename: str
    size_bytes: int
    read: Callable[[], Iterable[bytes]]

    def whole(self) -> bytes:
        """Return all bytes."""
        return b"".join(self.read())

    def parts(self, part_bytes: int) -> Iterator[bytes]:
        """Give the bytes in parts of the given size; the last may be smaller."""
        part = bytearray()
        for piece in self.read():
            part += piece
            while len(part) >= part_bytes:
                yield bytes(part[:part_bytes])
                del part[:part_bytes]
        if part:
            yield bytes(part)


def content_of(source: Dataset | Path | str, *, purpose: str, filename: str | None) -> UploadContent:
    """Return what to send for a dataset or a file.

    Training data is checked first, and sent as UTF-8 lines without byte-order mark.

    Raises:
        DatasetError: The data has errors that a service refuses, or the file cannot be read.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        if purpose != "fine-tune":
            return _file(path, filename)
        source = _training_data(path)
        filename = filename or path.name
    _raise_for_errors(source)
    return _lines(source, filename or "examples.jsonl")


def _training_data(path: Path) -> Dataset:
    from finetune_kit.datasets import Dataset

    if path.suffix.lower() not in _TRAINING_SUFFIXES:
        message = (
            f"{path}: training files are JSON lines (.jsonl). Read it with Dataset.read({path.name!r}, user=..., "
            "assistant=...) and upload that."
        )
        raise ConfigurationError(message)
    return Dataset.read(path)


def _raise_for_errors(data: Dataset) -> None:
    # How many examples a file needs depends on what it is for: tune() and the service check that.
    data.validate().without("n_examples").raise_for_refusals()


def _lines(data: Dataset, filename: str) -> UploadContent:
    stem = Path(filename).stem
    return UploadContent(content_name(stem, data.fingerprint), data.nbytes, data.lines)


def _file(path: Path, filename: str | None) -> UploadContent:
    digest = hashlib.sha256()
    try:
        for piece in _pieces(path):
            digest.update(piece)
        size = path.stat().st_size
    except OSError as error:
        message = f"{path}: cannot be read ({error.strerror}). Check the path and its permissions."
        raise DatasetError(message) from error
    named = Path(filename or path.name)
    return UploadContent(
        content_name(named.stem, digest.hexdigest(), named.suffix or ".bin"), size, lambda: _pieces(path)
    )


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_READ_BYTES):
            yield piece
