"""Requests for moderation, and the embedded server's answers, against the published description."""

from __future__ import annotations

import pytest

from finetune_kit import Dataset

PARTS = [
    {"type": "text", "text": "Look at this"},
    {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
]


@pytest.mark.parametrize("given", ["Good morning", ["Good morning", "scripted-moderation:violence"], PARTS])
def test_each_shape_of_input_is_described(mode, recording_proxy, request_judge, given):
    client = mode.client("local", base_url=recording_proxy.base_url)
    mode.call(client.moderations.create(given, model="omni-moderation-latest"))
    assert [
        fault
        for exchange in recording_proxy.exchanges
        for fault in (*request_judge.request_faults(exchange), *request_judge.answer_faults(exchange))
    ] == []


def test_the_screening_of_a_dataset_is_described(mode, recording_proxy, request_judge):
    client = mode.client("local", base_url=recording_proxy.base_url)
    rows = [{"q": f"Question {number}", "a": "Answer"} for number in range(40)]
    mode.call(client.moderations.screen(Dataset.read(rows, user="q", assistant="a")))
    assert recording_proxy.exchanges
    assert [fault for each in recording_proxy.exchanges for fault in request_judge.request_faults(each)] == []
