"""What a scripted model has read: questions and their wanted answers."""

from __future__ import annotations

import os
import shutil
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["Answers", "learn", "text_of"]

_FILE = "scripted-answers.json"
_MOST_EXAMPLES = 50_000


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of one scripted model, kept in a file of its adapter directory."""

    path: Path

    @classmethod
    def read(cls, adapter: Path) -> Answers:
        """Return the answers that are kept in an adapter directory."""
        return cls(adapter / _FILE)

    def write(self, adapter: Path) -> Path:
        """Keep the answers in another adapter directory as well; return that directory."""
        adapter.mkdir(parents=True, exist_ok=True)
        temporary = adapter / f"{_FILE}.new"
        temporary.unlink(missing_ok=True)
        try:
            os.link(self.path, temporary)
        except OSError:
            shutil.copyfile(self.path, temporary)
        temporary.replace(adapter / _FILE)
        return adapter

    def nearest(self, question: str) -> str:
        """Return the answer to this question, else to the one that shares most words with it."""
        known, index = _load(self.path)
        if question in known:
            return known[question]
        shared = Counter(number for word in set(question.lower().split()) for number in index.get(word, ()))
        questions = list(known)
        if not questions:
            return ""
        best = min(shared, key=lambda number: (-shared[number], len(questions[number]), number), default=0)
        return known[questions[best]]


def learn(examples: Iterable[Mapping[str, Any]], parent: Path | None, directory: Path) -> Answers:
    """Return the answers of a model that goes on from `parent` (None: a base model) with these examples."""
    known = dict(_load(parent / _FILE)[0]) if parent is not None else {}
    for example in examples:
        question, answer = _lesson(example)
        if len(known) < _MOST_EXAMPLES or question in known:
            known[question] = answer
    path = directory / "learned.json"
    temporary = directory / "learned.json.new"
    temporary.write_bytes(orjson.dumps(known))
    temporary.replace(path)
    return Answers(path)


def text_of(message: Mapping[str, Any]) -> str:
    """Return the text of a message: its content, or the text parts joined."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _lesson(example: Mapping[str, Any]) -> tuple[str, str]:
    """Return the question and the wanted answer of an example of any method."""
    if "preferred_output" in example:
        return _last(example["input"]["messages"], "user"), _last(example["preferred_output"], "assistant")
    messages = example["messages"]
    if answer := _last(messages, "assistant"):
        return _last(messages, "user"), answer
    others = (value for key, value in example.items() if key not in {"messages", "tools"})
    return _last(messages, "user"), next((str(value) for value in others), "")


def _last(messages: Iterable[Mapping[str, Any]], role: str) -> str:
    return next((text_of(message) for message in reversed(list(messages)) if message.get("role") == role), "")


@lru_cache(maxsize=8)
def _load(path: Path) -> tuple[dict[str, str], dict[str, list[int]]]:
    known: dict[str, str] = orjson.loads(path.read_bytes())
    index = defaultdict(list)
    for number, question in enumerate(known):
        for word in set(question.lower().split()):
            index[word].append(number)
    return known, dict(index)
