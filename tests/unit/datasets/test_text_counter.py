"""Counting the tokens of texts, pictures and whole files."""

from __future__ import annotations

import base64
import struct

import pytest

from finetune_kit.datasets import Dataset, validate_file
from finetune_kit.datasets.counting import RowCounter, image_tokens
from finetune_kit.datasets.encodings import encoding_name, load_encoding
from finetune_kit.datasets.image_size import picture_size
from finetune_kit.datasets.text_counter import _SAMPLE, _TOKENS, agreed_counter, text_counter
from finetune_kit.errors import ConfigurationError, FinetuneKitWarning

MODEL = "gpt-4o-mini-2024-07-18"

pytestmark = pytest.mark.usefixtures("table_cache")


@pytest.mark.parametrize("encoding", ["o200k_base", "o200k_harmony", "cl100k_base"])
def test_the_sample_has_the_tokens_that_tiktoken_counts(encoding):
    encode = load_encoding(encoding).encode_ordinary
    assert tuple(len(encode(text)) for text in _SAMPLE) == _TOKENS[encoding]


@pytest.mark.parametrize("encoding", ["o200k_base", "o200k_harmony", "cl100k_base"])
def test_the_counter_that_is_chosen_agrees_with_tiktoken(encoding):
    count, encode = text_counter(encoding), load_encoding(encoding).encode_ordinary
    texts = ["".join(map(chr, range(start, start + 300))) for start in (0, 0x370, 0x600, 0x4E00, 0xAC00, 0x1F300)]
    assert [count(text) for text in texts] == [len(encode(text)) for text in texts]


@pytest.mark.parametrize("fast", [len, lambda text: 1 / len(text) and 1, lambda _: None])
def test_a_fast_counter_that_counts_otherwise_is_left_aside(fast):
    def counter(text: str) -> int:
        try:
            return fast(text)
        except ZeroDivisionError as error:
            raise ValueError from error

    with pytest.warns(FinetuneKitWarning, match="left aside"):
        count = agreed_counter(counter, "o200k_base")
    assert count("Hello, world!") == len(load_encoding("o200k_base").encode_ordinary("Hello, world!"))


def test_half_a_surrogate_pair_is_counted_all_the_same():
    assert text_counter("o200k_base")("a\ud83d") == len(load_encoding("o200k_base").encode_ordinary("a\ud83d"))


@pytest.mark.parametrize(
    ("model", "encoding", "known"),
    [
        ("openai/gpt-oss-20b", "o200k_harmony", True),
        ("accounts/fireworks/models/gpt-oss-120b", "o200k_harmony", True),
        ("openai.gpt-oss-20b-1:0", "o200k_harmony", True),
        ("davinci-002", "cl100k_base", True),
        ("gpt-35-turbo-0125", "cl100k_base", True),
        ("meta-llama/Llama-3.1-8B-Instruct", "o200k_base", False),
        ("Qwen/Qwen3-32B", "o200k_base", False),
        ("accounts/fireworks/models/qwen3-8b", "o200k_base", False),
        ("Ministral-3B-2411", "o200k_base", False),
    ],
)
def test_models_of_every_host_have_their_encoding_or_an_estimate(model, encoding, known):
    assert encoding_name(model) == (encoding, known)


def test_validation_can_count_on_the_way(save, good_lines):
    path = save(*good_lines)
    assert validate_file(path, model=MODEL, tokens=True).tokens == Dataset.read(path).tokens(MODEL)


def test_a_view_can_be_counted_while_it_is_validated(save, good_lines):
    data = Dataset.read(save(*good_lines)).take(3)
    assert list(data.validate(MODEL, tokens=True).tokens.per_example) == list(data.tokens(MODEL).per_example)


def test_counting_without_a_model_is_refused(save, good_lines):
    with pytest.raises(ConfigurationError, match="needs to know the model"):
        validate_file(save(*good_lines), tokens=True)


def test_an_own_tokenizer_counts_the_texts(rows):
    count = Dataset.read([rows["supervised"]("a b c", "d e")]).tokens("my/model", tokenizer=str.split)
    assert (count.total, count.exact, count.encoding) == (3 + 2 * 3 + 2 + 3 + 2, False, "own tokenizer")


def test_a_tokenizer_file_counts_the_texts(rows, tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    made.save(str(tmp_path / "tokenizer.json"))
    data = Dataset.read([rows["supervised"]("a b c", "d e")])
    assert data.tokens("my/model", tokenizer=tmp_path).total == 16


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[1]", b"text"])
def test_a_tokenizer_that_cannot_be_read_is_a_configuration_error(rows, tmp_path, content):
    if content is not None:
        (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(ConfigurationError, match="tokenizer"):
        Dataset.read([rows["supervised"]()]).tokens("my/model", tokenizer=tmp_path)


# https://platform.openai.com/docs/guides/images-vision has these three.
@pytest.mark.parametrize(("size", "tokens"), [((1024, 1024), 765), ((2048, 4096), 1105), ((4096, 8192), 1105)])
def test_a_picture_costs_what_the_guide_says(size, tokens):
    assert image_tokens(*size) == tokens


@pytest.mark.parametrize(("size", "tokens"), [((1, 1), 255), ((512, 512), 255), ((513, 512), 425), ((0, 5), 85)])
def test_a_small_picture_is_not_enlarged(size, tokens):
    assert image_tokens(*size) == tokens


PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480)
JPEG = b"\xff\xd8\xff\xe0" + struct.pack(">H", 4) + b"ab" + b"\xff\xc0" + struct.pack(">HBHH", 17, 8, 480, 640)
LOSSY = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 640, 480)
LOSSLESS = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + struct.pack("<I", 639 | 479 << 14) + b"\0" * 6
EXTENDED = b"RIFF\0\0\0\0WEBPVP8X" + b"\0" * 8 + (639).to_bytes(3, "little") + (479).to_bytes(3, "little")


@pytest.mark.parametrize("data", [PNG, JPEG, LOSSY, LOSSLESS, EXTENDED], ids=["png", "jpeg", "lossy", "lossless", "x"])
def test_a_picture_in_the_row_is_measured(data):
    assert picture_size("data:image/any;base64," + base64.b64encode(data).decode()) == (640, 480)


@pytest.mark.parametrize("data", [b"", PNG[:20], JPEG[:12], b"GIF89a", LOSSY[:20], b"\xff\xd8\xff", b"\xff\xd8\0\0"])
def test_a_picture_that_cannot_be_measured_has_no_size(data):
    assert picture_size("data:image/png;base64," + base64.b64encode(data).decode()) is None


@pytest.mark.parametrize("url", ["https://example.com/a.png", "data:image/png;base64", "data:a,abc", "data:a;base64,a"])
def test_an_address_has_no_size(url):
    assert picture_size(url) is None


def test_a_measured_picture_counts_by_its_size():
    url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    parts = [{"type": "image_url", "image_url": {"url": url, "detail": "high"}}]
    row = {"messages": [{"role": "user", "content": parts}]}
    assert RowCounter("o200k_base").row(row) == 3 + 3 + 1 + image_tokens(640, 480)


def test_the_same_list_of_tools_counts_the_same_each_time(rows):
    tool = {"type": "function", "function": {"name": "f", "description": "Does it."}}
    counts = Dataset.read([rows["supervised"]() | {"tools": [tool]}] * 3).tokens(MODEL).per_example
    assert len(set(counts)) == 1


@pytest.mark.parametrize("role", [["user"], None, 5, {}])
def test_a_role_that_is_none_costs_nothing_and_breaks_nothing(role):
    assert RowCounter("o200k_base").row({"messages": [{"role": role, "content": "a"}]}) == 3 + 3 + 1
