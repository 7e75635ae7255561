"""Preferences in the shapes that are common: two answers to one prompt, of which one is better."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from finetune_kit.datasets.sources.formats import RecordFormat
from finetune_kit.datasets.sources.found import Found, UnusableError
from finetune_kit.datasets.sources.protocol import pruned_message
from finetune_kit.datasets.sources.rankings import is_ranked, ranked
from finetune_kit.datasets.sources.turns import messages_of, spoken_messages, tools_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from finetune_kit.datasets.sources.found import Options

__all__ = ["Preferences", "is_preference"]

_PROMPTS: Final = (
    "prompt", "question", "instruction", "query", "input", "context", "history", "messages", "conversations",
    "conversation",
)  # fmt: skip
_PAIRS: Final = (
    ("chosen", "rejected"),
    ("preferred", "rejected"),
    ("preferred", "dispreferred"),
    ("preferred_output", "non_preferred_output"),
    ("response_chosen", "response_rejected"),
    ("accepted", "rejected"),
    ("winner", "loser"),
)
_SAID: Final = ("content", "value", "text", "response", "answer", "completion", "output")
_TURN: Final = re.compile(r"(?:^|\n\n)(Human|Assistant):")
_ROLE: Final = {"Human": "user", "Assistant": "assistant"}
_ONE_TURN: Final = "keep pairs of conversations that differ in their last answer only"


class Preferences(RecordFormat):
    r"""A prompt with a chosen and a rejected answer.

    Takes texts, messages, and whole conversations (as messages, or in Anthropic's
    "\\\\n\\\\nHuman: ... \\\\n\\\\nAssistant: ..." form) whose common beginning is the prompt; and two
    or more answers with scores, ranks or a winner.

    Example:
        >>> from finetune_kit import Dataset
        >>> rows = [{"prompt": "Hi", "chosen": "Hello, how can I help?", "rejected": "What?"}]
        >>> Dataset.read(rows, format="preferences").method
        'dpo'
    """

    methods = ("dpo",)

    def convert(self, record: Mapping[str, Any], line: int, options: Options) -> Iterator[Found]:  # noqa: ARG002 - one way for all
        """Yield one preference."""
        names = next((pair for pair in _PAIRS if pair[0] in record and pair[1] in record), None)
        if names is not None:
            better, worse = record[names[0]], record[names[1]]
            used = {*names}
        else:
            better, worse, used = ranked(record)
        asked = next((name for name in _PROMPTS if record.get(name) is not None), None)
        prompt = _prompt(record.get(asked) if asked else None, record)
        prefix, preferred, other = _parted(_answer(better, prompt), _answer(worse, prompt))
        row: dict[str, Any] = {"input": {"messages": prefix}, "preferred_output": [preferred]}
        row["non_preferred_output"] = [other]
        row["input"] |= tools_of(record)
        used |= {asked or "", "tools", "system"}
        yield Found(row, line, {key: item for key, item in record.items() if key not in used})


def is_preference(record: Mapping[str, Any]) -> bool:
    """Tell whether a record is a preference beyond doubt, in another shape than the protocol's own."""
    if "preferred_output" in record:
        return False
    return any(better in record and worse in record for better, worse in _PAIRS) or is_ranked(record)


def _prompt(value: object, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the messages of the prompt, none where the answers hold it."""
    messages = _messages(value)
    if messages and messages[-1]["role"] == "assistant" and not messages[-1].get("content"):
        # A prompt in Anthropic's form ends with the name of who is to speak.
        messages = messages[:-1]
    system = record.get("system")
    if isinstance(system, str) and system.strip() and messages:
        return [{"role": "system", "content": system}, *messages]
    return messages


def _messages(value: object) -> list[dict[str, Any]]:
    if value is None or value == "":
        return []
    if isinstance(value, Mapping):
        return _messages(value.get("messages", value.get("full_text", value.get("text"))))
    if isinstance(value, str):
        return _dialogue(value) if _TURN.match(value) else [{"role": "user", "content": value}]
    if isinstance(value, list) and any(isinstance(turn, Mapping) and "from" in turn for turn in value):
        return spoken_messages(value)
    return messages_of(value)


def _answer(value: object, prompt: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the whole conversation that ends with an answer."""
    if isinstance(value, Mapping):
        value = [value] if "role" in value else next((value[key] for key in _SAID if key in value), None)
    if isinstance(value, str):
        if _TURN.match(value):
            said = _dialogue(value)
            return said if said[0]["role"] == "user" else prompt + said
        if not prompt:
            raise UnusableError("there is no prompt", "add the prompt, or give whole conversations")
        if not value.strip():
            raise UnusableError("an answer is empty", "write both answers, or drop the pair")
        return [*prompt, {"role": "assistant", "content": value}]
    said = _messages(value) or messages_of(value)
    is_whole = len(said) > 1 or not prompt
    return said if is_whole and (not prompt or said[: len(prompt)] == prompt or len(said) > 1) else prompt + said


def _dialogue(text: str) -> list[dict[str, Any]]:
    """Return the messages of a conversation in Anthropic's form."""
    parts = _TURN.split(text)
    if parts[0].strip():
        raise UnusableError("text stands before the first speaker", "begin with Human:")
    pairs = zip(parts[1::2], parts[2::2], strict=True)
    return [{"role": _ROLE[speaker], "content": said.strip()} for speaker, said in pairs]


def _parted(
    better: list[dict[str, Any]], worse: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, Any]]:
    """Return the common beginning of two conversations, and the one answer that follows in each."""
    if better[:-1] != worse[:-1]:
        raise UnusableError("the two conversations part before their last message", _ONE_TURN)
    if len(better) <= 1:
        raise UnusableError("there is no prompt before the answers", "add the prompt, or give whole conversations")
    for last in (better[-1], worse[-1]):
        if last["role"] != "assistant":
            raise UnusableError("a conversation does not end with the assistant", _ONE_TURN)
        if not last.get("content") and not last.get("tool_calls"):
            raise UnusableError("an answer is empty", "write both answers, or drop the pair")
    return better[:-1], _written(better[-1]), _written(worse[-1])


def _written(message: dict[str, Any]) -> dict[str, Any]:
    pruned = pruned_message(message)
    return pruned if isinstance(pruned, dict) else message
