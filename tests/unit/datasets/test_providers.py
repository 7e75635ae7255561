"""What each provider would say to a dataset."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import replace

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.datasets.providers import PROFILES, Basis
from finetune_kit.datasets.providers.check import _matrix
from finetune_kit.datasets.providers.reading import Reading
from finetune_kit.datasets.providers.row_rules import PROVIDER_RULES
from finetune_kit.datasets.rules import RULES
from finetune_kit.errors import ConfigurationError

ALL = list(PROFILES)
USER = {"role": "user", "content": "secret question"}
ANSWER = {"role": "assistant", "content": "secret answer"}


def read(rows, method=None):
    return Dataset.read(rows, method=method)


def many(row, count=10):
    return [deepcopy(row) for _ in range(count)]


def refusals(row, provider, method="supervised"):
    verdict = read(many(row, 100), method).validate(against=provider)[provider]
    return set(verdict.refused)


def test_plain_chats_are_taken_by_all_who_train_by_supervised_tuning(rows):
    matrix = read(many(rows["supervised"](), 100)).validate(against=ALL)
    assert matrix.takers == ("openai", "azure", "nebius", "together", "fireworks", "crusoe", "local")


def test_preferences_are_taken_by_those_who_train_by_them(rows):
    matrix = read(many(rows["dpo"](), 100)).validate(against=ALL)
    assert matrix.takers == ("openai", "azure", "together", "fireworks", "local")


def test_reinforcement_rows_are_taken_by_those_who_train_by_them(rows):
    matrix = read(many(rows["reinforcement"](), 100)).validate(against=ALL)
    assert matrix.takers == ("openai", "azure", "fireworks", "bedrock", "local")


def test_what_is_not_established_is_neither_taken_nor_refused(rows):
    verdict = read(many(rows["supervised"](), 100)).validate(against=["bedrock"])["bedrock"]
    assert (verdict.ok, verdict.refused) == (False, {})
    assert any(reason.startswith("provider_method") for reason in verdict.not_run)


@pytest.mark.parametrize(
    ("provider", "fewest"),
    [("openai", 10), ("azure", 10), ("together", 1), ("fireworks", 3), ("local", 10)],
)
def test_a_file_needs_as_many_examples_as_the_provider_says(rows, provider, fewest):
    row = rows["supervised"]()
    assert read(many(row, fewest)).validate(against=provider).ok
    if fewest > 1:
        few = read(many(row, fewest - 1)).validate(against=provider)[provider]
        assert few.why_not == "n_examples 1"


def test_bedrock_wants_a_hundred_rows_with_reference_answers(rows):
    row = rows["reinforcement"]()
    row["solution"] = row.pop("reference_answer")
    verdict = read(many(row, 99), "reinforcement").validate(against="bedrock")["bedrock"]
    assert verdict.refused == {"reference_answer": 99, "n_examples": 1}


CALL = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}
WEBP = {"type": "image_url", "image_url": {"url": "data:image/webp;base64,UklGRg=="}}
REMOTE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}

DIFFERENCES = [
    (
        {"messages": [USER, {"role": "assistant", "tool_calls": [CALL]}], "tools": [TOOL]},
        {"nebius": {"last_answer_call"}, "openai": set(), "together": set()},
    ),
    (
        {"messages": [USER, USER, ANSWER]},
        {"together": {"turns"}, "openai": set(), "nebius": set()},
    ),
    (
        {"messages": [USER, {**ANSWER, "note": 1}]},
        {"openai": {"message_key"}, "azure": {"message_key"}, "local": {"message_key"}, "nebius": set()},
    ),
    (
        {"messages": [{"role": "developer", "content": "a"}, USER, ANSWER]},
        {"openai": set(), "together": {"developer_role"}, "fireworks": {"developer_role"}},
    ),
    (
        {"messages": [{"role": "user", "content": [WEBP]}, ANSWER]},
        {"openai": set(), "fireworks": {"image_webp"}},
    ),
    (
        {"messages": [{"role": "user", "content": [REMOTE]}, ANSWER]},
        {"openai": set(), "fireworks": {"image_remote"}, "together": {"image_remote"}},
    ),
    (
        {"messages": [USER, {**ANSWER, "name": None}]},
        {"openai": {"null_field"}, "local": set()},
    ),
    (
        {"messages": [USER, ANSWER], "functions": [{"name": "a"}]},
        {"openai": set(), "together": {"legacy_functions"}},
    ),
]


@pytest.mark.parametrize(("row", "wanted"), DIFFERENCES, ids=lambda value: str(value)[:50])
def test_providers_differ_in_what_they_refuse(row, wanted):
    assert {provider: refusals(row, provider) for provider in wanted} == wanted


def test_openai_refuses_a_system_message_in_reinforcement_rows_and_bedrock_takes_it():
    row = {"messages": [{"role": "system", "content": "a"}, USER], "reference_answer": "b"}
    assert refusals(row, "openai", "reinforcement") == {"system_role"}
    assert refusals(row, "bedrock", "reinforcement") == set()


def test_a_byte_order_mark_is_right_for_azure_and_wrong_for_openai(save, good_lines):
    path = save(b"\xef\xbb\xbf" + good_lines[0], *good_lines)
    matrix = Dataset.read(path).validate(against=["openai", "azure"])
    assert (matrix["openai"].why_not, matrix["azure"].ok) == ("bom 1", True)


@pytest.mark.parametrize(
    ("model", "verdicts"),
    [
        ("gpt-4.1-mini-2025-04-14", (True, True)),
        ("gpt-4.1-nano-2025-04-14", (False, True)),
        ("gpt-4o", (False, True)),
        ("o4-mini-2025-04-16", (False, False)),
    ],
)
def test_a_model_that_the_provider_does_not_tune_is_a_refusal(rows, model, verdicts):
    matrix = read(many(rows["supervised"]())).validate(model, against=["openai", "azure"])
    assert tuple(verdict.ok for verdict in matrix.verdicts) == verdicts


def test_a_model_that_is_in_no_table_is_not_checked_rather_than_refused(rows):
    verdict = read(many(rows["supervised"]())).validate("meta/some-model", against=["together"])["together"]
    assert verdict.ok
    assert any(reason.startswith("provider_model") for reason in verdict.not_run)


def test_a_wrong_signal_is_told_beside_the_verdict_and_does_not_change_it():
    parameters = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    declared = {"type": "function", "function": {"name": "look_up", "parameters": parameters}}
    row = {"messages": [USER, {"role": "assistant", "tool_calls": [CALL]}], "tools": [declared]}
    verdict = read(many(row)).validate(against="openai")["openai"]
    assert (verdict.ok, verdict.wrong_signal) == (True, "argument_missing 10")


def test_a_finding_tells_its_line_the_provider_s_source_and_the_date(save, good_lines):
    path = save(*good_lines, {"messages": [USER]})
    (finding,) = Dataset.read(path).validate(against="openai")["openai"].refusals
    assert (finding.rule, finding.line, finding.refused) == ("assistant_missing", 11, True)
    assert re.fullmatch(r".+ \(2026-\d\d-\d\d\)", finding.source)


def test_the_table_shows_every_provider_and_no_text_of_an_example(rows):
    matrix = read([{"messages": [USER, {**ANSWER, "weight": 5}]}]).validate(against=ALL)
    for shown in (str(matrix), repr(matrix), matrix._repr_html_()):
        assert "secret" not in shown
    assert all(PROFILES[name].title in matrix._repr_html_() for name in ALL)
    assert "weight 1" in str(matrix)


def test_what_no_source_says_in_so_many_words_is_marked(save, good_lines):
    verdict = Dataset.read(save(b"\xef\xbb\xbf" + good_lines[0], *good_lines)).validate(against="crusoe")["crusoe"]
    assert (verdict.why_not, verdict.unverified) == ("bom 1 (unverified)", ("bom",))


def test_an_unknown_provider_is_named_with_those_that_are_known(rows):
    with pytest.raises(ConfigurationError, match="unknown provider 'open_ai': use some of openai, azure"):
        read([rows["supervised"]()]).validate(against=["open_ai"])


def test_the_rows_are_read_once_for_all_providers(save, good_lines):
    data = Dataset.read(save(*good_lines))
    read_rows = []
    data._rows.raw = lambda index, raw=data._rows.raw: (read_rows.append(index), raw(index))[1]
    data.shuffle(seed=1).validate(against=ALL)
    assert sorted(read_rows) == list(range(10))


@pytest.mark.parametrize("name", ALL)
def test_a_profile_names_only_rules_that_exist(name):
    profile = PROFILES[name]
    assert {*profile.refuses, *profile.takes} <= {*RULES, *PROVIDER_RULES}
    assert not profile.refuses.keys() & profile.takes.keys()


@pytest.mark.parametrize("name", ALL)
def test_every_rule_of_a_profile_is_dated_and_sourced(name):
    profile = PROFILES[name]
    limits = [limit[1] for limit in (profile.fewest, profile.most, profile.most_bytes) if limit]
    bases = [profile.formats, *profile.methods.values(), *profile.refuses.values(), *profile.takes.values(), *limits]
    assert all(basis.source and re.fullmatch(r"2026-\d\d-\d\d", basis.checked) for basis in bases)


def test_a_file_over_the_limit_of_bytes_is_refused(rows, save, good_lines):
    small = replace(PROFILES["openai"], most_bytes=(100, Basis("a guide")))
    path = save(*good_lines)
    with path.open("rb") as file:
        matrix = _matrix([(str(path), enumerate(file, 1))], [small], Reading(str(path), "supervised", None))
    assert matrix["openai"].why_not == "file_bytes 1"


def test_prompt_and_completion_among_chats_are_taken_by_some(save, good_lines):
    matrix = Dataset.read(save(*good_lines, {"prompt": "a", "completion": "b"})).validate(against=ALL)
    refusing = {verdict.provider for verdict in matrix.verdicts if "legacy_format" in verdict.refused}
    assert refusing == {"openai", "azure", "fireworks", "local"}


def test_a_chat_that_begins_with_the_assistant_is_refused_where_turns_must_alternate():
    row = {"messages": [{"role": "system", "content": "s"}, ANSWER, USER, ANSWER]}
    assert refusals(row, "together") == {"turns"}
    assert refusals(row, "openai") == set()


@pytest.mark.parametrize("provider", ["openai", "azure"])
def test_a_model_that_is_tuned_already_may_be_tuned_further(rows, provider):
    model = {"openai": "ft:gpt-4o-mini-2024-07-18:org::abc", "azure": "gpt-4o-mini-2024-07-18.ft-0123abcd"}[provider]
    verdict = read(many(rows["supervised"]())).validate(model, against=provider)[provider]
    assert verdict.ok
    assert not any(reason.startswith("provider_model") for reason in verdict.not_run)


def test_whether_nebius_tunes_by_preferences_is_not_established(rows):
    verdict = read(many(rows["dpo"](), 100)).validate(against="nebius")["nebius"]
    assert (verdict.ok, verdict.refused) == (False, {})
