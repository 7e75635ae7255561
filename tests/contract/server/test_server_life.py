"""The whole life of a fine-tune, driven by the official client on the scripted engine."""

from __future__ import annotations

import pytest

GRADER = {
    "type": "string_check",
    "name": "exact",
    "input": "{{sample.output_text}}",
    "reference": "{{item.reference}}",
    "operation": "eq",
}
METHODS = {
    "supervised": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 4, "batch_size": 5}}},
    "dpo": {"type": "dpo", "dpo": {"hyperparameters": {"n_epochs": 4, "batch_size": 5, "beta": 0.2}}},
    "reinforcement": {
        "type": "reinforcement",
        "reinforcement": {"grader": GRADER, "hyperparameters": {"n_epochs": 4, "batch_size": 5}},
    },
}


@pytest.fixture(scope="module")
def ended():
    """The ids of the jobs that have ended already, by method."""
    return {}


@pytest.fixture(params=list(METHODS))
def tuned(request, official, rows, ended):
    """A job of each method, at its end."""
    if request.param in ended:
        return official.api.fine_tuning.jobs.retrieve(ended[request.param])
    files = {name: official.upload(rows[request.param](20)) for name in ("training_file", "validation_file")}
    job = official.create(method=METHODS[request.param], suffix="my-model", seed=7, metadata={"a": "b"}, **files)
    ended[request.param] = job.id
    return official.finish(job.id)


def test_a_job_of_each_method_succeeds_with_all_its_fields(tuned):
    assert tuned.status == "succeeded"
    assert tuned.model == "scripted:smollm2-135m-instruct"
    assert tuned.fine_tuned_model.startswith("ft:scripted:smollm2-135m-instruct:local:my-model:")
    assert (tuned.seed, tuned.metadata, tuned.organization_id) == (7, {"a": "b"}, "org-local")
    assert tuned.error is None
    assert tuned.trained_tokens > 0
    assert tuned.finished_at >= tuned.created_at
    assert tuned.to_dict()["user_provided_suffix"] == "my-model"


def test_the_method_is_echoed_with_what_auto_became(tuned):
    settings = getattr(tuned.method, tuned.method.type).hyperparameters
    assert (settings.n_epochs, settings.batch_size) == (4, 5)
    assert isinstance(settings.learning_rate_multiplier, float)


def test_events_tell_the_story_once_and_newest_first(official, tuned):
    steps = official.steps(tuned.id)
    assert steps == sorted(range(1, 17), reverse=True)
    messages = official.messages(tuned.id)
    assert messages[:4] == [
        f"Created fine-tuning job: {tuned.id}",
        f"Validating training file: {tuned.training_file}",
        "Files validated, moving job to queued state",
        "Fine-tuning job started",
    ]
    assert messages[-2:] == [
        f"New fine-tuned model created: {tuned.fine_tuned_model}",
        "The job has successfully completed",
    ]


def test_event_ids_end_in_digits_that_grow(official, tuned):
    ids = [event.id for event in official.api.fine_tuning.jobs.list_events(tuned.id)]
    tails = [identifier.removeprefix("ftevent-") for identifier in ids]
    assert all(tail.isdecimal() and len(tail) >= 12 for tail in tails)
    assert tails == sorted(tails, reverse=True)


def test_the_last_three_epochs_are_kept_as_checkpoints(official, tuned):
    checkpoints = list(official.api.fine_tuning.jobs.checkpoints.list(tuned.id))
    assert [checkpoint.step_number for checkpoint in checkpoints] == [16, 12, 8]
    name = checkpoints[1].fine_tuned_model_checkpoint
    assert name == f"{tuned.fine_tuned_model}:ckpt-step-12"
    assert official.ask(name, "question 3 on topic3").choices[0].message.content == "answer 3"


def test_the_result_file_is_a_table_of_all_steps(official, tuned):
    answer = official.api.files.content(tuned.result_files[0])
    lines = answer.text.splitlines()
    assert lines[0].startswith("step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy")
    assert [line.split(",")[0] for line in lines[1:]] == [str(step) for step in range(1, 17)]
    assert official.api.files.retrieve(tuned.result_files[0]).purpose == "fine-tune-results"


def test_the_tuned_model_answers_what_it_learnt_and_its_base_does_not(official, tuned):
    assert official.ask(tuned.fine_tuned_model, "question 4 on topic4").choices[0].message.content == "answer 4"
    assert official.ask(tuned.fine_tuned_model, "tell me of topic5").choices[0].message.content == "answer 5"
    assert official.ask(tuned.model, "question 4 on topic4").choices[0].message.content.startswith("scripted base")


def test_the_tuned_model_is_listed_until_it_is_deleted(official):
    tuned = official.finish(official.create().id)
    models = official.api.models
    assert tuned.fine_tuned_model in {model.id for model in models.list()}
    assert models.retrieve(tuned.fine_tuned_model).owned_by == "org-local"
    assert models.delete(tuned.fine_tuned_model).deleted
    assert tuned.fine_tuned_model not in {model.id for model in models.list()}


def test_a_stream_says_the_same_as_a_whole_answer(official, tuned):
    whole = official.ask(tuned.fine_tuned_model, "question 6 on topic6")
    chunks = list(
        official.ask(
            tuned.fine_tuned_model, "question 6 on topic6", stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].usage == whole.usage


def test_a_tuned_model_can_be_tuned_further(official, rows):
    first = official.finish(official.create(rows["supervised"](12)).id)
    second = official.finish(official.create(rows["supervised"](12), model=first.fine_tuned_model).id)
    assert second.status == "succeeded"
    assert second.model == first.fine_tuned_model
    assert second.fine_tuned_model.startswith("ft:scripted:smollm2-135m-instruct:local::")


def test_the_same_seed_and_file_give_the_same_losses(official, rows):
    file = official.upload(rows["supervised"]())
    jobs = [official.finish(official.create(training_file=file, seed=3).id) for _ in range(2)]
    first, second = (official.api.files.content(job.result_files[0]).text for job in jobs)
    assert first == second


def test_a_seed_is_made_up_where_none_is_given(official):
    assert isinstance(official.create().seed, int)


def test_auto_makes_about_thirty_steps(official, rows):
    job = official.finish(official.create(rows["supervised"](200)).id)
    assert len(official.steps(job.id)) == 30


def test_a_deleted_training_file_does_not_stop_a_job(official, rows):
    running = official.create(rows["supervised"](), method=_long())
    file = official.upload(rows["supervised"]())
    waiting = official.create(training_file=file)
    official.until(waiting.id, lambda job: job.status == "queued")
    official.api.files.delete(file)
    official.api.fine_tuning.jobs.cancel(running.id)
    assert official.finish(waiting.id).status == "succeeded"


def _long() -> dict:
    return {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 50, "batch_size": 1}}}
