from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest

from finetune_kit.errors import APIResponseValidationError
from finetune_kit.wire.body import BoundedBody


def read(content: bytes, encoding: str = "", limit: int = 1000, size: int = 7) -> bytes:
    body = BoundedBody({"content-encoding": encoding} if encoding else {}, limit, 200)
    plain = b"".join(body.feed(content[at : at + size]) for at in range(0, len(content), size))
    body.end()
    return plain


@pytest.mark.parametrize(
    ("content", "encoding"),
    [(b"hello", ""), (gzip.compress(b"hello"), "gzip"), (zlib.compress(b"hello"), "deflate"), (b"hello", "identity")],
)
def test_a_body_is_decompressed_as_its_header_says(content, encoding):
    assert read(content, encoding) == b"hello"


def test_a_body_of_exactly_the_limit_is_taken_and_one_more_byte_is_not():
    assert read(b"x" * 1000) == b"x" * 1000
    with pytest.raises(APIResponseValidationError, match="larger than the 1,000 bytes"):
        read(b"x" * 1001)


def test_a_bomb_is_refused_without_filling_the_memory():
    bomb = gzip.compress(bytes(200_000_000), compresslevel=1)
    tracemalloc.start()
    with pytest.raises(APIResponseValidationError, match="larger than"):
        read(bomb, "gzip", limit=1_000_000, size=65536)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_corrupt_compressed_data_is_named():
    content = gzip.compress(b"hello" * 50)
    with pytest.raises(APIResponseValidationError, match=r"decompressed|compressed data"):
        read(content[:-10] + b"x" * 10, "gzip", size=10_000)


def test_compressed_data_that_ends_early_is_named():
    with pytest.raises(APIResponseValidationError, match="middle of its compressed data"):
        read(gzip.compress(b"hello" * 50)[:-9], "gzip")


def test_an_encoding_that_was_not_asked_for_is_refused():
    with pytest.raises(APIResponseValidationError, match="'br'"):
        read(b"x", "br")
