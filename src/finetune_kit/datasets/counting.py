"""How many tokens a row takes: the published constants of the chat format, and estimates for the rest."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import orjson

from finetune_kit.datasets.image_size import picture_size
from finetune_kit.datasets.text_counter import text_counter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["RowCounter", "image_tokens"]

# OpenAI Cookbook, "How to count tokens with tiktoken" (for gpt-3.5-turbo-0125 and later models).
_PER_MESSAGE: Final = 3
_PER_NAME: Final = 1
_REPLY_PRIMER: Final = 3

# The same notebook, tools of gpt-4o; with cl100k_base a function opens with 10.
_FUNCTION_OPENS: Final = {"o200k_base": 7, "o200k_harmony": 7, "cl100k_base": 10}
_PROPERTIES_OPEN: Final = 3
_PROPERTY_KEY: Final = 3
_ENUM_OPENS: Final = -3
_ENUM_ITEM: Final = 3
_FUNCTIONS_CLOSE: Final = 12

# Not published: a call is taken to cost what a message does beside its text.
_PER_CALL: Final = 3
# OpenAI guide, images: 85 tokens, and in high detail 170 more for each tile of 512 pixels, once the picture is
# fitted into 2048 x 2048 and its shorter side is at most 768. A picture that cannot be measured counts as 1024 x 1024.
_IMAGE_BASE: Final = 85
_IMAGE_TILE: Final = 170
_TILE_PIXELS: Final = 512
_LONGEST_SIDE: Final = 2048
_SHORTER_SIDE: Final = 768
_USUAL_SIZE: Final = (1024, 1024)

# Instructions, roles, names and tools come again and are counted once; bounds the memory for those that do not.
_REMEMBERED_TEXTS: Final = 1024
_REMEMBERED_TOOL_LISTS: Final = 2048
_INSTRUCTIONS: Final = ("system", "developer")
_PLAIN_KEYS: Final = frozenset({"role", "content", "name", "weight"})


class RowCounter:
    """Counts the tokens of parsed rows in one encoding.

    Text that looks like a special token is counted as the ordinary text that it is.
    Whatever is not as the format says counts nothing: to complain is the validation's part.
    """

    def __init__(self, encoding: str, count: Callable[[str], int] | None = None) -> None:
        self.guessed = False
        """Whether a row so far had something whose tokens no published formula tells."""
        self._text = count or text_counter(encoding)
        self._repeated = lru_cache(maxsize=_REMEMBERED_TEXTS)(self._text)
        self._function_opens = _FUNCTION_OPENS[encoding]
        self._tool_lists: dict[bytes, int] = {}
        self._openings = {role: _PER_MESSAGE + self._text(role) for role in ("user", "assistant")}

    def row(self, row: Mapping[str, Any]) -> int:
        """Return the tokens of a row; those of a preference are its input and both outputs."""
        prompt = row.get("input")
        if not isinstance(prompt, dict):
            return self._chat(row)
        self.guessed = True
        return self._chat(prompt) + sum(self._outputs(row))

    def longest(self, row: Mapping[str, Any]) -> int:
        """Return the tokens of the longest sequence that a row trains on: of a preference, with the longer output."""
        prompt = row.get("input")
        if not isinstance(prompt, dict):
            return self._chat(row)
        return self._chat(prompt) + max(self._outputs(row))

    def _outputs(self, row: Mapping[str, Any]) -> list[int]:
        return [self._messages(row.get(key)) for key in ("preferred_output", "non_preferred_output")]

    def _chat(self, chat: Mapping[str, Any]) -> int:
        count = _REPLY_PRIMER + self._messages(chat.get("messages"))
        if len(chat) > 1:
            count += self._tools(chat.get("tools"))
            self.guessed = self.guessed or bool(chat.get("functions"))
        return count

    def _messages(self, messages: Any) -> int:
        if not isinstance(messages, list):
            self.guessed = True
            return 0
        count = 0
        for message in messages:
            # Most messages are a role and a text, which need no further look.
            if type(message) is dict and len(message) == 2:  # noqa: PLR2004 - role and content
                role, content = message.get("role"), message.get("content")
                if type(content) is str and type(role) is str and role in self._openings:
                    count += self._openings[role] + self._text(content)
                    continue
            count += self._message(message)
        return count

    def _message(self, message: Any) -> int:
        if not isinstance(message, dict):
            self.guessed = True
            return 0
        role, content = message.get("role"), message.get("content")
        count = _PER_MESSAGE + self._string(role)
        if isinstance(content, str):
            count += self._repeated(content) if role in _INSTRUCTIONS else self._text(content)
        else:
            self.guessed = True
            parts = content if isinstance(content, list) else []
            count += sum(self._part(part) for part in parts if isinstance(part, dict))
        # Two keys in most messages: nothing else to look for.
        return count if len(message) <= 2 else count + self._rare_fields(message)  # noqa: PLR2004 - role and content

    def _rare_fields(self, message: Mapping[str, Any]) -> int:
        count = 0
        if isinstance(message.get("name"), str):
            count += _PER_NAME + self._repeated(message["name"])
        if message.keys() <= _PLAIN_KEYS:
            return count
        self.guessed = True
        calls = message.get("tool_calls")
        listed = calls if isinstance(calls, list) else []
        functions = [call.get("function") for call in listed if isinstance(call, dict)]
        for function in [*functions, message.get("function_call")]:
            if isinstance(function, dict):
                count += _PER_CALL + self._string(function.get("name")) + self._text_of(function.get("arguments"))
        return count + self._text_of(message.get("refusal")) + self._text_of(message.get("tool_call_id"))

    def _part(self, part: Mapping[str, Any]) -> int:
        if part.get("type") != "image_url":
            return self._text_of(part.get("text"))
        image = part.get("image_url")
        if not isinstance(image, dict) or image.get("detail") == "low":
            return _IMAGE_BASE
        url = image.get("url")
        return image_tokens(*(picture_size(url) if isinstance(url, str) else None) or _USUAL_SIZE)

    def _tools(self, tools: Any) -> int:
        if not isinstance(tools, list) or not tools:
            return 0
        self.guessed = True
        key = orjson.dumps(tools)
        if key not in self._tool_lists:
            if len(self._tool_lists) >= _REMEMBERED_TOOL_LISTS:
                self._tool_lists.clear()
            self._tool_lists[key] = self._tool_list(tools)
        return self._tool_lists[key]

    def _tool_list(self, tools: list[Any]) -> int:
        functions = [tool.get("function") for tool in tools if isinstance(tool, dict)]
        counts = [self._function(function) for function in functions if isinstance(function, dict)]
        return sum(counts) + _FUNCTIONS_CLOSE if counts else 0

    def _function(self, function: Mapping[str, Any]) -> int:
        description = str(function.get("description") or "").removesuffix(".")
        count = self._function_opens + self._repeated(f"{function.get('name')}:{description}")
        parameters = function.get("parameters")
        properties = parameters.get("properties") if isinstance(parameters, dict) else None
        if not isinstance(properties, dict) or not properties:
            return count
        described = [self._property(key, value) for key, value in properties.items() if isinstance(value, dict)]
        return count + _PROPERTIES_OPEN + sum(described)

    def _property(self, key: str, value: Mapping[str, Any]) -> int:
        count = _PROPERTY_KEY
        choices = value.get("enum")
        if isinstance(choices, list):
            count += _ENUM_OPENS + sum(_ENUM_ITEM + self._repeated(str(choice)) for choice in choices)
        description = str(value.get("description") or "").removesuffix(".")
        return count + self._repeated(f"{key}:{value.get('type', '')}:{description}")

    def _string(self, value: Any) -> int:
        return self._repeated(value) if isinstance(value, str) else 0

    def _text_of(self, value: Any) -> int:
        return self._text(value) if isinstance(value, str) else 0


def image_tokens(width: int, height: int) -> int:
    """Return the tokens of a picture in high detail.

    Example:
        >>> image_tokens(1024, 1024), image_tokens(2048, 4096)
        (765, 1105)
    """
    if not width or not height:
        return _IMAGE_BASE
    scale = min(1.0, _LONGEST_SIDE / max(width, height))
    scale = min(scale, _SHORTER_SIDE / min(width, height))
    # Rounded first: 768 pixels are no 769 for a float's sake.
    across, down = (math.ceil(round(side * scale, 6) / _TILE_PIXELS) for side in (width, height))
    return _IMAGE_BASE + _IMAGE_TILE * across * down
