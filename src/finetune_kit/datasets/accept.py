"""Quick acceptance of rows of chat that are beyond doubt, so that only the others cost an explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from finetune_kit.datasets.syntax import count_keys, has_more_keys
from finetune_kit.datasets.tails import NO_TOOLS, Tail, TailMemory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["ChatAcceptor", "is_text"]

# How a line ends whose last message ends with a text, and what follows its first key where it is not compact.
_PLAIN_END: Final = b'"}]}\n'
_AFTER_FIRST_KEY: Final = 12
_SPACE: Final = 0x20
# id, type and function; name and arguments.
_KEYS_OF_CALL: Final = 5
_NOT_ACCEPTED: Final = -1
_SPEAKERS: Final = ("user", "assistant")
_IMAGE_ENDS: Final = (".png", ".jpg", ".jpeg", ".webp")


class ChatAcceptor:
    """Tells the rows of supervised chat that keep all rules for certain from those that need a closer look.

    A row that is written again byte for byte as it stood hides no duplicate key, no escape
    and no number that was changed by reading; other rows have as many colons after quotes
    as keys, or are looked at.
    """

    parses: Final = (_PLAIN_END,)
    """The ends of the lines that are parsed by `loads`, whole and once."""

    def __init__(self, loads: Callable[[bytes], Any] = orjson.loads) -> None:
        self.n_lines = 0
        """How many lines `doubtful` has read."""
        self._loads = loads
        self.n_images = 0
        """How many of the accepted rows have images."""
        self._tails = TailMemory()
        self._crlf_seen = False

    def doubtful(self, lines: Iterable[bytes], longest: int) -> Iterator[tuple[int, bytes]]:  # noqa: C901 - see below
        """Yield the lines that need a closer look or are longer than `longest` bytes, with their numbers from 1.

        Plain rows are judged inside this loop: each of its steps tells in how fast files are
        validated, so that it calls nothing but the interpreter.
        """
        loads, dumps, with_end = self._loads, orjson.dumps, orjson.OPT_APPEND_NEWLINE
        number = 0
        for raw in lines:
            # Cheaper than a tuple for each line.
            number += 1
            row = None
            try:
                if raw.endswith(_PLAIN_END):
                    row = loads(raw)
                    messages = row["messages"]
                    role = None
                    for message in messages:
                        role = message["role"]
                        # A set of the roles would be slower, and so would be to look for two characters at once.
                        spoken = role == "user" or role == "assistant"  # noqa: PLR1714
                        if not spoken and (role != "system" or message is not messages[0]):
                            break
                        content = message["content"]
                        # Only strings have `isspace`: anything else is left to the closer look.
                        if content.isspace() or not content or len(message) != 2:  # noqa: PLR2004 - role and content
                            break
                        if "|" in content and "<|" in content:
                            break
                    else:
                        if role == "assistant" and len(row) == 1 and len(raw) <= longest:
                            if raw[_AFTER_FIRST_KEY] != _SPACE and dumps(row, None, with_end) == raw:
                                continue
                            if not has_more_keys(raw, 1 + 2 * len(messages)):
                                continue
            except (AttributeError, KeyError, TypeError, orjson.JSONDecodeError):
                pass
            if not self.accepts(raw, row) or len(raw) > longest:
                yield number, raw
        self.n_lines = number

    def accepts(self, raw: bytes, row: Any = None) -> bool:
        """Tell whether the row on a line keeps every rule for certain; `row` is what it was parsed to, if it was."""
        if raw.endswith(b"\r\n") and not self._crlf_seen:
            self._crlf_seen = True
            return False
        tail: Tail | None = NO_TOOLS
        try:
            if row is None:
                raw, tail = self._tails.split(raw)
                row = orjson.loads(raw)
            if len(row) > 1:
                # A row with tools beside a tail has two keys of one name.
                tail = self._tails.declared(row) if tail is NO_TOOLS else None
            if tail is None:
                return False
            chat = _Chat(tail)
            n_keys = chat.keys_of(row["messages"])
        except (AttributeError, KeyError, TypeError, orjson.JSONDecodeError):
            return False
        if n_keys == _NOT_ACCEPTED or not self._hides_nothing(raw, row, 1 + n_keys):
            return False
        self.n_images += chat.has_images
        return True

    @staticmethod
    def _hides_nothing(raw: bytes, row: dict[str, Any], n_keys: int) -> bool:
        written = orjson.dumps(row)
        if written == raw or written == raw[:-1]:
            return True
        return not has_more_keys(raw, n_keys if len(row) == 1 else count_keys(row))


class _Chat:
    """What the messages of one chat have called so far."""

    __slots__ = ("_tail", "_waiting", "has_images")

    def __init__(self, tail: Tail) -> None:
        self.has_images = False
        self._tail = tail
        self._waiting: set[str] = set()

    def keys_of(self, messages: Any) -> int:
        """Return the number of keys in all messages, or that they are not accepted."""
        keys = 0
        role = None
        for message in messages:
            role = message["role"]
            if len(message) == 2 and not self._waiting:  # noqa: PLR2004 - role and content
                content = message["content"]
                plain = type(content) is str and content and not content.isspace()
                if plain and (role in _SPEAKERS or (role == "system" and message is messages[0])):
                    if "|" in content and "<|" in content:
                        return _NOT_ACCEPTED
                    keys += 2
                    continue
            more = self._keys_of_rare(message, role)
            if more == _NOT_ACCEPTED:
                return _NOT_ACCEPTED
            keys += more
        return keys if role == "assistant" and type(messages) is list else _NOT_ACCEPTED

    def _keys_of_rare(self, message: dict[str, Any], role: Any) -> int:
        if role == "tool":
            return self._keys_of_result(message)
        if self._waiting:
            return _NOT_ACCEPTED
        if role == "assistant":
            return self._keys_of_calls(message) if "tool_calls" in message else _keys_of_weighted(message)
        return self._keys_of_question(message) if role == "user" else _NOT_ACCEPTED

    def _keys_of_result(self, message: dict[str, Any]) -> int:
        self._waiting.remove(message["tool_call_id"])
        return 3 if len(message) == 3 and is_text(message["content"]) else _NOT_ACCEPTED  # noqa: PLR2004

    def _keys_of_calls(self, message: dict[str, Any]) -> int:
        calls, content = message["tool_calls"], message.get("content")
        if type(calls) is not list or not calls or len(message) != 2 + ("content" in message):
            return _NOT_ACCEPTED
        if (self._tail.single_calls and len(calls) > 1) or (content is not None and not is_text(content)):
            return _NOT_ACCEPTED
        for call in calls:
            identity, function = call["id"], call["function"]
            if len(call) != 3 or call["type"] != "function" or len(function) != 2:  # noqa: PLR2004
                return _NOT_ACCEPTED
            fits, arguments = self._tail.tools[function["name"]], function["arguments"]
            if fits is None or type(arguments) is not str or not fits(orjson.loads(arguments)):
                return _NOT_ACCEPTED
            if type(identity) is not str or not identity or identity in self._waiting:
                return _NOT_ACCEPTED
            self._waiting.add(identity)
        return len(message) + _KEYS_OF_CALL * len(calls)

    def _keys_of_question(self, message: dict[str, Any]) -> int:
        content = message["content"]
        named = len(message) == 3 and type(message["name"]) is str  # noqa: PLR2004
        if len(message) != 2 + named:
            return _NOT_ACCEPTED
        keys = 0 if is_text(content) else self._keys_of_parts(content)
        return keys + 2 + named if keys != _NOT_ACCEPTED else _NOT_ACCEPTED

    def _keys_of_parts(self, parts: Any) -> int:
        keys = 0
        for part in parts:
            if len(part) != 2:  # noqa: PLR2004 - the type, and what it is
                return _NOT_ACCEPTED
            if part["type"] == "text" and is_text(part["text"]):
                keys += 2
            # How many images there may be is for the rules to say.
            elif part["type"] == "image_url" and not self.has_images and _is_good_image(part["image_url"]):
                self.has_images = True
                keys += 2 + len(part["image_url"])
            else:
                return _NOT_ACCEPTED
        return keys if type(parts) is list and keys else _NOT_ACCEPTED


def is_text(content: Any) -> bool:
    """Tell whether a content is a text that says something, without a special token."""
    return type(content) is str and bool(content) and not content.isspace() and not ("|" in content and "<|" in content)


def _keys_of_weighted(message: dict[str, Any]) -> int:
    weight = message["weight"]
    good = type(weight) is int and weight == 1 and len(message) == 3 and is_text(message["content"])  # noqa: PLR2004
    return 3 if good else _NOT_ACCEPTED


def _is_good_image(image: dict[str, Any]) -> bool:
    url = image["url"]
    plain = url.startswith("https://") and url.endswith(_IMAGE_ENDS) and "?" not in url
    return plain and (len(image) == 1 or (len(image) == 2 and image["detail"] in ("low", "high", "auto")))  # noqa: PLR2004
