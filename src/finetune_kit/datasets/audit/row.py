"""One row as the checks of an audit see it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from finetune_kit.datasets.findings import Place
    from finetune_kit.datasets.rules import MethodName

__all__ = ["AuditRow", "Text"]


class Text(NamedTuple):
    """A text of a row: where it stands, who says it, what it says."""

    pointer: str
    role: str
    text: str


class AuditRow:
    """One row of a dataset: parsed, with the parts that checks ask for."""

    def __init__(
        self,
        row: Mapping[str, Any],
        *,
        raw: bytes,
        place: Place,
        number: int,
        method: MethodName,
        extra: Mapping[str, Any],
    ) -> None:
        self.row = row
        self.raw = raw
        self.place = place
        self.number = number
        """Number of the example, counted from 1."""
        self.method = method
        self.extra = extra
        """The columns of its source beside the row."""

    @cached_property
    def messages(self) -> list[dict[str, Any]]:
        """The messages of the chat; of a preference, those of its input."""
        holder = self.row.get("input") if self.method == "dpo" else self.row
        messages = holder.get("messages") if isinstance(holder, dict) else None
        return [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else []

    @cached_property
    def tools(self) -> list[dict[str, Any]]:
        """The functions that are declared."""
        holder = self.row.get("input") if self.method == "dpo" else self.row
        tools = holder.get("tools") if isinstance(holder, dict) else None
        found = [tool.get("function") for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
        return [function for function in found if isinstance(function, dict)]

    @cached_property
    def texts(self) -> list[Text]:
        """Every text of the messages in order; of a preference, also of both outputs."""
        base = "/input/messages" if self.method == "dpo" else "/messages"
        found = list(_texts(self.messages, base))
        for key in ("preferred_output", "non_preferred_output") if self.method == "dpo" else ():
            found += _texts(_list(self.row.get(key)), f"/{key}")
        return found

    @cached_property
    def system(self) -> str | None:
        """The instruction before the chat, None if there is none."""
        said = [_text_of(message) for message in self.messages if message.get("role") in ("system", "developer")]
        return "\n".join(said) if said else None

    @cached_property
    def question(self) -> str:
        """What the user says last."""
        said = [_text_of(message) for message in self.messages if message.get("role") == "user"]
        return said[-1] if said else ""

    @cached_property
    def prompt(self) -> str:
        """All that comes before the answer but the instruction, one message a line with its role."""
        last = self._index_of_answer
        before = self.messages if last is None else self.messages[:last]
        return "\n".join(
            f"{message.get('role')}: {_text_of(message) or _called(message)}"
            for message in before
            if message.get("role") not in ("system", "developer")
        )

    @cached_property
    def answer(self) -> str | None:
        """The text of the last assistant message; of a preference, of the preferred output; None without one."""
        if self.method == "dpo":
            return _output(self.row.get("preferred_output"))
        index = self._index_of_answer
        return None if index is None else _text_of(self.messages[index])

    @cached_property
    def answer_pointer(self) -> str:
        """JSON pointer to the content of the answer."""
        if self.method == "dpo":
            return "/preferred_output/0/content"
        return f"/messages/{self._index_of_answer}/content"

    @cached_property
    def rejected(self) -> str | None:
        """Of a preference, the text of the non-preferred output."""
        return _output(self.row.get("non_preferred_output"))

    @cached_property
    def _index_of_answer(self) -> int | None:
        if self.method != "supervised":
            return None
        backwards = reversed(range(len(self.messages)))
        return next((index for index in backwards if self.messages[index].get("role") == "assistant"), None)


def _texts(messages: list[dict[str, Any]], base: str) -> Iterator[Text]:
    for index, message in enumerate(messages):
        content, role = message.get("content"), str(message.get("role"))
        if isinstance(content, str):
            yield Text(f"{base}/{index}/content", role, content)
        for number, part in enumerate(_list(content)):
            if isinstance(part.get("text"), str):
                yield Text(f"{base}/{index}/content/{number}/text", role, part["text"])


def _text_of(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in _list(content) if isinstance(part.get("text"), str))


def _called(message: dict[str, Any]) -> str:
    functions = [call.get("function") for call in _list(message.get("tool_calls"))]
    return " ".join(f"{f.get('name')}({f.get('arguments')})" for f in functions if isinstance(f, dict))


def _output(output: Any) -> str | None:
    messages = _list(output)
    return _text_of(messages[0]) if messages else None


def _list(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
