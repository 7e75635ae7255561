"""Examples of one method as examples of another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from finetune_kit.datasets.convert import UnfitRowError
from finetune_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from finetune_kit.datasets.convert import Conversion
    from finetune_kit.datasets.rules import MethodName

    Lose = Callable[[str], None]

__all__ = ["REFERENCE", "answer_text", "method_conversion"]

REFERENCE: Final = "reference_answer"
"""The key of a reinforcement row that holds the reference answer, where none is named."""


def method_conversion(
    method: MethodName, to: MethodName, *, reference: str, rejected: Callable[[dict[str, Any]], str] | None
) -> Conversion:
    """Return the conversion of rows from one method to another.

    Raises:
        ConfigurationError: Preferences are wanted, and nothing says what the answer is that is not preferred.
    """
    if method == to:
        return lambda row, _lose: row
    if to == "dpo" and rejected is None:
        raise ConfigurationError(
            "a preference needs a second answer, which is not preferred: give rejected=, a function of the row that "
            "returns its text, such as an answer of the model that is to be tuned"
        )

    def convert(row: dict[str, Any], lose: Lose) -> dict[str, Any]:
        chat = _TO_CHAT[method](row, reference, lose)
        if to == "supervised":
            return chat
        if to == "reinforcement":
            return _item_of(chat, reference, lose)
        # Refused above where there is no such function.
        return _pair_of(chat, rejected(row) if rejected else "", lose)

    return convert


def answer_text(message: dict[str, Any]) -> str:
    """Return what an assistant message says; raise UnfitRowError where that is not text alone."""
    content = message.get("content")
    if message.get("tool_calls") or message.get("function_call"):
        raise UnfitRowError("the answer is a call of a tool, not a text", "add the result and an answer in words")
    if isinstance(content, list) and all(part.get("type") == "text" for part in content):
        return "".join(part["text"] for part in content)
    if not isinstance(content, str):
        raise UnfitRowError("the answer has no text", "write the answer")
    return content


def _chat_of_chat(row: dict[str, Any], _reference: str, _lose: Lose) -> dict[str, Any]:
    return row


def _chat_of_pair(row: dict[str, Any], _reference: str, lose: Lose) -> dict[str, Any]:
    lose("the answer that is not preferred")
    prompt = row["input"]
    # Of a preference only the last answer is learnt.
    before = [_untrained(message) for message in prompt["messages"]]
    answer = {key: value for key, value in row["preferred_output"][0].items() if key != "weight"}
    return {**prompt, "messages": [*before, {"role": "assistant", **answer}]}


def _chat_of_item(row: dict[str, Any], reference: str, lose: Lose) -> dict[str, Any]:
    if row.get(reference) is None:
        raise UnfitRowError(f"the row has no {reference!r} to answer with", "name the key that has it: reference=...")
    value = row[reference]
    if not isinstance(value, str):
        lose(f"the type of {reference!r}, which is no text: the answer is its JSON")
        value = json.dumps(value, ensure_ascii=False)
    for key in row.keys() - {"messages", "tools", "parallel_tool_calls", reference}:
        lose(f"the field {key!r}")
    before = [_renamed(_untrained(message), "developer", "system") for message in row["messages"]]
    kept = {key: value for key, value in row.items() if key in ("tools", "parallel_tool_calls")}
    return {"messages": [*before, {"role": "assistant", "content": value}], **kept}


_TO_CHAT: Final = {"supervised": _chat_of_chat, "dpo": _chat_of_pair, "reinforcement": _chat_of_item}


def _item_of(chat: dict[str, Any], reference: str, lose: Lose) -> dict[str, Any]:
    *before, answer = chat["messages"]
    if answer["role"] != "assistant" or not before or before[-1]["role"] != "user":
        remedy = "end it with the user and the assistant"
        raise UnfitRowError("the example does not end with a question and its answer", remedy)
    if "functions" in chat:
        raise UnfitRowError("the example declares functions, which reinforcement rows do not have", "declare tools")
    if any(_is_learnt(message) for message in before):
        lose("what earlier assistant messages teach: only the last answer is asked for")
    messages = [_renamed(_without_weight(message), "system", "developer") for message in before]
    kept = {key: value for key, value in chat.items() if key in ("tools", "parallel_tool_calls")}
    return {"messages": messages, **kept, reference: answer_text(answer)}


def _pair_of(chat: dict[str, Any], rejected: str, lose: Lose) -> dict[str, Any]:
    *before, answer = chat["messages"]
    if answer["role"] != "assistant" or not before:
        raise UnfitRowError("the example does not end with an answer", "end it with the assistant")
    if "functions" in chat:
        raise UnfitRowError("the example declares functions, which preferences do not have", "declare tools")
    if any(_is_learnt(message) for message in before):
        lose("what earlier assistant messages teach: only the last answers are compared")
    prompt = {**chat, "messages": [_without_weight(message) for message in before]}
    return {
        "input": prompt,
        "preferred_output": [_without_weight(answer)],
        "non_preferred_output": [{"role": "assistant", "content": rejected}],
    }


def _is_learnt(message: dict[str, Any]) -> bool:
    return message.get("role") == "assistant" and message.get("weight") != 0


def _untrained(message: dict[str, Any]) -> dict[str, Any]:
    return {**message, "weight": 0} if message.get("role") == "assistant" else message


def _without_weight(message: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in message.items() if key != "weight"}


def _renamed(message: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    return {**message, "role": new} if message.get("role") == old else message
