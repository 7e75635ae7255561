"""A training or validation file as the tokens to train on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from finetune_kit.local.engines.base import TrainingFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from finetune_kit.local.chat_format import ChatFormat, TokenizedExample

__all__ = ["TokenizedFile", "tokenized_file"]


@dataclass(frozen=True, slots=True)
class TokenizedFile:
    """The examples of a file, none longer than the model reads, and how many had to be cut for that."""

    examples: Sequence[TokenizedExample]
    truncated: int

    @property
    def longest(self) -> int:
        """Tokens of the longest example."""
        return max(len(example.input_ids) for example in self.examples)

    @property
    def trainable(self) -> bool:
        """Whether any example has a token to learn."""
        return any(example.trainable for example in self.examples)

    def sample(self, size: int) -> TokenizedFile:
        """Return at most `size` examples, evenly spaced over the file."""
        count = len(self.examples)
        if count <= size:
            return self
        return TokenizedFile([self.examples[index * count // size] for index in range(size)], self.truncated)


def tokenized_file(path: Path, chat_format: ChatFormat, *, max_length: int) -> TokenizedFile:
    """Tokenize the rows of `path`; those over `max_length` tokens lose their end, as at the service."""
    examples: list[TokenizedExample] = []
    truncated = 0
    for line_number, row in _rows(path):
        example = _example(row, line_number, path, chat_format)
        truncated += len(example.input_ids) > max_length
        examples.append(example.truncated(max_length))
    if not examples:
        raise TrainingFailed(f"{path.name}: the file has no examples", code="invalid_training_file")
    return TokenizedFile(examples, truncated)


def _rows(path: Path) -> Iterator[tuple[int, Any]]:
    with path.open("rb") as file:
        for line_number, line in enumerate(file, start=1):
            text = line.removeprefix(b"\xef\xbb\xbf") if line_number == 1 else line
            if text.strip():
                yield line_number, text


def _example(line: bytes, line_number: int, path: Path, chat_format: ChatFormat) -> TokenizedExample:
    try:
        return chat_format.example(orjson.loads(line))
    except TrainingFailed as error:
        raise TrainingFailed(f"{path.name}, line {line_number}: {error}", code=error.code, param=error.param) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        # The cause is not chained: it could quote the example.
        raise TrainingFailed(
            f"{path.name}, line {line_number}: not an example of the chat format. Validate the file before training",
            code="invalid_file_format",
        ) from None
