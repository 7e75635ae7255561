"""How fast datasets are validated, split and fingerprinted."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from finetune_kit import Dataset
from finetune_kit.datasets import validate_file

N_EXAMPLES = 20_000
WORDS = ("order", "parcel", "refund", "invoice", "account", "password", "delivery", "late", "broken", "please")


@pytest.fixture(scope="module")
def chat_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of chats of ordinary length, without a fault."""
    random.seed(0)
    path = tmp_path_factory.mktemp("data") / "chat.jsonl"
    with path.open("w", encoding="utf-8") as lines:
        for _ in range(N_EXAMPLES):
            texts = (" ".join(random.choices(WORDS, k=random.randint(10, 60))) for _ in range(3))
            messages = [
                {"role": role, "content": text}
                for role, text in zip(("system", "user", "assistant"), texts, strict=True)
            ]
            lines.write(json.dumps({"messages": messages}) + "\n")
    return path


def test_validate_a_file(benchmark: BenchmarkFixture, chat_file: Path) -> None:
    report = benchmark(validate_file, chat_file)
    benchmark.extra_info["MB/s"] = round(chat_file.stat().st_size / 1e6 / benchmark.stats["min"])
    assert report.n_examples == N_EXAMPLES


def test_read_and_split_a_file(benchmark: BenchmarkFixture, chat_file: Path) -> None:
    parts = benchmark(lambda: Dataset.read(chat_file).split(test=0.2, seed=7))
    assert sum(map(len, parts)) == N_EXAMPLES


def test_fingerprint_a_file(benchmark: BenchmarkFixture, chat_file: Path) -> None:
    assert len(benchmark(lambda: Dataset.read(chat_file).fingerprint)) == 64
