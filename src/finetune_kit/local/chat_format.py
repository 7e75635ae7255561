"""Chats as a model's tokens: the prompt to answer, and the example to learn from.

Both go through the model's own chat template, and an example is tokenized in pieces that
end where a prompt would end, so that training sees exactly the tokens that answering sees.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from finetune_kit.local.engines.base import TrainingFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from transformers import PreTrainedTokenizerBase

__all__ = ["IGNORED", "ChatFormat", "TokenizedExample", "load_chat_format"]

IGNORED: Final = -100
"""The label of a token that is read but not learnt from, as torch's cross entropy has it."""

_PLAIN_TEMPLATE: Final = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>\n' + message['content'] }}"
    "{{ eos_token if message['role'] == 'assistant' else '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
"""For a model that was never taught to chat, and so has no template."""


@dataclass(frozen=True, slots=True)
class TokenizedExample:
    """The tokens of an example, and for each the label to learn, or IGNORED."""

    input_ids: list[int]
    labels: list[int]

    @property
    def trainable(self) -> bool:
        """Whether there is anything to learn from; the first token is never predicted."""
        return any(label != IGNORED for label in self.labels[1:])

    def truncated(self, length: int) -> TokenizedExample:
        """Return the first `length` tokens."""
        return TokenizedExample(self.input_ids[:length], self.labels[:length])


@dataclass(frozen=True)
class ChatFormat:
    """The tokenizer and chat template of one model."""

    tokenizer: PreTrainedTokenizerBase
    stop_ids: frozenset[int]
    """Tokens that end an answer."""

    def prompt(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = ()) -> list[int]:
        """Return the tokens after which the model writes its answer."""
        turns, listed = self._turns(messages, tools)
        return self._tokens(self._text(turns, listed, answer=True))

    def example(self, row: Mapping[str, Any]) -> TokenizedExample:
        """Return the tokens of a row of a training file; the assistant's turns that weigh are its labels."""
        turns, tools = self._turns(row["messages"], _row_tools(row))
        text = self._text(turns, tools, answer=False)
        input_ids: list[int] = []
        labels: list[int] = []
        done = 0
        for start, end in self._answers(row["messages"], turns, tools, text):
            prompt, answer = self._tokens(text[done:start]), self._tokens(text[start:end])
            learnt = self._up_to_stop(answer)
            input_ids += prompt + answer
            labels += [IGNORED] * len(prompt) + answer[:learnt] + [IGNORED] * (len(answer) - learnt)
            done = end
        rest = self._tokens(text[done:])
        return TokenizedExample(input_ids + rest, labels + [IGNORED] * len(rest))

    def _answers(
        self,
        messages: Sequence[Mapping[str, Any]],
        turns: Sequence[Mapping[str, Any]],
        tools: list[Any] | None,
        text: str,
    ) -> list[tuple[int, int]]:
        """Return where in `text` the answers to learn begin and end.

        A template may show an earlier turn otherwise than the last one (without its
        thoughts, say); such a turn is left out.
        """
        spans = []
        for index, message in enumerate(messages):
            if message["role"] == "assistant" and message.get("weight") != 0:
                start = self._answer_start(turns, index, tools, text)
                whole = index == len(turns) - 1
                end = len(text) if whole else _shared(self._text(turns[: index + 1], tools, answer=False), text)
                if end > start:
                    spans.append((start, end))
        return spans

    def _answer_start(self, turns: Sequence[Mapping[str, Any]], index: int, tools: list[Any] | None, text: str) -> int:
        if index == 0:  # templates refuse a chat without messages
            return max(text.find(turns[0]["content"]), 0)
        return _shared(self._text(turns[:index], tools, answer=True), text)

    def _up_to_stop(self, answer: Sequence[int]) -> int:
        """Return how many tokens of an answer are the model's: those after the stop are the template's."""
        stops = [index for index, token in enumerate(answer) if token in self.stop_ids]
        return stops[-1] + 1 if stops else len(answer)

    def _text(self, turns: Sequence[Mapping[str, Any]], tools: list[Any] | None, *, answer: bool) -> str:
        from jinja2 import TemplateError

        chat: list[Any] = list(turns)
        try:
            text = self.tokenizer.apply_chat_template(chat, tools=tools, tokenize=False, add_generation_prompt=answer)
        except TemplateError as error:
            raise TrainingFailed(
                f"The model's chat template refuses a chat: {error}. Change the roles or their order, "
                "or choose another model",
                code="chat_template",
                param="messages",
            ) from error
        return str(text)

    def _tokens(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False)) if text else []

    def _turns(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> tuple[list[dict[str, Any]], list[Any] | None]:
        """Return messages and tools as the template takes them; what it does not know goes into the text."""
        template = str(self.tokenizer.chat_template)
        turns = [_turn(message, calls_as_text="tool_calls" not in template) for message in messages]
        if not tools:
            return turns, None
        if "tools" in template:
            return turns, list(tools)
        return _with_tools_as_text(turns, tools), None


def load_chat_format(directory: Path) -> ChatFormat:
    """Load the tokenizer of a model directory."""
    from transformers import AutoTokenizer, GenerationConfig

    tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True)
    if not tokenizer.chat_template:
        tokenizer.chat_template = _PLAIN_TEMPLATE
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    stops = {tokenizer.eos_token_id}
    if (directory / "generation_config.json").is_file():
        named = GenerationConfig.from_pretrained(directory, local_files_only=True).eos_token_id
        stops.update(named if isinstance(named, list) else [named])
    return ChatFormat(tokenizer, frozenset(stop for stop in stops if stop is not None))


def _shared(text: str, other: str) -> int:
    """Return how many characters two texts begin with alike."""
    for position, (one, two) in enumerate(zip(text, other, strict=False)):
        if one != two:
            return position
    return min(len(text), len(other))


def _row_tools(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    tools = list(row.get("tools") or ())
    return tools + [{"type": "function", "function": function} for function in row.get("functions") or ()]


def _turn(message: Mapping[str, Any], *, calls_as_text: bool) -> dict[str, Any]:
    role = "system" if message["role"] == "developer" else message["role"]
    turn: dict[str, Any] = {"role": role, "content": _content(message)}
    if calls := _calls(message):
        if calls_as_text:
            lines = [f"<tool_call>\n{json.dumps(call, ensure_ascii=False)}\n</tool_call>" for call in calls]
            turn["content"] = "\n".join([turn["content"], *lines] if turn["content"] else lines)
        else:
            turn["tool_calls"] = [{"type": "function", "function": call} for call in calls]
    if message.get("name"):
        turn["name"] = message["name"]
    return turn


def _content(message: Mapping[str, Any]) -> str:
    content = message.get("content") or message.get("refusal") or ""
    if isinstance(content, str):
        return content
    kinds = {part.get("type") for part in content} - {"text", "refusal"}
    if kinds:
        raise TrainingFailed(
            f"A message has a content part of type {min(map(str, kinds))!r}; the engine reads text only. "
            "Leave such messages out",
            code="unsupported_content",
            param="messages",
        )
    return "".join(part.get("text") or part.get("refusal") or "" for part in content)


def _calls(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the calls of tools with their arguments as objects, which is what templates print."""
    calls = [call["function"] for call in message.get("tool_calls") or ()]
    if function := message.get("function_call"):
        calls.append(function)
    return [{"name": call["name"], "arguments": _arguments(call.get("arguments") or "{}")} for call in calls]


def _arguments(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _with_tools_as_text(turns: list[dict[str, Any]], tools: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    listed = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools)
    text = (
        f"You may call these functions:\n<tools>\n{listed}\n</tools>\n"
        'Call one with <tool_call>\n{"name": ..., "arguments": {...}}\n</tool_call>'
    )
    if turns and turns[0]["role"] == "system":
        return [{**turns[0], "content": f"{turns[0]['content']}\n\n{text}"}, *turns[1:]]
    return [{"role": "system", "content": text}, *turns]
