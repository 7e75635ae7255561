"""The rules for a whole row, for each of the three methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from finetune_kit.datasets.arguments import response_problems
from finetune_kit.datasets.calls import declared_call_problems
from finetune_kit.datasets.chat import ROLES, message_list_problems, message_problems, shown_kind
from finetune_kit.datasets.rules import MethodName, Problem
from finetune_kit.datasets.syntax import child, shown
from finetune_kit.datasets.tools import declaration_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["row_problems"]

_SUPERVISED_KEYS = frozenset({"messages", "tools", "parallel_tool_calls", "functions"})
_INPUT_KEYS = frozenset({"messages", "tools", "parallel_tool_calls"})
_OUTPUTS = ("preferred_output", "non_preferred_output")
_PREFERENCE_KEYS = frozenset({"input", *_OUTPUTS})
_LEGACY_KEYS = frozenset({"prompt", "completion"})
_SHAPE_KEYS = ("messages", "input")


def row_problems(row: Any, method: MethodName) -> Iterator[Problem]:
    """Yield every problem of a parsed row, for supervised, dpo or reinforcement tuning."""
    if not isinstance(row, dict):
        yield Problem("not_object", "", f"the line is {shown_kind(row)}, not an object")
    elif row.keys() >= _LEGACY_KEYS and row.keys().isdisjoint(_SHAPE_KEYS):
        yield Problem("legacy_format", "", "the row has prompt and completion: the completion format is gone")
    else:
        yield from _CHECKS[method](row)


def _supervised(row: dict[str, Any]) -> Iterator[Problem]:
    if "messages" in row:
        yield from _extra_keys(row, _SUPERVISED_KEYS, "")
    yield from _chat(row, "")
    messages = row.get("messages")
    if isinstance(messages, list) and messages:
        yield from _roles_of_note(messages, "/messages", "developer", "developer_role")
        # A role that is misspelt would be reported again as the missing answer that it was meant to be.
        if all(_role(message) in ROLES for message in messages):
            yield from _answer_problems(messages)


def _answer_problems(messages: list[Any]) -> Iterator[Problem]:
    answers = [message for message in messages if _role(message) == "assistant"]
    if not answers:
        yield Problem("assistant_missing", "/messages", "no message is of the assistant: there is nothing to learn")
        return
    if all(type(message.get("weight")) is int and message["weight"] == 0 for message in answers):
        yield Problem("weights_all_zero", "/messages", "every assistant message has weight 0: nothing is learnt")
    last = _role(messages[-1])
    if last != "assistant":
        here = f"/messages/{len(messages) - 1}/role"
        yield Problem("last_message", here, f"the last message is of role {shown(last)}, not of the assistant")


def _preference(row: dict[str, Any]) -> Iterator[Problem]:
    yield from _extra_keys(row, _PREFERENCE_KEYS, "")
    prompt = row.get("input")
    if isinstance(prompt, dict):
        yield from _extra_keys(prompt, _INPUT_KEYS, "/input")
        yield from _chat(prompt, "/input")
        yield from _input_problems(prompt.get("messages"))
    else:
        state = "missing" if "input" not in row else f"{shown_kind(prompt)}, not an object"
        yield Problem("missing_key" if "input" not in row else "messages", "/input", f"input is {state}")
    for key in _OUTPUTS:
        yield from _output_problems(row, key)
    preferred, other = (_text(row.get(key)) for key in _OUTPUTS)
    if preferred is not None and preferred == other:
        yield Problem("identical_outputs", "/non_preferred_output", "both outputs are the same")


def _input_problems(messages: Any) -> Iterator[Problem]:
    if not isinstance(messages, list) or not messages:
        return
    yield from _roles_of_note(messages, "/input/messages", "developer", "developer_role")
    last = _role(messages[-1])
    if last not in ("user", "tool", "function"):
        here = f"/input/messages/{len(messages) - 1}/role"
        yield Problem("input_last", here, f"the input ends with a message of role {shown(last)}")


def _output_problems(row: dict[str, Any], key: str) -> Iterator[Problem]:
    output = row.get(key)
    if not isinstance(output, list):
        state = "missing" if key not in row else f"{shown_kind(output)}, not an array"
        yield Problem("missing_key" if key not in row else "output_message", f"/{key}", f"{key} is {state}")
        return
    if len(output) != 1:
        yield Problem("output_message", f"/{key}", f"{key} has {len(output)} messages, must have exactly one")
    for index, message in enumerate(output):
        yield from message_problems(message, f"/{key}/{index}")
        if isinstance(message, dict) and message.get("role", "assistant") != "assistant":
            here = f"/{key}/{index}/role"
            yield Problem("output_message", here, f"role {shown(message['role'])} of an output is not 'assistant'")


def _reinforcement(row: dict[str, Any]) -> Iterator[Problem]:
    yield from _chat(row, "")
    messages = row.get("messages")
    if not isinstance(messages, list) or not messages:
        return
    yield from _roles_of_note(messages, "/messages", "system", "system_role")
    last = _role(messages[-1])
    if last != "user":
        here = f"/messages/{len(messages) - 1}/role"
        yield Problem("prompt_last", here, f"the last message is of role {shown(last)}, not of the user")


def _chat(row: dict[str, Any], pointer: str) -> Iterator[Problem]:
    if "messages" not in row:
        present = ", ".join(shown(key) for key in list(row)[:5]) or "none"
        yield Problem("missing_key", pointer, f"the key 'messages' is missing; the keys are: {present}")
    else:
        yield from message_list_problems(row["messages"], f"{pointer}/messages")
        if isinstance(row["messages"], list):
            yield from declared_call_problems(row, row["messages"], f"{pointer}/messages")
            yield from response_problems(row, row["messages"], f"{pointer}/messages")
    yield from declaration_problems(row, pointer)


def _extra_keys(row: dict[str, Any], known: frozenset[str], pointer: str) -> Iterator[Problem]:
    for key in row:
        if key not in known:
            yield Problem("extra_key", child(pointer, key), f"contains an extra {shown(key)}")


def _roles_of_note(messages: list[Any], pointer: str, role: str, rule: str) -> Iterator[Problem]:
    for index, message in enumerate(messages):
        if _role(message) == role:
            yield Problem(rule, f"{pointer}/{index}/role", f"role {role!r} is not in the published format here")


def _role(message: Any) -> str | None:
    role = message.get("role") if isinstance(message, dict) else None
    return role if isinstance(role, str) else None


def _text(output: Any) -> Any:
    first = output[0] if isinstance(output, list) and len(output) == 1 else None
    return first.get("content") if isinstance(first, dict) else None


_CHECKS: Mapping[MethodName, Callable[[dict[str, Any]], Iterator[Problem]]] = {
    "supervised": _supervised,
    "dpo": _preference,
    "reinforcement": _reinforcement,
}
