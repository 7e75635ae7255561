"""The statuses of a job, and what its owner may do in each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

LONG = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 50, "batch_size": 1}}}


@pytest.fixture
def server(local_server):
    return local_server


@pytest.fixture
def running(official):
    """A long job that has made some steps."""
    job = official.create(method=LONG)
    return official.running(job.id)


def test_a_running_job_says_when_it_should_end(official, running):
    job = official.until(running.id, lambda job: job.estimated_finish is not None)
    assert job.estimated_finish >= job.created_at


def test_a_cancelled_job_ends_with_the_tokens_it_has_trained(official, running):
    job = official.api.fine_tuning.jobs.cancel(running.id)
    assert job.status == "cancelled"
    assert job.finished_at is not None
    assert job.trained_tokens > 0
    assert official.messages(job.id)[-1] == "The job has been cancelled"


def test_a_waiting_job_is_cancelled_at_once(official, running):
    waiting = official.create()
    official.until(waiting.id, lambda job: job.status == "queued")
    assert official.api.fine_tuning.jobs.cancel(waiting.id).status == "cancelled"


def test_a_paused_job_goes_on_where_it_was_and_loses_and_repeats_no_step(official):
    settings = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 5, "batch_size": 1}}}
    job = official.running(official.create(method=settings).id)
    paused = official.api.fine_tuning.jobs.pause(job.id)
    assert paused.status == "paused"
    done = official.steps(job.id)
    resumed = official.api.fine_tuning.jobs.resume(job.id)
    assert resumed.status in {"queued", "running"}
    assert official.finish(job.id).status == "succeeded"
    assert official.steps(job.id) == list(range(100, 0, -1))
    assert 0 < len(done) < 100


def test_a_paused_job_leaves_a_model_to_use(official, running):
    official.api.fine_tuning.jobs.pause(running.id)
    newest = next(iter(official.api.fine_tuning.jobs.checkpoints.list(running.id)))
    assert newest.step_number == official.steps(running.id)[0]
    answer = official.ask(newest.fine_tuned_model_checkpoint, "question 3 on topic3")
    assert answer.choices[0].message.content == "answer 3"


def test_a_paused_job_can_be_cancelled(official, running):
    official.api.fine_tuning.jobs.pause(running.id)
    job = official.api.fine_tuning.jobs.cancel(running.id)
    assert job.status == "cancelled"
    assert job.trained_tokens > 0


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume"])
def test_an_ended_job_cannot_be_changed(official, verb):
    job = official.finish(official.create().id)
    with pytest.raises(openai.BadRequestError, match="status is succeeded"):
        getattr(official.api.fine_tuning.jobs, verb)(job.id)


def test_a_running_job_cannot_be_resumed(official, running):
    with pytest.raises(openai.BadRequestError, match="status is running"):
        official.api.fine_tuning.jobs.resume(running.id)


def test_a_queued_job_cannot_be_paused(official, running):
    waiting = official.create()
    official.until(waiting.id, lambda job: job.status == "queued")
    with pytest.raises(openai.BadRequestError, match="status is queued"):
        official.api.fine_tuning.jobs.pause(waiting.id)


def test_one_job_trains_at_a_time_in_the_order_of_creation(official, rows):
    file = official.upload(rows["supervised"]())
    jobs = [official.create(training_file=file).id for _ in range(4)]
    finished = [official.finish(job) for job in jobs]
    events = {job.id: list(official.api.fine_tuning.jobs.list_events(job.id))[::-1] for job in finished}
    starts = [next(event.id for event in events[job] if event.message == "Fine-tuning job started") for job in jobs]
    ends = [events[job][-1].id for job in jobs]
    assert all(end < start for end, start in zip(ends, starts[1:], strict=False))


def test_jobs_created_at_once_are_all_there_once(official, rows):
    file = official.upload(rows["supervised"]())
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: official.create(training_file=file, metadata={"n": str(n)}).id, range(24)))
    listed = [job.id for job in official.api.fine_tuning.jobs.list()]
    assert sorted(listed) == sorted(made)
    assert all(official.finish(job).status == "succeeded" for job in made)
