"""Where a person's rows have been: files, jobs, models, and what could not be looked into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["ExposedFile", "ExposedJob", "Exposure", "UnseenFile", "Why"]

Why = Literal["training file", "validation file", "base model"]
"""How rows reach a job; a validation file is measured on, not learnt."""


@dataclass(frozen=True, slots=True)
class ExposedFile:
    """A file that holds rows of the person."""

    id: str
    filename: str | None
    n_rows: int
    """Lines that are one of the forgotten rows, or name the person."""
    n_lines: int
    """Lines that are not blank."""

    def __str__(self) -> str:
        return f"file {self.id} ({self.filename or 'unnamed'}): {self.n_rows} of {self.n_lines} rows"


@dataclass(frozen=True, slots=True)
class UnseenFile:
    """A file that may hold rows of the person: its content could not be read."""

    id: str
    filename: str | None
    reason: str

    def __str__(self) -> str:
        return f"file {self.id} ({self.filename or 'not listed'}): {self.reason}"


@dataclass(frozen=True, slots=True)
class ExposedJob:
    """A job that read such a file, or went on from a model that did."""

    id: str
    status: str
    why: Why
    model: str | None
    """What it began with."""
    models: tuple[str, ...] = ()
    """What came out: the tuned model, then the checkpoints."""

    def __str__(self) -> str:
        made = ", ".join(self.models) or "no model"
        return f"job {self.id} ({self.status}, by its {self.why}): {made}"


@dataclass(frozen=True, slots=True)
class Exposure:
    """Which files, jobs and models at one service saw a person's rows.

    Only where `complete` is true does an empty answer mean that there is nothing.
    """

    files: tuple[ExposedFile, ...] = ()
    jobs: tuple[ExposedJob, ...] = ()
    unseen: tuple[UnseenFile, ...] = ()
    """Files that could not be looked into."""
    doubtful: tuple[ExposedJob, ...] = ()
    """Jobs that read those, or went on from a model that did, and are not among `jobs`."""
    gaps: tuple[str, ...] = ()
    """What else could not be looked at."""
    n_files: int = 0
    """How many files were looked for, read or not."""
    n_jobs: int = 0
    """How many jobs were looked at."""

    @property
    def models(self) -> tuple[str, ...]:
        """The tuned models and checkpoints that have learnt from the rows, or were measured on them."""
        return tuple(dict.fromkeys(model for job in self.jobs for model in job.models))

    @property
    def doubtful_models(self) -> tuple[str, ...]:
        """The models of which it cannot be told."""
        known = set(self.models)
        return tuple(dict.fromkeys(model for job in self.doubtful for model in job.models if model not in known))

    @property
    def complete(self) -> bool:
        """Whether everything could be looked into."""
        return not (self.unseen or self.gaps)

    def __str__(self) -> str:
        head = (
            f"Looked into {self.n_files - len(self.unseen)} of {self.n_files} files and {self.n_jobs} jobs: "
            f"{len(self.files)} files, {len(self.jobs)} jobs and {len(self.models)} models saw the rows"
            f"{'' if self.complete else '; NOT COMPLETE'}."
        )
        lines = [f"  {each}" for each in (*self.files, *self.jobs)]
        lines += [f"  could not be looked into: {each}" for each in self.unseen]
        lines += [f"  cannot be told: {job}" for job in self.doubtful]
        return "\n".join([head, *lines, *(f"  not looked at: {gap}" for gap in self.gaps)])
