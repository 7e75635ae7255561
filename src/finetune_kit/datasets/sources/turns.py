"""Conversations as JSON: ShareGPT, chat messages, and lists of turns under any of the usual names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson

from finetune_kit.datasets.sources.formats import RecordFormat
from finetune_kit.datasets.sources.found import Found, UnusableError
from finetune_kit.datasets.sources.protocol import pruned_message
from finetune_kit.datasets.sources.speakers import CUT, KNOWN_SPEAKERS, Speakers, conversation
from finetune_kit.datasets.syntax import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from finetune_kit.datasets.sources.found import Options

__all__ = ["Turns", "has_no_turns", "messages_of", "spoken_messages", "tools_of", "turns_key"]

_TURNS_ALONE: Final = ("conversations", "conversation", "messages", "turns", "dialogue", "dialog", "utterances")
_KEYS: Final = (*_TURNS_ALONE, "chat", "transcript", "original", "items", "history")
_WHO: Final = ("from", "role", "speaker", "author", "sender", "from_role", "participant", "name", "user")
_WHAT: Final = ("value", "content", "text", "message", "utterance", "body", "transcript")
_CALLING: Final = frozenset({"function_call", "tool_call"})
_RESULTS: Final = frozenset({"observation", "tool", "function_response", "tool_response"})
# How models after Hermes write calls and results into what is said.
_TAGGED_CALL: Final = re.compile(r"<tool_call>\s*(.*?)\s*</tool_call>", re.DOTALL)
_TAGGED_RESULT: Final = re.compile(r"\s*</?tool_response>\s*")
_PAIR: Final = 2
_ROLES: Final = ("system", "developer", "user", "assistant", "tool", "function")
_SHOWN_SPEAKERS: Final = 4
_MESSAGE_KEYS: Final = ("role", "content", "name", "tool_calls", "tool_call_id", "function_call", "refusal", "weight")
_SHAPE: Final = 'write each turn as {"from": ..., "value": ...}, {"role": ..., "content": ...} or [speaker, text]'


class Turns(RecordFormat):
    """Conversations as lists of turns.

    Each turn is an object of a speaker and a text (`from` and `value`, `role` and `content`,
    `speaker` and `text`), or a pair of both. Turns of ShareGPT that call functions become
    tool calls.

    Example:
        >>> from finetune_kit import Dataset
        >>> rows = [{"id": 7, "turns": [["customer", "Where is it?"], ["agent", "On its way."]]}]
        >>> [message.role for message in Dataset.read(rows, format="turns")[0].messages]
        ['user', 'assistant']
    """

    takes = frozenset({"assistant", "roles"})

    def convert(self, record: Mapping[str, Any], line: int, options: Options) -> Iterator[Found]:
        """Yield one chat."""
        key = turns_key(record)
        if key is None:
            raise UnusableError("there is no list of turns", f"put the turns under one of {', '.join(_KEYS[:4])}")
        extra = {name: item for name, item in record.items() if name not in (key, "tools", "system")}
        if _are_messages(record[key], options):
            yield _chat(messages_of(record[key]), record, line, extra)
        else:
            yield _spoken(record, key, line, extra, options)


def turns_key(record: Mapping[str, Any]) -> str | None:
    """Return the key of a record that holds its turns, None if no key does."""
    return next((key for key in _KEYS if _are_turns(record.get(key))), None)


def has_no_turns(record: Mapping[str, Any]) -> bool:
    """Tell whether a record has an empty list of turns: it is of no use, and no hint to a format."""
    return any(record.get(key) == [] for key in _TURNS_ALONE)


def messages_of(value: object) -> list[dict[str, Any]]:
    """Return messages of the chat protocol, each with the keys that training knows and that are not null.

    Raises:
        UnusableError: They are none.
    """
    if not isinstance(value, list) or not value:
        raise UnusableError("there are no messages", 'write messages as [{"role": ..., "content": ...}]')
    if not all(isinstance(message, Mapping) and isinstance(message.get("role"), str) for message in value):
        raise UnusableError("a message has no role", 'write messages as [{"role": ..., "content": ...}]')
    known = ({key: message[key] for key in _MESSAGE_KEYS if key in message} for message in value)
    return [_encoded(message) for message in map(pruned_message, known) if isinstance(message, dict)]


def _encoded(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message whose calls have their arguments as JSON: chat templates take objects, the protocol text."""
    calls = message.get("tool_calls")
    return {**message, "tool_calls": [_encoded_call(call) for call in calls]} if isinstance(calls, list) else message


def _encoded_call(call: Any) -> Any:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("arguments"), Mapping):
        return call
    arguments = json.dumps(function["arguments"], ensure_ascii=False)
    return {**call, "function": {**function, "arguments": arguments}}


def tools_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tools of a record, which may be JSON in a text, as a row has them; nothing where it has none."""
    tools = record.get("tools")
    if isinstance(tools, str) and tools.strip():
        try:
            tools = orjson.loads(tools)
        except orjson.JSONDecodeError:
            raise UnusableError("tools is not JSON", "write tools as a JSON array") from None
    if not isinstance(tools, list) or not tools:
        return {}
    return {"tools": [tool if "function" in tool else {"type": "function", "function": tool} for tool in tools]}


def spoken_messages(turns: list[Any]) -> list[dict[str, Any]]:
    """Return turns of speakers whose role is known as messages, one for each.

    Raises:
        UnusableError: A turn has no speaker or no text, or a speaker no role.
    """
    return _with_calls([_turn(turn) for turn in turns], Speakers(KNOWN_SPEAKERS, None))


def _are_turns(value: object) -> bool:
    if not isinstance(value, list) or not value:
        return False
    return all(_is_pair(turn) or (isinstance(turn, Mapping) and _named(turn, _WHO) is not None) for turn in value)


def _is_pair(turn: object) -> bool:
    return isinstance(turn, list | tuple) and len(turn) == _PAIR and all(isinstance(part, str) for part in turn)


def _named(turn: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in turn), None)


def _are_messages(turns: list[Any], options: Options) -> bool:
    """Tell whether the turns are messages already: the roles of the protocol, and nobody named by the caller."""
    if options.roles or options.assistants:
        return False
    return all(isinstance(turn, Mapping) and turn.get("role") in _ROLES for turn in turns)


def _chat(messages: list[dict[str, Any]], record: Mapping[str, Any], line: int, extra: Mapping[str, Any]) -> Found:
    last = max((n for n, message in enumerate(messages) if message["role"] == "assistant"), default=None)
    if last is None:
        raise UnusableError("no message is the assistant's", "add the answer, or name who the assistant is")
    kept = messages[: last + 1]
    row = {"messages": kept, **tools_of(record)}
    return Found(row, line, extra, () if len(kept) == len(messages) else (CUT,))


def _spoken(record: Mapping[str, Any], key: str, line: int, extra: Mapping[str, Any], options: Options) -> Found:
    turns = [_turn(turn) for turn in record[key]]
    if isinstance(record.get("system"), str):
        turns.insert(0, ("system", record["system"]))
    if not (_CALLING | _RESULTS).isdisjoint(speaker for speaker, _ in turns):
        return _chat(_with_calls(turns, Speakers.of(options)), record, line, extra)
    try:
        found = conversation(Speakers.of(options).turns(turns), line, extra)
    except UnusableError as error:
        names = list(dict.fromkeys(shown(speaker) for speaker, _ in turns))[:_SHOWN_SPEAKERS]
        raise UnusableError(f"{error.reason}; the speakers are {', '.join(names)}", error.remedy) from None
    return found._replace(row={**found.row, **tools_of(record)})


def _turn(turn: object) -> tuple[str, str]:
    if isinstance(turn, list | tuple):
        return str(turn[0]), str(turn[1])
    if not isinstance(turn, Mapping):
        raise UnusableError("a turn is neither an object nor a pair", _SHAPE)
    who, what = _named(turn, _WHO), _named(turn, _WHAT)
    speaker = turn[who] if who else None
    text = turn[what] if what else None
    if isinstance(speaker, Mapping):
        speaker = speaker.get("role") or speaker.get("name")
    if not isinstance(speaker, str) or not isinstance(text, str):
        raise UnusableError("a turn has no speaker or no text", _SHAPE)
    return speaker, text


def _with_calls(turns: list[tuple[str, str]], speakers: Speakers) -> list[dict[str, Any]]:
    """Return turns with calls as messages: each result answers the first call before it that waits for one."""
    messages: list[dict[str, Any]] = []
    waiting: list[str] = []
    for number, (speaker, text) in enumerate(turns):
        role = None if speaker in _CALLING | _RESULTS else speakers.role(speaker)
        if speaker in _RESULTS:
            if not waiting:
                raise UnusableError("an observation follows no function call", "put it right after its call")
            content = _TAGGED_RESULT.sub("", text)
            messages.append({"role": "tool", "tool_call_id": waiting.pop(0), "content": content})
            continue
        calls, said = _called(speaker, text, number) if speaker in _CALLING or role == "assistant" else ([], text)
        waiting += [call["id"] for call in calls]
        if calls and not said and messages and messages[-1]["role"] == "assistant":
            # What is called beside a text, or at once with another call, is one message.
            messages[-1].setdefault("tool_calls", []).extend(calls)
        elif calls:
            messages.append({"role": "assistant", "content": said or None, "tool_calls": calls})
        elif role is not None:
            messages.append({"role": role, "content": said})
    return messages


def _called(speaker: str, text: str, number: int) -> tuple[list[dict[str, Any]], str]:
    """Return the calls that a turn makes, and what it says beside them."""
    bodies = [text] if speaker in _CALLING else _TAGGED_CALL.findall(text)
    names = [f"call_{number}" if at == 0 else f"call_{number}_{at}" for at in range(len(bodies))]
    said = "" if speaker in _CALLING else _TAGGED_CALL.sub("", text).strip() if bodies else text
    return [_call(body, name) for body, name in zip(bodies, names, strict=True)], said


def _call(text: str, name: str) -> dict[str, Any]:
    try:
        call = orjson.loads(text)
    except orjson.JSONDecodeError:
        call = None
    if not isinstance(call, dict) or not isinstance(call.get("name"), str):
        raise UnusableError("a function call is not JSON with a name", 'write {"name": ..., "arguments": {...}}')
    arguments = call.get("arguments", {})
    written = arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
    return {"id": name, "type": "function", "function": {"name": call["name"], "arguments": written}}
