"""The rules for training files as data: what each rule is called, how grave it is, where it comes from, what to do."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

__all__ = [
    "MAX_IMAGES",
    "MAX_IMAGE_BYTES",
    "MAX_IMAGE_ROWS",
    "MAX_TRAINING_TOKENS",
    "METHODS",
    "MIN_EXAMPLES",
    "NOTES",
    "RULES",
    "SPECIAL_TOKENS",
    "VISION_MODELS",
    "MethodName",
    "Problem",
    "Rule",
    "Severity",
]

Severity = Literal["error", "warning", "hint"]
MethodName = Literal["supervised", "dpo", "reinforcement"]

METHODS: tuple[MethodName, ...] = ("supervised", "dpo", "reinforcement")


class Rule(NamedTuple):
    """One rule: its severity, where it comes from, and what to do about a breach."""

    severity: Severity
    source: str
    fix: str
    taken: bool = False
    """Whether OpenAI's service takes the file all the same, and trains on something that was not meant."""

    @property
    def refused(self) -> bool:
        """Whether OpenAI's service refuses a file for it."""
        return self.severity == "error" and not self.taken


class Problem(NamedTuple):
    """A breach of `rule` (a key of `RULES`) at a JSON pointer inside one row, and why it is one."""

    rule: str
    pointer: str
    reason: str


# The sources, as read in October and November 2026.
_JSON = "RFC 8259 (JSON)"
_JSONL = "https://jsonlines.org"
_SCHEMA = "OpenAI API description, the fine-tuning chat, preference and reinforcement inputs"
_GUIDE = "https://platform.openai.com/docs/guides/supervised-fine-tuning"
_DPO = "https://platform.openai.com/docs/guides/direct-preference-optimization"
_RFT = "https://platform.openai.com/docs/guides/reinforcement-fine-tuning"
_COOKBOOK = "OpenAI Cookbook, data preparation for chat model fine-tuning"
_CHAT = "OpenAI API description, chat completions"
_FIELD = "error messages of the service, as users report them"
_VISION = "https://platform.openai.com/docs/guides/vision-fine-tuning"
_SIGNAL = "what the model would learn"
_DRAFT = "https://json-schema.org/draft/2020-12"

MIN_EXAMPLES = 10
"""The fewest examples that a training file may have (OpenAI guide, supervised fine-tuning)."""

MAX_TRAINING_TOKENS: dict[str, int] = {
    "gpt-4.1-2025-04-14": 65_536,
    "gpt-4.1-mini-2025-04-14": 65_536,
    "gpt-4.1-nano-2025-04-14": 65_536,
    "gpt-4o-2024-08-06": 65_536,
    "gpt-4o-mini-2024-07-18": 65_536,
    "gpt-3.5-turbo-0125": 16_385,
}
"""The most tokens of one training example, by model (OpenAI guide, table of token limits, 2026-11-22)."""

SPECIAL_TOKENS: tuple[str, ...] = (
    "<|endoftext|>",
    "<|endofprompt|>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|im_sep|>",
)
"""Texts that the service refuses anywhere in an example: `contains an invalid token: <|fim_suffix|>`."""

MAX_IMAGES: Final = 10
"""The most images of one example (OpenAI guide, vision fine-tuning)."""

MAX_IMAGE_ROWS: Final = 50_000
"""The most examples with images of one file (OpenAI guide, vision fine-tuning)."""

MAX_IMAGE_BYTES: Final = 10_000_000
"""The most bytes of one image (OpenAI guide, vision fine-tuning: 10 MB)."""

VISION_MODELS: Final = ("gpt-4o-2024-08-06",)
"""The tunable models that see (OpenAI guide, vision fine-tuning, 2026-11-22)."""

RULES: dict[str, Rule] = {
    # bytes
    "bom": Rule("error", _JSON, "save as UTF-8 without a byte order mark; Dataset.write() leaves it out"),
    "utf8": Rule("error", _JSON, "save the file as UTF-8"),
    "json": Rule("error", _JSON, "write one JSON object on one line, with json.dumps or Dataset.write()"),
    "json_several": Rule("error", _JSONL, "put each object on a line of its own"),
    "duplicate_key": Rule("error", _JSON, "keep one of the keys: readers differ in which one they take"),
    "not_finite": Rule("error", _JSON, "write null, a number or a string"),
    "surrogate": Rule("error", _JSON, "write the whole character, or both halves of its escape"),
    "crlf": Rule("hint", _JSONL, "nothing needed; Dataset.write() ends lines with LF"),
    "blank_line": Rule("warning", _JSONL, "remove the line; Dataset.write() leaves it out"),
    "not_object": Rule("error", _SCHEMA, "make each line one JSON object"),
    # the row
    "legacy_format": Rule("error", _GUIDE, 'rewrite the row as {"messages": [...]}'),
    "missing_key": Rule(
        "error", _SCHEMA, "add the key, or have columns made into messages: Dataset.read(..., user=..., assistant=...)"
    ),
    "extra_key": Rule("error", _SCHEMA, "remove the key"),
    "messages": Rule("error", _SCHEMA, "give an array of at least one message"),
    "n_examples": Rule("error", _GUIDE, "add examples; improvements show from 50 to 100"),
    "too_long": Rule(
        "error", _GUIDE, "shorten or split the example: what is over the limit is cut from its end", taken=True
    ),
    "image_rows": Rule("error", _VISION, "put fewer examples with images into one file"),
    "image_model": Rule("error", _VISION, "choose a model that sees, or take the images out"),
    # messages
    "message_type": Rule("error", _SCHEMA, 'write each message as {"role": ..., "content": ...}'),
    "message_key": Rule("error", _SCHEMA, "remove the key"),
    "role": Rule("error", _SCHEMA, "use one of the roles system, user, assistant, tool"),
    "system_not_first": Rule("warning", _GUIDE, "move the system message to the front"),
    "developer_role": Rule("warning", _SCHEMA, 'use "system" for supervised and preference tuning'),
    "system_role": Rule("warning", _SCHEMA, 'use "developer" for reinforcement tuning'),
    "content_missing": Rule("error", _COOKBOOK, "add the content; only tool_calls or a refusal stand without"),
    "content_empty": Rule("error", _COOKBOOK, "write the text, or drop the message"),
    "content_type": Rule("error", _SCHEMA, "make the content a string or an array of content parts"),
    "content_part": Rule("error", _SCHEMA, 'use {"type": "text", "text": "..."} or, for a user, an image_url part'),
    "message_field": Rule("error", _SCHEMA, "correct or remove the field"),
    "null_field": Rule("warning", _SCHEMA, "leave the key out where there is no value"),
    "weight": Rule("error", _SCHEMA, "write 0 or 1, on assistant messages only"),
    "weights_all_zero": Rule("error", _SCHEMA, "give one assistant message weight 1, or drop the example"),
    "assistant_missing": Rule("error", _COOKBOOK, "add the answer as an assistant message, or drop the example"),
    "last_message": Rule("error", _FIELD, "end with the assistant message to learn, or drop what follows it"),
    "special_token": Rule("error", _FIELD, "remove or rewrite the token"),
    # images
    "image_count": Rule("error", _VISION, "show fewer images in one example"),
    "image_size": Rule("error", _VISION, "shrink the image: larger ones are left out of the training", taken=True),
    "image_type": Rule("error", _VISION, "save the image as JPEG, PNG or WEBP", taken=True),
    # tools
    "tools": Rule(
        "error", _CHAT, 'declare each tool as {"type": "function", "function": {"name": ..., "parameters": {...}}}'
    ),
    "tool_name": Rule("error", _CHAT, "name the tool with a-z, A-Z, 0-9, _ and -, at most 64 of them"),
    "tool_duplicate": Rule("error", _CHAT, "declare each tool once"),
    "tool_schema": Rule("error", _DRAFT, "describe the parameters with the types and keywords of JSON Schema"),
    "tool_calls": Rule(
        "error",
        _CHAT,
        'write each call as {"id": ..., "type": "function", "function": {"name": ..., "arguments": "{...}"}}',
    ),
    "tool_call_duplicate": Rule("error", _CHAT, "give each call of a message an id of its own"),
    "tool_call_id": Rule("error", _CHAT, "answer each call once, right after it, under its own id"),
    "tool_unanswered": Rule("error", _CHAT, "add a tool message with the result, or end the example with the call"),
    "tool_undeclared": Rule("error", _SIGNAL, "declare the tool in tools, or correct the name", taken=True),
    "tools_missing": Rule("warning", _SIGNAL, "add the tools that the model will be given in production"),
    "parallel_calls": Rule(
        "warning", _CHAT, "make one call at a time, or leave parallel_tool_calls out: false promises single calls"
    ),
    # the arguments of calls
    "arguments_type": Rule("error", _SCHEMA, "write the arguments as json.dumps(...) of one object"),
    "arguments_json": Rule("error", _SIGNAL, "write the arguments as json.dumps(...) of one object", taken=True),
    "arguments_twice": Rule("error", _SIGNAL, "encode the arguments once: json.dumps(...) of one object", taken=True),
    "argument_missing": Rule("error", _SIGNAL, "add the argument, or take it out of required", taken=True),
    "argument_enum": Rule("error", _SIGNAL, "use a value that the tool declares, or declare this one", taken=True),
    "argument_type": Rule("error", _SIGNAL, "give the argument the type that the tool declares", taken=True),
    "argument_value": Rule("error", _SIGNAL, "give the argument a value that its schema allows", taken=True),
    "argument_not_allowed": Rule("error", _SIGNAL, "remove the argument, or declare it", taken=True),
    "argument_undeclared": Rule("warning", _SIGNAL, "remove the argument, or declare it in properties"),
    # structured output
    "response_schema": Rule("error", _DRAFT, "describe the answer with the types and keywords of JSON Schema"),
    "response_format": Rule(
        "error", _SIGNAL, "make the answer one JSON value that fits the schema of response_format", taken=True
    ),
    # preference and reinforcement
    "output_message": Rule("error", _DPO, "give exactly one assistant message"),
    "input_last": Rule("warning", _DPO, "end the input with the user (or tool) message that is answered"),
    "identical_outputs": Rule("warning", _DPO, "drop the pair: nothing can be learnt from it"),
    "prompt_last": Rule("error", _RFT, "end with the user message; reference answers go in other keys"),
}
"""Every rule by its id."""

NOTES: dict[str, str] = {
    "note_image": "the example has images",
    "note_schema": "a JSON Schema was met that is beyond the quick test, and the library that knows all is missing",
    "note_unreadable": "a JSON Schema has a reference or a pattern that cannot be followed here",
}
"""What is counted while rows are checked, and is no finding by itself."""
