"""Validation of training files: each line is read once, and explained only where it fails.

Lines of plain chat are accepted by one short loop over what the fastest exact parser
returns; every other line goes through the whole set of rules.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from finetune_kit.datasets.rules import METHODS, MethodName
from finetune_kit.datasets.scan import Scan, line_problems
from finetune_kit.datasets.stretches import READ_BYTES, Reading, scan_stretches
from finetune_kit.errors import ConfigurationError, DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from finetune_kit.datasets.findings import ValidationReport

__all__ = ["known_method", "line_problems", "validate_file", "validate_parts"]


def validate_file(
    path: str | Path,
    *,
    method: str = "supervised",
    model: str | None = None,
    tokens: bool = False,
    processes: int = 1,
) -> ValidationReport:
    """Check every line of a JSONL file for supervised, dpo or reinforcement tuning.

    Reads the file as a stream: memory stays flat. With a `model` whose limit of tokens
    is known, examples over it are errors, too; with `tokens`, all tokens are counted on the way.

    Args:
        path: The file.
        method: What it is for.
        model: The model to be tuned.
        tokens: Count the tokens of every example, in `report.tokens`.
        processes: How many processes read stretches of the file at the same time. They are
            new interpreters, so that a program which asks for more than one has to begin with
            `if __name__ == "__main__":`. The report is the same for any number.

    Raises:
        DatasetError: The file cannot be read.
        ConfigurationError: The method is unknown, the number of processes is below 1, or the
            encoding's table is not to be had.
    """
    known = known_method(method)
    if processes < 1:
        raise ConfigurationError(f"processes={processes}: give 1 or more")
    scan = Scan(known, model, tokens=tokens)
    try:
        if processes > 1:
            scan_stretches(scan, Path(path), Reading(known, model, tokens=tokens), processes)
        else:
            with Path(path).open("rb", buffering=READ_BYTES) as file:
                scan.lines(file, str(path))
    except OSError as error:
        remedy = "check the path and its permissions"
        raise DatasetError(f"cannot read {str(path)!r}: {error.strerror or error}. Remedy: {remedy}") from error
    return scan.report(str(path))


def validate_parts(
    parts: Iterable[tuple[str | None, Iterable[tuple[int, bytes]]]],
    *,
    path: str | None,
    method: str,
    model: str | None = None,
    tokens: bool = False,
) -> ValidationReport:
    """Check rows, without line ends, as `validate_file` does: those of each part under its path, with their numbers."""
    scan = Scan(known_method(method), model, tokens=tokens)
    for part, rows in parts:
        scan.rows(rows, part)
    return scan.report(path)


def known_method(method: str) -> MethodName:
    """Return the method if it is one of supervised, dpo, reinforcement; else raise ConfigurationError."""
    for known in METHODS:
        if method == known:
            return known
    raise ConfigurationError(f"unknown method {method!r}: use one of {', '.join(METHODS)}")
