"""Examples in the shapes of other tools and services."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from finetune_kit.datasets.convert import UnfitRowError
from finetune_kit.datasets.method_conversions import answer_text
from finetune_kit.datasets.plain_turns import call_arguments, in_call_order, lose_options, lose_role, message_text
from finetune_kit.datasets.vertex import vertex_row
from finetune_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from finetune_kit.datasets.convert import Conversion
    from finetune_kit.datasets.rules import MethodName

    Lose = Callable[[str], None]

__all__ = ["FORMATS", "FormatName", "foreign_conversion"]

FormatName = Literal["alpaca", "bedrock", "completion", "fireworks", "nebius", "sharegpt", "together", "trl", "vertex"]
FORMATS: Final[tuple[FormatName, ...]] = get_args(FormatName)
"""The shapes that a dataset can be written in, beside the protocol's own."""

_ANSWER: Final = "reference_answer"
_SAID: Final = {"system": "system", "developer": "system", "user": "human", "assistant": "gpt"}


def foreign_conversion(method: MethodName, to: str, *, reference: str) -> Conversion:
    """Return the conversion of rows of a method to a foreign shape.

    Raises:
        ConfigurationError: The shape is unknown, or has none for examples of this method.
    """
    conversions = _CONVERSIONS.get(to)
    if conversions is None:
        raise ConfigurationError(f"unknown format {to!r}: use one of {', '.join(FORMATS)}")
    if method not in conversions:
        known = ", ".join(conversions)
        raise ConfigurationError(f"{to} has no shape for {method} examples, only for {known}: convert() the data first")
    conversion = conversions[method]
    if to != "bedrock" or reference == _ANSWER:
        return conversion
    return lambda row, lose: conversion(_referenced(row, reference), lose)


def _referenced(row: dict[str, Any], reference: str) -> dict[str, Any]:
    return {(_ANSWER if key == reference else key): value for key, value in row.items()}


def _turn(row: dict[str, Any]) -> tuple[str, str, str]:
    """Return the instruction, the question and the answer of a chat of one turn."""
    roles = [message["role"] for message in row["messages"]]
    instructed = roles[:1] in (["system"], ["developer"])
    if roles[instructed:] != ["user", "assistant"]:
        raise UnfitRowError("the chat is not one question and one answer", "use a format for chats, such as sharegpt")
    system = message_text(row["messages"][0]) if instructed else ""
    return system, message_text(row["messages"][-2]), answer_text(row["messages"][-1])


def _alpaca(row: dict[str, Any], lose: Lose) -> dict[str, Any]:
    system, question, answer = _turn(row)
    lose_options(row, lose)
    if system:
        lose("the border between system message and question: they are instruction and input")
        return {"instruction": system, "input": question, "output": answer}
    return {"instruction": question, "input": "", "output": answer}


def _completion(row: dict[str, Any], lose: Lose) -> dict[str, Any]:
    system, question, answer = _turn(row)
    lose_options(row, lose)
    if system:
        lose("the border between system message and question: they are joined by a blank line")
    return {"prompt": f"{system}\n\n{question}" if system else question, "completion": answer}


def _sharegpt(row: dict[str, Any], lose: Lose) -> dict[str, Any]:
    lose_options(row, lose, keys=("tools",))
    said = [each for message in in_call_order(row["messages"]) for each in _sayings(message, lose)]
    return {"conversations": said, **({"tools": json.dumps(row["tools"])} if "tools" in row else {})}


def _sharegpt_pair(row: dict[str, Any], lose: Lose) -> dict[str, Any]:
    chosen, rejected = (answer_text(row[key][0]) for key in ("preferred_output", "non_preferred_output"))
    return {
        **_sharegpt(row["input"], lose),
        "chosen": {"from": "gpt", "value": chosen},
        "rejected": {"from": "gpt", "value": rejected},
    }


def _sayings(message: dict[str, Any], lose: Lose) -> list[dict[str, str]]:
    if message["role"] in ("tool", "function"):
        return [{"from": "observation", "value": message_text(message)}]
    text = message_text(message)
    said = [{"from": _SAID[message["role"]], "value": text}] if text or not message.get("tool_calls") else []
    for call in message.get("tool_calls") or ():
        lose("ids of calls: results belong to the calls before them")
        function = call["function"]
        body = {"name": function["name"], "arguments": call_arguments(function)}
        said.append({"from": "function_call", "value": json.dumps(body, ensure_ascii=False)})
    if message.get("function_call"):
        raise UnfitRowError("the chat uses functions, the form before tools", "rewrite functions as tools")
    return said


def _trl(row: dict[str, Any], lose: Lose) -> dict[str, Any]:
    lose_options({**row, "messages": []}, lose, keys=("tools",))
    for message in row["messages"]:
        if message.get("weight", 1) != 1:
            lose("weight of messages")
    messages = [_plain(message) for message in row["messages"]]
    return {"messages": messages, **({"tools": row["tools"]} if "tools" in row else {})}


def _trl_pair(row: dict[str, Any], lose: Lose) -> dict[str, Any]:
    prompt = _trl(row["input"], lose)
    answers = {
        new: [_plain(row[old][0])]
        for new, old in (("chosen", "preferred_output"), ("rejected", "non_preferred_output"))
    }
    return {"prompt": prompt.pop("messages"), **answers, **prompt}


def _trl_item(row: dict[str, Any], _lose: Lose) -> dict[str, Any]:
    rest = {key: value for key, value in row.items() if key != "messages"}
    return {"prompt": [_plain(message) for message in row["messages"]], **rest}


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    if message.get("content") is None and message.get("refusal") is not None:
        raise UnfitRowError("a message is a refusal, which the format does not hold", "write it as content")
    kept = {key: value for key, value in message.items() if key not in ("weight", "refusal")}
    calls = kept.get("tool_calls")
    # Chat templates write the arguments as JSON themselves: https://huggingface.co/docs/transformers/chat_extras
    return kept | ({"tool_calls": [_templated(call) for call in calls]} if calls else {})


def _templated(call: dict[str, Any]) -> dict[str, Any]:
    return {**call, "function": {**call["function"], "arguments": call_arguments(call["function"])}}


def _chat_for(*known: str) -> Conversion:
    def convert(row: dict[str, Any], lose: Lose) -> dict[str, Any]:
        for key in row.keys() - {"messages", *known}:
            if key == "functions":
                raise UnfitRowError("the chat uses functions, the form before tools", "rewrite functions as tools")
            lose(key)
        messages = _instructed(row["messages"], lose)
        return {"messages": messages, **{key: row[key] for key in known if key in row}}

    return convert


def _pair_for(*known: str) -> Conversion:
    chat = _chat_for(*known)

    def convert(row: dict[str, Any], lose: Lose) -> dict[str, Any]:
        return {**row, "input": chat(row["input"], lose)}

    return convert


def _item(row: dict[str, Any], lose: Lose) -> dict[str, Any]:
    return {**row, "messages": _instructed(row["messages"], lose)}


def _bedrock(row: dict[str, Any], lose: Lose) -> dict[str, Any]:
    if _ANSWER not in row:
        raise UnfitRowError(f"the row has no {_ANSWER!r}", "name the key that has the answer: reference=...")
    return _item(row, lose)


def _instructed(messages: list[dict[str, Any]], lose: Lose) -> list[dict[str, Any]]:
    for message in messages:
        lose_role(message, lose)
    return [{**message, "role": "system"} if message.get("role") == "developer" else message for message in messages]


_CONVERSIONS: Final[Mapping[str, Mapping[MethodName, Conversion]]] = {
    "alpaca": {"supervised": _alpaca},
    "bedrock": {"reinforcement": _bedrock},
    "completion": {"supervised": _completion},
    "fireworks": {"supervised": _chat_for("tools"), "dpo": _pair_for("tools"), "reinforcement": _item},
    "nebius": {"supervised": _chat_for("tools")},
    "sharegpt": {"supervised": _sharegpt, "dpo": _sharegpt_pair},
    "together": {"supervised": _chat_for("tools"), "dpo": _pair_for("tools")},
    "trl": {"supervised": _trl, "dpo": _trl_pair, "reinforcement": _trl_item},
    "vertex": {"supervised": vertex_row},
}
