"""How many tokens a row takes: the published constants of the chat format, and estimates for the rest."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from finetune_kit.datasets.encodings import load_encoding

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RowCounter"]

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
# OpenAI guide, vision: an image of detail "low" takes 85 tokens, one of 1024 x 1024 pixels in high detail 765.
_IMAGE_LOW: Final = 85
_IMAGE_HIGH: Final = 765

# Texts that come again, such as system prompts, are counted once; bounds the memory for those that do not.
_REMEMBERED_TEXTS: Final = 4096


class RowCounter:
    """Counts the tokens of parsed rows in one encoding.

    Text that looks like a special token is counted as the ordinary text that it is.
    Whatever is not as the format says counts nothing: to complain is the validation's part.
    """

    def __init__(self, encoding: str) -> None:
        encode = load_encoding(encoding).encode_ordinary
        self._function_opens = _FUNCTION_OPENS[encoding]

        @lru_cache(maxsize=_REMEMBERED_TEXTS)
        def text_tokens(text: str) -> int:
            return len(encode(text))

        self._text = text_tokens

    def row(self, row: Mapping[str, Any]) -> int:
        """Return the tokens of a row; those of a preference are its input and both outputs."""
        prompt = row.get("input")
        if not isinstance(prompt, dict):
            return self._chat(row)
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
        return _REPLY_PRIMER + self._messages(chat.get("messages")) + self._tools(chat.get("tools"))

    def _messages(self, messages: Any) -> int:
        if not isinstance(messages, list):
            return 0
        return sum(self._message(message) for message in messages if isinstance(message, dict))

    def _message(self, message: Mapping[str, Any]) -> int:
        content = message.get("content")
        count = _PER_MESSAGE + self._string(message.get("role"))
        if isinstance(content, str):
            count += self._text(content)
        elif isinstance(content, list):
            count += sum(self._part(part) for part in content if isinstance(part, dict))
        if isinstance(message.get("name"), str):
            count += _PER_NAME + self._text(message["name"])
        # Two keys in most messages: nothing else to look for.
        return count if len(message) <= 2 else count + self._rare_fields(message)  # noqa: PLR2004 - role and content

    def _rare_fields(self, message: Mapping[str, Any]) -> int:
        count = self._string(message.get("refusal")) + self._string(message.get("tool_call_id"))
        calls = message.get("tool_calls")
        functions = (
            [call.get("function") for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
        )
        for function in [*functions, message.get("function_call")]:
            if isinstance(function, dict):
                count += _PER_CALL + self._string(function.get("name")) + self._string(function.get("arguments"))
        return count

    def _part(self, part: Mapping[str, Any]) -> int:
        if part.get("type") != "image_url":
            return self._string(part.get("text"))
        image = part.get("image_url")
        low = isinstance(image, dict) and image.get("detail") == "low"
        return _IMAGE_LOW if low else _IMAGE_HIGH

    def _tools(self, tools: Any) -> int:
        functions = (
            [tool.get("function") for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
        )
        counts = [self._function(function) for function in functions if isinstance(function, dict)]
        return sum(counts) + _FUNCTIONS_CLOSE if counts else 0

    def _function(self, function: Mapping[str, Any]) -> int:
        description = str(function.get("description") or "").removesuffix(".")
        count = self._function_opens + self._text(f"{function.get('name')}:{description}")
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
            count += _ENUM_OPENS + sum(_ENUM_ITEM + self._text(str(choice)) for choice in choices)
        description = str(value.get("description") or "").removesuffix(".")
        return count + self._text(f"{key}:{value.get('type', '')}:{description}")

    def _string(self, value: Any) -> int:
        return self._text(value) if isinstance(value, str) else 0
