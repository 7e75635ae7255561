"""The check of a dataset by the rules of many providers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from finetune_kit.datasets.jsonl import JsonlFile
from finetune_kit.datasets.providers.matrix import ValidationMatrix
from finetune_kit.datasets.providers.profiles import PROFILES
from finetune_kit.datasets.providers.reading import Reading, Where
from finetune_kit.datasets.providers.sheet import Sheet
from finetune_kit.datasets.rows import JoinedRows, numbered_lines
from finetune_kit.datasets.rules import MAX_IMAGE_ROWS, MethodName, Problem
from finetune_kit.errors import ConfigurationError, DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from finetune_kit.datasets.providers.profile import Profile
    from finetune_kit.datasets.rows import Rows

__all__ = ["validate_against"]


def validate_against(
    rows: Rows,
    picks: Sequence[int],
    providers: str | Sequence[str],
    *,
    method: MethodName,
    model: str | None = None,
) -> ValidationMatrix:
    """Check some rows, each read once, by the rules of every provider that is named.

    Raises:
        ConfigurationError: A provider is unknown.
        DatasetError: The file cannot be read.
    """
    profiles = [_profile(name) for name in dict.fromkeys((providers,) if isinstance(providers, str) else providers)]
    if isinstance(rows, JsonlFile) and picks == range(len(rows)) and rows.is_at_path():
        # The file itself has what rows no longer show: byte order marks, blank lines, CR LF.
        try:
            with Path(rows.path).open("rb") as file:
                return _matrix([(rows.path, enumerate(file, 1))], profiles, Reading(rows.path, method, model))
        except OSError as error:
            remedy = "check the path and its permissions"
            raise DatasetError(f"cannot read {rows.path!r}: {error.strerror or error}. Remedy: {remedy}") from error
    path = rows.place(picks[0])[0] if picks and not isinstance(rows, JoinedRows) else None
    return _matrix(numbered_lines(rows, picks), profiles, Reading(path, method, model))


def _matrix(
    parts: Iterable[tuple[str | None, Iterable[tuple[int, bytes]]]], profiles: Sequence[Profile], reading: Reading
) -> ValidationMatrix:
    sheets = [Sheet(profile) for profile in profiles]
    for where, problems in reading.rows(parts):
        for problem in problems:
            for sheet in sheets:
                sheet.add(problem, where)
    for sheet in sheets:
        for problem in _file_problems(sheet.profile, reading):
            sheet.add(problem, Where(reading.path, None, None))
    verdicts = tuple(sheet.verdict(reading) for sheet in sheets)
    return ValidationMatrix(reading.path, reading.method, reading.n_examples, verdicts)


def _profile(name: str) -> Profile:
    if name not in PROFILES:
        raise ConfigurationError(f"unknown provider {name!r}: use some of {', '.join(PROFILES)}")
    return PROFILES[name]


def _file_problems(profile: Profile, reading: Reading) -> Iterator[Problem]:
    method, count = reading.method, reading.n_examples
    if method not in profile.methods and method not in profile.open_methods:
        known = ", ".join(profile.methods)
        yield Problem("provider_method", "", f"{profile.title} trains by {known}, not by {method}")
    if profile.fewest and count < profile.fewest[0]:
        yield Problem("n_examples", "", f"has {count:,} example(s), must have at least {profile.fewest[0]:,}")
    if profile.most and count > profile.most[0]:
        yield Problem("n_examples_most", "", f"has {count:,} examples, may have at most {profile.most[0]:,}")
    if profile.most_bytes and reading.n_bytes > profile.most_bytes[0]:
        yield Problem("file_bytes", "", f"has {reading.n_bytes:,} bytes, may have at most {profile.most_bytes[0]:,}")
    n_images = reading.notes["note_image"]
    if n_images > MAX_IMAGE_ROWS and "image_rows" in profile.refuses:
        yield Problem("image_rows", "", f"has {n_images:,} examples with images, at most {MAX_IMAGE_ROWS:,} may be")
    yield from _model_problems(profile, reading, n_images)


def _model_problems(profile: Profile, reading: Reading, n_images: int) -> Iterator[Problem]:
    rules = profile.model_rules(reading.model) if reading.model else None
    if reading.model and rules is None and profile.all_models:
        yield Problem("provider_model", "", f"{profile.title} does not tune {reading.model!r}")
    if rules is None:
        return
    if reading.method not in rules.methods:
        yield Problem("provider_model", "", f"{profile.title} does not tune {reading.model!r} by {reading.method}")
    if rules.closed:
        yield Problem("provider_model", "", f"{profile.title} takes no job for {reading.model!r} since {rules.closed}")
    if n_images and rules.sees is False:
        yield Problem(
            "image_model", "", f"{n_images:,} examples have images, which {reading.model!r} is not tuned with"
        )
