from __future__ import annotations

import dataclasses

import pytest

from finetune_kit.local.chat_format import IGNORED, ChatFormat, load_chat_format
from finetune_kit.local.engines.base import TrainingFailed

CALL = {"id": "call_1", "type": "function", "function": {"name": "track", "arguments": '{"order": 7}'}}
TOOL = {"type": "function", "function": {"name": "track", "parameters": {"type": "object"}}}


@pytest.fixture
def chat_format(tiny_model) -> ChatFormat:
    return load_chat_format(tiny_model)


def learnt(chat_format: ChatFormat, row: dict) -> str:
    example = chat_format.example(row)
    return chat_format.tokenizer.decode([label for label in example.labels if label != IGNORED])


def whole(chat_format: ChatFormat, row: dict) -> str:
    return chat_format.tokenizer.decode(chat_format.example(row).input_ids)


def turns(*contents: str) -> list[dict]:
    return [{"role": role, "content": text} for role, text in zip(("user", "assistant") * 9, contents, strict=False)]


def test_the_answer_and_its_stop_are_learnt_and_nothing_else(chat_format):
    assert learnt(chat_format, {"messages": turns("Where is it?", "On its way.")}) == "On its way.<|im_end|>"


def test_every_assistant_turn_is_learnt(chat_format):
    row = {"messages": turns("a", "one", "b", "two")}
    assert learnt(chat_format, row) == "one<|im_end|>two<|im_end|>"


def test_a_turn_of_weight_0_is_read_but_not_learnt(chat_format):
    messages = turns("a", "one", "b", "two")
    messages[1]["weight"] = 0
    assert learnt(chat_format, {"messages": messages}) == "two<|im_end|>"
    assert "one" in whole(chat_format, {"messages": messages})


def test_an_example_whose_turns_all_have_weight_0_is_not_trainable(chat_format):
    messages = turns("a", "one")
    messages[1]["weight"] = 0
    assert not chat_format.example({"messages": messages}).trainable


def test_training_sees_the_tokens_that_answering_sees(chat_format):
    messages = turns("Where is it?", "  On its way.")
    example = chat_format.example({"messages": messages})
    prompt = chat_format.prompt(messages[:1])
    assert example.input_ids[: len(prompt)] == prompt
    assert set(example.labels[: len(prompt)]) == {IGNORED}


def test_labels_are_the_tokens_themselves(chat_format):
    example = chat_format.example({"messages": turns("a", "one", "b", "two")})
    assert all(label in (IGNORED, token) for token, label in zip(example.input_ids, example.labels, strict=True))


def test_the_example_is_the_whole_chat_as_the_template_writes_it(chat_format):
    messages = turns("a", "one", "b", "two")
    assert whole(chat_format, {"messages": messages}) == chat_format.tokenizer.apply_chat_template(
        messages, tokenize=False
    )


def test_a_chat_that_begins_with_the_assistant_teaches_its_words_only(chat_format):
    assert learnt(chat_format, {"messages": [{"role": "assistant", "content": "Hello"}]}) == "Hello<|im_end|>"


def test_a_developer_speaks_as_the_system(chat_format):
    row = {"messages": [{"role": "developer", "content": "Be brief."}, *turns("a", "one")]}
    assert whole(chat_format, row).startswith("<|im_start|>system\nBe brief.")


def test_text_parts_are_joined(chat_format):
    parts = [{"type": "text", "text": "Where "}, {"type": "text", "text": "is it?"}]
    row = {"messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": "Here."}]}
    assert "Where is it?" in whole(chat_format, row)


def test_an_image_is_refused(chat_format):
    row = {"messages": [{"role": "user", "content": [{"type": "image_url"}]}, *turns("a", "A cat")]}
    with pytest.raises(TrainingFailed, match="'image_url'"):
        chat_format.example(row)


def test_a_call_becomes_text_where_the_template_knows_none(chat_format):
    row = {"messages": [*turns("a"), {"role": "assistant", "tool_calls": [CALL]}]}
    assert learnt(chat_format, row) == (
        '<tool_call>\n{"name": "track", "arguments": {"order": 7}}\n</tool_call><|im_end|>'
    )


def test_tools_are_listed_in_the_system_message_where_the_template_knows_none(chat_format):
    text = whole(chat_format, {"messages": turns("a", "one"), "tools": [TOOL]})
    assert text.startswith("<|im_start|>system\n")
    assert '"name": "track"' in text


def test_functions_are_listed_as_tools_are(chat_format):
    with_functions = {"messages": turns("a", "one"), "functions": [TOOL["function"]]}
    with_tools = {"messages": turns("a", "one"), "tools": [TOOL]}
    assert chat_format.example(with_functions) == chat_format.example(with_tools)


def templated(chat_format: ChatFormat, template: str) -> ChatFormat:
    tokenizer = type(chat_format.tokenizer).from_pretrained(chat_format.tokenizer.name_or_path)
    tokenizer.chat_template = template
    return dataclasses.replace(chat_format, tokenizer=tokenizer)


def test_tools_and_calls_go_to_a_template_that_knows_them(chat_format):
    knowing = templated(
        chat_format,
        "{% for tool in tools or [] %}TOOL {{ tool.function.name }} {% endfor %}"
        "{% for m in messages %}{{ m.role }}: {{ m.content }}"
        "{% for call in m.tool_calls or [] %}CALL {{ call.function.name }}{% endfor %}{{ '\n' }}{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}",
    )
    row = {"messages": [*turns("a"), {"role": "assistant", "tool_calls": [CALL]}], "tools": [TOOL]}
    assert whole(knowing, row) == "TOOL track user: a\nassistant: CALL track\n"
    assert learnt(knowing, row) == "CALL track\n"


def test_a_template_that_hides_earlier_thoughts_still_teaches_the_last_answer(chat_format):
    hiding = templated(
        chat_format,
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}"
        "{% if m.role == 'assistant' and loop.last %}<think></think>{% endif %}{{ m.content + '<|im_end|>\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    )
    assert learnt(hiding, {"messages": turns("a", "one", "b", "two")}).endswith("<think></think>two<|im_end|>")


def test_a_template_that_refuses_a_chat_is_a_reason(chat_format):
    strict = templated(chat_format, "{{ raise_exception('only users may begin') }}")
    with pytest.raises(TrainingFailed, match=r"only users may begin.*roles"):
        strict.example({"messages": turns("a", "one")})


def test_a_model_without_a_template_gets_a_plain_one(tiny_model_without_template):
    plain = load_chat_format(tiny_model_without_template)
    assert learnt(plain, {"messages": turns("a", "one")}) == "one<|im_end|>"


def test_truncation_keeps_the_beginning(chat_format):
    example = chat_format.example({"messages": turns("a", "one")})
    assert example.truncated(5).input_ids == example.input_ids[:5]
    assert not example.truncated(5).trainable
