"""Small sources, written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from finetune_kit.datasets import Dataset


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file: text, bytes, or what is to be JSON (a line for each item where the name ends in .jsonl)."""

    def write(name: str, content: object) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list) and name.endswith(".jsonl"):
            content = "".join(json.dumps(item) + "\n" for item in content)
        elif isinstance(content, list | dict):
            content = json.dumps(content)
        path.write_bytes(content if isinstance(content, bytes) else str(content).encode())
        return path

    return write


@pytest.fixture
def beside() -> Callable[[Dataset, int], Mapping[str, Any]]:
    """Tells what is kept beside a row and not written."""
    return lambda data, index: data._rows.extra(index)
