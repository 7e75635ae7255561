from __future__ import annotations

import base64

import pytest

from finetune_kit.resources.job_metrics import JobMetrics, read_result_csv
from finetune_kit.types.jobs import Event

OPENAI_CSV = b"step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,2.5,0.25,,\n2,1.5,0.5,1.75,0.5\n"
AZURE_CSV = (
    b"step,train_loss,train_mean_token_accuracy,valid_loss,validation_mean_token_accuracy,full_valid_loss,"
    b"full_valid_mean_token_accuracy\r\n1,2.5,0.25,2.0,0.3,2.1,0.4\r\n"
)


@pytest.mark.parametrize("content", [OPENAI_CSV, base64.b64encode(OPENAI_CSV), base64.encodebytes(OPENAI_CSV)])
def test_a_result_file_is_read_plain_and_as_base64(content):
    metrics = JobMetrics.merge([], read_result_csv(content))
    assert [(row.step, row.train_loss, row.valid_loss) for row in metrics] == [(1, 2.5, None), (2, 1.5, 1.75)]


def test_columns_of_other_services_get_the_protocols_names():
    (row,) = JobMetrics.merge([], read_result_csv(AZURE_CSV))
    assert (row.valid_mean_token_accuracy, row.full_valid_loss, row.full_valid_mean_token_accuracy) == (0.3, 2.1, 0.4)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"hello, world", b"aGVsbG8=", b"[]"])
def test_what_is_no_result_file_gives_no_rows(content):
    assert read_result_csv(content) == []


def test_events_and_result_file_become_one_table():
    events = [
        Event(id="1", data={"step": 1, "total_steps": 2, "train_loss": 9.0, "valid_loss": 8.0}),
        Event(id="2", data={"step": 3, "train_loss": 1.0}),
        Event(id="3", message="no metrics", data={}),
    ]
    metrics = JobMetrics.merge(events, read_result_csv(OPENAI_CSV))
    assert [(row.step, row.train_loss, row.valid_loss) for row in metrics] == [
        (1, 2.5, 8.0),
        (2, 1.5, 1.75),
        (3, 1.0, None),
    ]


def test_rewards_are_kept_beside_the_known_metrics():
    events = [Event(id="1", data={"step": 1, "train_mean_reward": 0.25, "usage": {"samples": 1}, "flag": True})]
    (row,) = JobMetrics.merge(events, [])
    assert dict(row.other) == {"train_mean_reward": 0.25}
    assert JobMetrics((row,)).to_dicts()[0]["train_mean_reward"] == 0.25


def test_numbers_that_are_none_count_as_not_measured():
    content = b"step,train_loss\n1,nan\n2,inf\n3,\nx,1\n"
    metrics = JobMetrics.merge([], read_result_csv(content))
    assert [(row.step, row.train_loss) for row in metrics] == [(1, None), (2, None), (3, None)]
