"""Counting the tokens of one text, as fast as an exact library that is installed can."""

from __future__ import annotations

import importlib
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from finetune_kit.datasets.encodings import load_encoding
from finetune_kit.errors import FinetuneKitWarning

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["agreed_counter", "text_counter"]

# What tells encoders apart: scripts, joined characters, white space, code, numbers, special tokens, long runs.
_SAMPLE: Final = (
    "",
    " ",
    "Hello, world! It's the 3rd of May; they'LL've gone.",
    'def f(x: int) -> str:\n    return f"{x:>08.3f}\\t"  # ok\n\n\n\tif (a&&b){c[i]+=1;}\r\n\r\n',
    "SELECT * FROM t WHERE a<>'b' -- 12345678901234567890 3.14e-10 0xFFee",
    "Größe, naïve, Łódź, Ελληνικά, Русский текст, עברית, العربية، हिन्दी, ไทย",
    "日本語のテキスト、中文文本。한국어 텍스트",
    "👩‍👩‍👧‍👦🏳️‍🌈🇩🇪👍🏽 e\u0301 \u200b\ufeff\u2028\u00a0\u3000",
    "<|endoftext|><|im_start|>user<|fim_prefix|> <|endofprompt|>",
    "camelCase PascalCaseHTTPServer snake_case SCREAMING_CASE kebab-case",
    "   \t \n  \n\n \r\n   trailing   ",
    "a" * 600 + " " * 300 + "\n" * 100 + "=" * 200 + "ab" * 200,
    '{"id":"NW-48213","values":[1,2.5,null,true],"text":"a \\"quoted\\" one"}',
    "https://example.com/path?q=1&r=%20#top someone@example.org",
    "\x00\x01\x7f\x80\xff \U0010ffff \u0378",
)


# How many tokens tiktoken 0.14 makes of the sample, so that its table need not be loaded to compare with.
_TOKENS: Final = {
    "o200k_base": (0, 1, 18, 39, 31, 25, 15, 31, 26, 15, 7, 188, 26, 16, 13),
    "o200k_harmony": (0, 1, 18, 39, 31, 25, 15, 31, 26, 15, 7, 188, 26, 16, 13),
    "cl100k_base": (0, 1, 19, 38, 30, 51, 21, 47, 26, 15, 7, 286, 26, 16, 14),
}


def text_counter(encoding: str) -> Callable[[str], int]:
    """Return how to count tokens in an encoding: by toktok where it is installed and agrees, else by tiktoken.

    Raises:
        ConfigurationError: The encoding's table is not on this machine and cannot be fetched.
    """
    fast = _toktok_counter(encoding)
    if fast is None:
        return _tiktoken_counter(encoding)
    return agreed_counter(fast, encoding)


def agreed_counter(fast: Callable[[str], int], encoding: str) -> Callable[[str], int]:
    """Return a fast counter if it counts a sample of texts as tiktoken does; else warn, and return tiktoken's."""
    try:
        agree = tuple(map(fast, _SAMPLE)) == _TOKENS[encoding]
    except (TypeError, ValueError):
        agree = False
    if not agree:
        message = "toktok counts other tokens than tiktoken and is left aside: pip install -U toktok-rs"
        warnings.warn(message, FinetuneKitWarning, stacklevel=2)
        return _tiktoken_counter(encoding)

    def count(text: str) -> int:
        try:
            return fast(text)
        except ValueError:
            # Half of a surrogate pair is no text to the fast counter.
            return _tiktoken_counter(encoding)(text)

    return count


@lru_cache
def _tiktoken_counter(encoding: str) -> Callable[[str], int]:
    # One text after the other: batches of tiktoken run in threads, and take three times the time.
    loaded = load_encoding(encoding)
    encode = loaded._core_bpe.encode_ordinary  # noqa: SLF001 - a tenth faster than through the public method

    def count(text: str) -> int:
        try:
            return len(encode(text))
        except UnicodeEncodeError:
            return len(loaded.encode_ordinary(text))

    return count


@lru_cache
def _toktok_counter(encoding: str) -> Callable[[str], int] | None:
    try:
        toktok = importlib.import_module("toktok")
        # The public function takes batches only, and for one text costs thirty times what counting does.
        count: Callable[[str], int] = toktok._encoding(encoding).count  # noqa: SLF001
    except (ImportError, AttributeError, KeyError):
        return None
    return count
