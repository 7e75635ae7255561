"""One measured run of one way to read a file of chats, in a process of its own.

    python benchmarks/candidates.py NAME FILE

Prints a JSON object: CPU seconds (user and system), peak resident memory in MB, and what came out.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

MODEL = "gpt-4o-mini-2024-07-18"


def bare_orjson(path: Path) -> int:
    import orjson

    rows = 0
    with path.open("rb") as lines:
        for line in lines:
            orjson.loads(line)
            rows += 1
    return rows


def json_with_checks_by_hand(path: Path) -> int:
    """Check the shape of messages and calls as a careful program would that knows nothing of JSON Schema."""
    faults = 0
    with path.open("rb") as lines:
        for line in lines:
            row = json.loads(line)
            faults += not isinstance(row, dict) or not row.get("messages") or not _is_good_chat(row["messages"])
    return faults


def together_check_file(path: Path) -> int:
    from together.lib.utils.files import check_file

    return int(check_file(path).get("num_samples") or 0)


def kit_validate_file(path: Path) -> dict[str, int]:
    from finetune_kit.datasets.validate import validate_file

    return dict(validate_file(path).counts)


def kit_dataset_validate(path: Path) -> dict[str, int]:
    from finetune_kit.datasets import Dataset

    return dict(Dataset.read(path).validate().counts)


def bare_tiktoken(path: Path) -> int:
    """Check and count as OpenAI's notebook does: load all, look at each message, encode all, and the answers again."""
    encode = _encoding().encode
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    faults = sum(map(_notebook_faults, rows))
    total = 0
    for row in rows:
        total += 3
        for message in row["messages"]:
            total += 3 + ("name" in message)
            total += sum(len(encode(value)) for value in message.values())
    for row in rows:
        answers = [message["content"] for message in row["messages"] if message["role"] == "assistant"]
        faults += not sum(len(encode(answer)) for answer in answers)
    return total


def kit_tokens_by_tiktoken(path: Path) -> int:
    sys.modules["toktok"] = None  # type: ignore[assignment]
    return _kit_tokens(path)


def kit_tokens_by_toktok(path: Path) -> int:
    import toktok  # noqa: F401 - missing, it is to be missed here

    return _kit_tokens(path)


def copy_of_the_file(path: Path) -> int:
    return _written(path, lambda target: shutil.copyfile(path, target))


def kit_write(path: Path) -> int:
    return _written(path, _read(path).write)


def kit_take_and_write(path: Path) -> int:
    data = _read(path)
    return _written(path, data.take(len(data) * 9 // 10).write)


def kit_split_and_write(path: Path) -> int:
    train, test = _read(path).split(test=0.2, seed=1)
    return _written(path, train.write) + _written(path, test.write)


def kit_filter_and_write(path: Path) -> int:
    return _written(path, _read(path).filter(where=lambda row: len(row["messages"]) > 2).write)


def kit_shuffle_and_write(path: Path) -> int:
    return _written(path, _read(path).shuffle(seed=1).write)


def _is_good_chat(messages: list[Any]) -> bool:  # noqa: PLR0911 - one check after the other
    known = {"role", "content", "name", "tool_calls", "tool_call_id", "weight", "refusal", "function_call"}
    waiting: set[str] = set()
    for message in messages:
        if not isinstance(message, dict) or not message.keys() <= known:
            return False
        role, content, calls = message.get("role"), message.get("content"), message.get("tool_calls")
        if role not in ("system", "user", "assistant", "tool"):
            return False
        if content is None and not calls:
            return False
        if isinstance(content, str) and (not content.strip() or "<|endoftext|>" in content):
            return False
        if role == "tool" and message.get("tool_call_id") not in waiting:
            return False
        for call in calls or []:
            if not isinstance(json.loads(call["function"]["arguments"]), dict):
                return False
            waiting.add(call["id"])
    return messages[-1]["role"] == "assistant"


def _notebook_faults(row: dict[str, Any]) -> int:
    known = {"role", "content", "name", "function_call", "weight"}
    faults = 0
    for message in row.get("messages") or []:
        faults += "role" not in message or "content" not in message
        faults += any(key not in known for key in message)
        faults += message.get("role") not in ("system", "user", "assistant", "function")
        faults += not isinstance(message.get("content"), str)
    return faults + (not any(message.get("role") == "assistant" for message in row.get("messages") or []))


def _encoding() -> Any:
    from finetune_kit.datasets.encodings import load_encoding

    return load_encoding("o200k_base")


def _kit_tokens(path: Path) -> int:
    from finetune_kit.datasets.validate import validate_file

    counted = validate_file(path, model=MODEL, tokens=True).tokens
    return counted.total if counted else 0


def _read(path: Path) -> Any:
    from finetune_kit.datasets import Dataset

    return Dataset.read(path)


def _written(path: Path, write: Callable[[Path], object]) -> int:
    with tempfile.TemporaryDirectory(dir=path.parent) as directory:
        target = Path(directory) / "copy.jsonl"
        write(target)
        return target.stat().st_size


def main() -> None:
    name, path = sys.argv[1], Path(sys.argv[2])
    if name.startswith("_") or name not in globals():
        sys.exit(f"no candidate is called {name!r}")
    before = os.times()
    outcome = globals()[name](path)
    after = os.times()
    spent = after.user - before.user + after.system - before.system
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu": spent, "rss": round(peak), "outcome": outcome}))


if __name__ == "__main__":
    main()
