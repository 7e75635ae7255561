"""A file that appears at its path only when it is whole."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING

from finetune_kit.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["whole_file"]


@contextmanager
def whole_file(target: Path) -> Iterator[IO[bytes]]:
    """Give a file to write; when the block ends well it is flushed to disk and takes the target's place.

    Raises:
        DatasetError: The target cannot be written.
    """
    try:
        with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as part:
            temporary = Path(part.name)
            try:
                yield part
                part.flush()
                os.fsync(part.fileno())
            except BaseException:
                temporary.unlink()
                raise
        temporary.replace(target)
    except OSError as error:
        message = f"{target}: cannot be written ({error.strerror}). Free some space or choose another place."
        raise DatasetError(message) from error
