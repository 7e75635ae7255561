"""Rules for rows and files that only some providers have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from finetune_kit.datasets.rules import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from finetune_kit.datasets.rules import MethodName

__all__ = ["PROVIDER_RULES", "provider_problems"]

_GUIDES = "the providers' guides to training data"

PROVIDER_RULES: Final[dict[str, Rule]] = {
    "provider_method": Rule("error", _GUIDES, "choose a provider that trains by this method, or convert the data"),
    "provider_model": Rule("error", _GUIDES, "choose a model that the provider tunes by this method"),
    "file_bytes": Rule("error", _GUIDES, "split the file, or take a sample of it"),
    "n_examples_most": Rule("error", _GUIDES, "take a sample of the examples"),
    "last_answer_call": Rule("error", _GUIDES, "end the example with an answer in words: add the result and the reply"),
    "reference_answer": Rule("error", _GUIDES, 'add the key "reference_answer", which the reward function reads'),
    "turns": Rule("error", _GUIDES, "join neighbouring messages of one role, and begin with the user"),
    "legacy_functions": Rule("error", _GUIDES, "rewrite functions as tools, and function_call as tool_calls"),
    "image_remote": Rule("error", _GUIDES, "put the image itself into the example, as a data: url in base64"),
    "image_webp": Rule("error", _GUIDES, "save the image as JPEG or PNG"),
    "images_given": Rule("warning", _GUIDES, "ask the provider, or take the images out"),
    "tools_given": Rule("warning", _GUIDES, "ask the provider, or take the tools out"),
    "weight_given": Rule("warning", _GUIDES, "ask the provider, or drop the messages that should not be learnt"),
}
"""The rules by their ids, beside those of `finetune_kit.datasets.rules.RULES`."""


def provider_problems(row: Any, method: MethodName) -> Iterator[Problem]:
    """Yield what some provider may object to in a row that is a JSON object."""
    if not isinstance(row, dict):
        return
    if method == "reinforcement" and "reference_answer" not in row:
        yield Problem("reference_answer", "", "the key 'reference_answer' is missing")
    place = "/input/messages" if method == "dpo" else "/messages"
    holder = row.get("input") if method == "dpo" else row
    messages = holder.get("messages") if isinstance(holder, dict) else None
    if not isinstance(holder, dict) or not isinstance(messages, list):
        return
    known = [message if isinstance(message, dict) else {} for message in messages]
    for check in _CHECKS:
        found = check(holder, known)
        if found:
            yield Problem(found[0], f"{place}{found[1]}", found[2])
    if method == "supervised" and known and known[-1].get("tool_calls"):
        yield Problem("last_answer_call", f"{place}/{len(known) - 1}", "the last message calls a tool")


_Found = tuple[str, str, str] | None


def _turns(_row: dict[str, Any], messages: list[dict[str, Any]]) -> _Found:
    before = None
    for index, message in enumerate(messages):
        role = message.get("role")
        if role in ("user", "assistant") and role == before:
            return "turns", f"/{index}", f"two {role} messages follow each other"
        if role == "assistant" and before in (None, "system", "developer"):
            return "turns", f"/{index}", "the chat begins with the assistant"
        before = role
    return None


def _legacy_functions(row: dict[str, Any], messages: list[dict[str, Any]]) -> _Found:
    if row.get("functions") is not None:
        return "legacy_functions", "", "the row declares functions, the form before tools"
    for index, message in enumerate(messages):
        if message.get("role") == "function" or message.get("function_call") is not None:
            return "legacy_functions", f"/{index}", "a message uses functions, the form before tools"
    return None


def _tools(row: dict[str, Any], messages: list[dict[str, Any]]) -> _Found:
    used = row.get("tools") or any(message.get("tool_calls") for message in messages)
    return ("tools_given", "", "the example has tools") if used else None


def _weights(_row: dict[str, Any], messages: list[dict[str, Any]]) -> _Found:
    for index, message in enumerate(messages):
        if message.get("weight") == 0:
            return "weight_given", f"/{index}/weight", "a message has weight 0"
    return None


def _images(_row: dict[str, Any], messages: list[dict[str, Any]]) -> _Found:
    return ("images_given", "", "the example has images") if any(_image_urls(messages)) else None


def _remote_images(_row: dict[str, Any], messages: list[dict[str, Any]]) -> _Found:
    remote = next((place for place, url in _image_urls(messages) if url[:5].lower() != "data:"), None)
    return ("image_remote", remote, "the image is elsewhere, at a url") if remote is not None else None


def _webp_images(_row: dict[str, Any], messages: list[dict[str, Any]]) -> _Found:
    webp = next((place for place, url in _image_urls(messages) if url[:15].lower() == "data:image/webp"), None)
    return ("image_webp", webp, "the image is WEBP") if webp is not None else None


def _image_urls(messages: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for index, message in enumerate(messages):
        parts = message.get("content")
        for number, part in enumerate(parts if isinstance(parts, list) else ()):
            image = part.get("image_url") if isinstance(part, dict) else None
            if isinstance(image, dict) and isinstance(image.get("url"), str):
                yield f"/{index}/content/{number}/image_url/url", image["url"]


_CHECKS: Final[tuple[Callable[[dict[str, Any], list[dict[str, Any]]], _Found], ...]] = (
    _turns,
    _legacy_functions,
    _tools,
    _weights,
    _images,
    _remote_images,
    _webp_images,
)
