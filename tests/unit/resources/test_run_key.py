from __future__ import annotations

from dataclasses import replace

import pytest

from finetune_kit.dialects.base import JobRequest
from finetune_kit.resources.run_key import content_name, file_identity, run_key, same_request
from finetune_kit.types.files import File
from finetune_kit.types.jobs import Job
from finetune_kit.types.methods import DPOMethod, SupervisedMethod

REQUEST = JobRequest(model="m", training_file="file-1", method=SupervisedMethod(n_epochs=3))


def key(request: JobRequest = REQUEST, *, training: str = "abc", validation: str | None = None, attempt: int = 1):
    return run_key(request, training=training, validation=validation, attempt=attempt)


@pytest.mark.parametrize(
    "other",
    [
        lambda: key(replace(REQUEST, model="n")),
        lambda: key(replace(REQUEST, method=SupervisedMethod(n_epochs=4))),
        lambda: key(replace(REQUEST, method=DPOMethod(n_epochs=3))),
        lambda: key(replace(REQUEST, seed=1)),
        lambda: key(replace(REQUEST, suffix="s")),
        lambda: key(training="abd"),
        lambda: key(validation="abc"),
        lambda: key(attempt=2),
    ],
)
def test_whatever_changes_the_run_changes_its_key(other):
    assert other() != key()


def test_the_file_id_and_the_users_metadata_do_not_change_the_key():
    assert key(replace(REQUEST, training_file="file-2", metadata={"team": "a"})) == key()


def test_a_key_fits_into_metadata():
    assert len(key()) <= 512
    assert key().isalnum()


def test_a_file_is_known_by_the_digest_in_its_name_else_by_its_id():
    named = content_name("train", "0123456789abcdef" * 4)
    assert file_identity(File(id="file-1", filename=named)) == "0123456789abcdef"
    assert file_identity(File(id="file-1", filename="train.jsonl")) == "file-1"


JOB = Job(id="j", status="running", model="m-2026-01-01", training_file="file-1", hyperparameters={"n_epochs": 3})


@pytest.mark.parametrize(
    ("job", "same"),
    [
        (JOB, True),
        (JOB.model_copy(update={"hyperparameters": None}), True),
        (JOB.model_copy(update={"model": "other"}), False),
        (JOB.model_copy(update={"training_file": "file-9"}), False),
        (JOB.model_copy(update={"validation_file": "file-9"}), False),
        (Job(id="j", status="s", model="m", training_file="file-1", hyperparameters={"n_epochs": 4}), False),
        (Job(id="j", status="s", model="m", training_file="file-1", hyperparameters={"batch_size": 8}), True),
    ],
)
def test_a_job_without_a_key_is_the_same_request_where_nothing_it_echoes_differs(job, same):
    assert same_request(job, REQUEST) is same
