"""Counting with the tokenizer of a model whose encoding is not OpenAI's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from finetune_kit.errors import ConfigurationError, MissingExtraError

__all__ = ["Tokenizer", "own_counter"]

Tokenizer = str | Path | Callable[[str], int | Sequence[int]]
"""A tokenizer.json, a directory with one, or a function that returns the tokens of a text or how many there are."""


def own_counter(tokenizer: Tokenizer) -> Callable[[str], int]:
    """Return how to count the tokens of a text with a tokenizer.

    Raises:
        ConfigurationError: There is no tokenizer at the path.
        MissingExtraError: The library that reads a tokenizer.json is not installed.
    """
    encode = tokenizer if callable(tokenizer) else _encoder(Path(tokenizer))

    def count(text: str) -> int:
        tokens = encode(text)
        return tokens if isinstance(tokens, int) else len(tokens)

    return count


def _encoder(path: Path) -> Callable[[str], Sequence[int]]:
    file = path / "tokenizer.json" if path.is_dir() else path
    if not file.is_file():
        remedy = "give a tokenizer.json, a directory with one, or a function"
        raise ConfigurationError(f"there is no tokenizer at {str(path)!r}: {remedy}")
    try:
        import tokenizers
    except ImportError as error:
        raise MissingExtraError("counting with a tokenizer.json", "local", package="tokenizers") from error
    content = file.read_bytes()
    if not _is_description(content):
        raise ConfigurationError(f"{str(file)!r} is no tokenizer.json: it has no object with a model")
    loaded = tokenizers.Tokenizer.from_buffer(content)
    return lambda text: loaded.encode(text, add_special_tokens=False).ids


def _is_description(content: bytes) -> bool:
    try:
        described = orjson.loads(content)
    except orjson.JSONDecodeError:
        return False
    return isinstance(described, dict) and isinstance(described.get("model"), dict)
