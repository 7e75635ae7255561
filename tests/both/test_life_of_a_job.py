"""The life of a fine-tune against the embedded server."""

from __future__ import annotations

import json

import pytest

from finetune_kit import (
    Dataset,
    DPOMethod,
    Evaluation,
    ReinforcementMethod,
    SupervisedMethod,
    graders,
)
from finetune_kit.errors import (
    BadRequestError,
    ConfigurationError,
    DatasetError,
    FinetuneKitError,
    JobCancelled,
    JobFailed,
    NotFoundError,
    WaitTimeout,
)
from finetune_kit.types.graders import StringCheckGrader

MODEL = "scripted:smollm2-135m-instruct"
GRADER = StringCheckGrader(name="same", input="{{sample.output_text}}", reference="{{item.answer}}", operation="eq")


def rows(count: int = 20, *, offset: int = 0) -> list[dict]:
    return [
        {
            "messages": [
                {"role": "user", "content": f"What is {number + offset} and one more?"},
                {"role": "assistant", "content": str(number + offset + 1)},
            ]
        }
        for number in range(count)
    ]


def pairs() -> list[dict]:
    return [
        {
            "input": {"messages": [{"role": "user", "content": f"Say {number}"}]},
            "preferred_output": [{"role": "assistant", "content": f"{number}"}],
            "non_preferred_output": [{"role": "assistant", "content": "no"}],
        }
        for number in range(12)
    ]


def tasks() -> list[dict]:
    return [{"messages": [{"role": "user", "content": f"Say {number}"}], "answer": str(number)} for number in range(12)]


@pytest.fixture
def client(mode, local_server):
    return mode.client("local", base_url=local_server.base_url)


def test_tune_uploads_creates_and_waits_in_one_call(mode, client):
    seen = []
    job = mode.call(client.tune(Dataset.read(rows()), MODEL, suffix="sums", seed=4, progress=seen.append))
    assert (job.status, job.seed, job.user_provided_suffix) == ("succeeded", 4, "sums")
    assert job.fine_tuned_model.startswith("ft:scripted:")
    assert seen[-1].step == seen[-1].total_steps
    assert [event.message for progress in seen for event in progress.new_events][-1].startswith("The job has succ")


def test_the_same_program_run_again_gets_the_same_file_and_job(mode, client):
    first = mode.call(client.tune(Dataset.read(rows()), MODEL))
    second = mode.call(client.tune(Dataset.read(rows()), MODEL))
    assert second == first
    assert len(mode.items(client.files.list(purpose="fine-tune"))) == 1
    assert len(mode.items(client.jobs.list())) == 1


def test_another_attempt_is_another_job(mode, client):
    first = mode.call(client.tune(Dataset.read(rows()), MODEL))
    second = mode.call(client.tune(Dataset.read(rows()), MODEL, attempt=2))
    assert second.id != first.id


@pytest.mark.parametrize(
    ("data", "method"),
    [
        (rows(), SupervisedMethod(n_epochs=2, batch_size=4)),
        (pairs(), DPOMethod(beta=0.2)),
        (tasks(), ReinforcementMethod(grader=GRADER)),
    ],
)
def test_each_method_goes_through(mode, client, data, method):
    dataset = Dataset.read(data)
    job = mode.call(client.tune(dataset, MODEL, validation=dataset, method=method))
    assert job.method["type"] == method.type


def test_jobs_are_listed_page_by_page_and_by_metadata(mode, client):
    file = mode.call(client.files.upload(Dataset.read(rows())))
    made = [
        mode.call(client.jobs.create(MODEL, file, seed=number, metadata={"parity": str(number % 2)}))
        for number in range(5)
    ]
    assert [job.id for job in mode.items(client.jobs.list(page_size=2))] == [job.id for job in reversed(made)]
    odd = mode.items(client.jobs.list(metadata={"parity": "1"}, page_size=1))
    assert [job.id for job in odd] == [made[3].id, made[1].id]


def test_events_come_once_oldest_first_and_follow_to_the_end(mode, client):
    file = mode.call(client.files.upload(Dataset.read(rows())))
    job = mode.call(client.jobs.create(MODEL, file))
    followed = mode.items(client.jobs.events(job, follow=True, poll_seconds=0.01))
    assert [event.id for event in followed] == sorted({event.id for event in followed})
    assert followed == mode.items(client.jobs.events(job))
    steps = [event.metrics["step"] for event in followed if event.metrics]
    assert steps == list(range(1, len(steps) + 1))


def test_metrics_join_events_and_result_file(mode, client):
    data = Dataset.read(rows())
    job = mode.call(client.tune(data, MODEL, validation=Dataset.read(rows(offset=100))))
    metrics = mode.call(client.jobs.metrics(job))
    assert [row.step for row in metrics] == list(range(1, len(metrics) + 1))
    assert metrics.rows[0].train_loss > metrics.rows[-1].train_loss
    assert any(row.valid_loss is not None for row in metrics)


def test_checkpoints_come_last_step_first_and_answer(mode, client):
    job = mode.call(client.tune(Dataset.read(rows()), MODEL, method=SupervisedMethod(n_epochs=4)))
    checkpoints = mode.items(client.checkpoints.list(job))
    numbers = [checkpoint.step_number for checkpoint in checkpoints]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == 3
    model = checkpoints[-1].fine_tuned_model_checkpoint
    answer = mode.call(client.completions.create(model, [{"role": "user", "content": "What is 3 and one more?"}]))
    assert answer.text


def test_permissions_are_granted_listed_and_taken_back(mode, client):
    job = mode.call(client.tune(Dataset.read(rows()), MODEL))
    (checkpoint, *_) = mode.items(client.checkpoints.list(job))
    name = checkpoint.fine_tuned_model_checkpoint
    permissions = client.checkpoints.permissions
    granted = mode.call(permissions.create(name, ["proj_a", "proj_b"]))
    assert {each.project_id for each in mode.items(permissions.list(name))} == {"proj_a", "proj_b"}
    mode.call(permissions.delete(name, granted[0].id))
    assert len(mode.items(permissions.list(name))) == 1


def long_job(mode, client):
    file = mode.call(client.files.upload(Dataset.read(rows())))
    return mode.call(client.jobs.create(MODEL, file, method=SupervisedMethod(n_epochs=50, batch_size=1)))


def until(mode, client, job, status: str):
    for event in mode.items(client.jobs.events(job)):
        assert event
    for _ in range(2000):
        now = mode.call(client.jobs.retrieve(job))
        if now.status == status:
            return now
    raise AssertionError(f"never {status}, but {now.status}")


def test_a_cancelled_job_ends_a_wait_as_cancelled(mode, client):
    job = long_job(mode, client)
    mode.call(client.jobs.cancel(job))
    with pytest.raises(JobCancelled, match=job.id):
        mode.call(client.jobs.wait(job))


def test_a_paused_job_goes_on_when_it_is_resumed(mode, client):
    job = long_job(mode, client)
    until(mode, client, job, "running")
    mode.call(client.jobs.pause(job))
    paused = until(mode, client, job, "paused")
    assert paused.finished_at is None
    mode.call(client.jobs.resume(job))
    until(mode, client, job, "running")
    mode.call(client.jobs.cancel(job))


def test_a_wait_that_has_been_long_enough_says_that_the_job_goes_on(mode, client):
    job = long_job(mode, client)
    with pytest.raises(WaitTimeout, match="It goes on"):
        mode.call(client.jobs.wait(job, timeout_seconds=0.05, poll_seconds=0.01))
    mode.call(client.jobs.cancel(job))


def test_too_few_examples_fail_on_the_job_with_the_services_reason(mode, client):
    file = mode.call(client.files.upload(Dataset.read(rows(7))))
    job = mode.call(client.jobs.create(MODEL, file))
    with pytest.raises(JobFailed, match=r"has 7 example\(s\).*at least 10") as caught:
        mode.call(client.jobs.wait(job))
    assert (caught.value.code, caught.value.param) == ("invalid_n_examples", "training_file")
    assert caught.value.job.id == job.id


def test_tune_names_too_few_examples_before_anything_is_sent(mode, client):
    with pytest.raises(DatasetError, match=r"7 example"):
        mode.call(client.tune(Dataset.read(rows(7)), MODEL))
    assert mode.items(client.files.list()) == []


def test_an_unknown_model_is_refused_with_the_services_code(mode, client):
    file = mode.call(client.files.upload(Dataset.read(rows())))
    with pytest.raises(BadRequestError, match="no-such-model") as caught:
        mode.call(client.jobs.create("no-such-model", file))
    assert (caught.value.code, caught.value.param) == ("model_not_available", "model")


@pytest.mark.parametrize("suffix", ["", "two words", "x" * 65, "dot.dot", "ü"])
def test_a_wrong_suffix_is_named_before_anything_is_sent(mode, client, suffix):
    with pytest.raises(ConfigurationError, match="1 to 64"):
        mode.call(client.jobs.create(MODEL, "file-1", suffix=suffix))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"seed": -1}, "seed -1"),
        ({"attempt": 0}, "attempt=0"),
        ({"metadata": {str(number): "" for number in range(16)}}, "16 pairs"),
        ({"metadata": {"k" * 65: "v"}}, "64"),
        ({"method": ReinforcementMethod(grader=GRADER)}, "validation_file"),
    ],
)
def test_a_wrong_argument_is_named_before_anything_is_sent(mode, client, options, said):
    with pytest.raises(ConfigurationError, match=said):
        mode.call(client.jobs.create(MODEL, "file-1", **options))


def test_unknown_ids_are_not_found(mode, client):
    with pytest.raises(NotFoundError, match="Could not find fine tune: ftjob-none") as caught:
        mode.call(client.jobs.retrieve("ftjob-none"))
    assert caught.value.code == "fine_tune_not_found"
    with pytest.raises(NotFoundError):
        mode.call(client.files.retrieve("file-none"))
    with pytest.raises(NotFoundError):
        mode.call(client.models.retrieve("model/none"))


def test_files_are_read_downloaded_and_deleted(mode, client, tmp_path):
    data = Dataset.read(rows())
    file = mode.call(client.files.upload(data))
    content = mode.call(client.files.content(file))
    assert [json.loads(line) for line in content.splitlines()] == rows()
    path = mode.call(client.files.download(file, tmp_path / "rows.jsonl"))
    assert path.read_bytes() == content
    assert mode.call(client.files.delete(file)).deleted is True
    with pytest.raises(NotFoundError):
        mode.call(client.files.content(file))


def test_a_download_that_fails_leaves_nothing_behind(mode, client, tmp_path):
    with pytest.raises(NotFoundError):
        mode.call(client.files.download("file-none", tmp_path / "rows.jsonl"))
    assert list(tmp_path.iterdir()) == []


def test_models_are_listed_retrieved_and_deleted(mode, client):
    job = mode.call(client.tune(Dataset.read(rows()), MODEL))
    listed = {model.id for model in mode.items(client.models.list())}
    assert {MODEL, job.fine_tuned_model} <= listed
    assert mode.call(client.models.retrieve(job.fine_tuned_model)).id == job.fine_tuned_model
    assert mode.call(client.models.delete(job.fine_tuned_model)).deleted is True
    with pytest.raises(NotFoundError):
        mode.call(client.completions.create(job.fine_tuned_model, [{"role": "user", "content": "?"}]))


def test_a_streamed_answer_is_the_answer_in_pieces(mode, client):
    chat = [{"role": "user", "content": "What is 3 and one more?"}]
    whole = mode.call(client.completions.create(MODEL, chat, temperature=0))
    pieces = mode.items(client.completions.stream(MODEL, chat, temperature=0))
    assert "".join(piece.text for piece in pieces) == whole.text


def test_an_evaluation_finds_the_tuned_model_better(mode, client):
    data = Dataset.read(rows(40))
    job = mode.call(client.tune(data, MODEL))
    evaluation = Evaluation(data, [graders.ExactMatch()])
    report = mode.call(client.evaluations.run(evaluation, [job.model, job.fine_tuned_model]))
    assert report.compare().verdict == "improved"


def test_limits_can_be_changed_over_the_same_connections(mode, client):
    other = client.with_options(timeout_seconds=7.0, max_retries=0)
    assert {model.id for model in mode.items(other.models.list())} >= {MODEL}


@pytest.mark.parametrize("provider", ["openai", "no-such-provider"])
def test_a_missing_key_or_an_unknown_provider_is_named_with_a_remedy(mode, provider):
    with pytest.raises(ConfigurationError, match=r"OPENAI_API_KEY|Use one of"):
        mode.make(provider)


@pytest.mark.parametrize(
    "base_url", ["", "localhost:1", "ftp://h/v1", "http://user:pw@h/v1", "http://h/v1?key=s", "http://h:99999/v1"]
)
def test_an_unusable_address_is_named_without_quoting_it(mode, base_url):
    with pytest.raises(ConfigurationError) as caught:
        mode.make("compatible", base_url=base_url)
    assert "pw" not in str(caught.value)


def test_a_key_with_a_line_break_inside_is_named_without_quoting_it(mode):
    with pytest.raises(ConfigurationError, match="copy it again") as caught:
        mode.make("openai", api_key="sk-abc\ndef")
    assert "sk-abc" not in str(caught.value)


def test_neither_repr_nor_error_shows_the_key(mode, local_server):
    client = mode.client("openai", base_url=local_server.base_url, api_key="sk-very-secret")
    with pytest.raises(FinetuneKitError) as caught:
        mode.call(client.jobs.retrieve("ftjob-none"))
    assert "very-secret" not in f"{client!r} {client.jobs!r} {client._send!r} {caught.value!r} {caught.value}"
