"""Where a forgotten person's rows have been, through both clients, against the embedded server."""

from __future__ import annotations

import httpx
import pytest
import respx

from finetune_kit import Dataset
from finetune_kit.errors import AuthenticationError

MODEL = "scripted:smollm2-135m-instruct"
NAME = "Anna Meyer"


def rows(count: int = 12, *, named: int = 0, offset: int = 0, system: str | None = None) -> Dataset:
    return Dataset.read(
        [
            {"q": f"{NAME if number < named else 'Nobody'} asks about {number + offset}", "a": f"answer {number}"}
            for number in range(count)
        ],
        user="q",
        assistant="a",
        system=system,
    )


@pytest.fixture
def client(mode, local_server):
    return mode.client("local", base_url=local_server.base_url)


def test_files_jobs_and_models_that_saw_the_rows_are_found(mode, client):
    data = rows(named=3)
    job = mode.call(client.tune(data, MODEL))
    other = mode.call(client.tune(rows(offset=100), MODEL))
    _, forgotten = data.forget(NAME)
    exposure = mode.call(client.lineage.exposure(forgotten))
    checkpoints = [each.fine_tuned_model_checkpoint for each in mode.items(client.checkpoints.list(job))]
    assert [(file.id, file.n_rows, file.n_lines) for file in exposure.files] == [(job.training_file, 3, 12)]
    assert [(each.id, each.why) for each in exposure.jobs] == [(job.id, "training file")]
    assert set(exposure.models) == {job.fine_tuned_model, *checkpoints}
    assert other.id not in str(exposure)
    assert exposure.complete


def test_models_that_went_on_from_such_a_model_are_found(mode, client):
    data = rows(named=1)
    first = mode.call(client.tune(data, MODEL))
    second = mode.call(client.tune(rows(offset=100), first.fine_tuned_model))
    third = mode.call(client.tune(rows(offset=200), second.fine_tuned_model))
    exposure = mode.call(client.lineage.exposure(data.forget(NAME)[1]))
    assert {each.id: each.why for each in exposure.jobs} == {
        first.id: "training file",
        second.id: "base model",
        third.id: "base model",
    }
    assert third.fine_tuned_model in exposure.models


def test_a_job_that_went_on_from_a_checkpoint_is_found(mode, client):
    data = rows(named=1)
    first = mode.call(client.tune(data, MODEL))
    checkpoint = mode.items(client.checkpoints.list(first))[-1].fine_tuned_model_checkpoint
    second = mode.call(client.tune(rows(offset=100), checkpoint))
    exposure = mode.call(client.lineage.exposure(data.forget(NAME)[1]))
    assert second.id in {each.id for each in exposure.jobs}


def test_a_validation_file_counts_and_is_named_as_one(mode, client):
    data = rows(named=1, offset=50)
    job = mode.call(client.tune(rows(), MODEL, validation=data))
    exposure = mode.call(client.lineage.exposure(data.forget(NAME)[1]))
    assert [(each.id, each.why) for each in exposure.jobs] == [(job.id, "validation file")]


def test_rows_that_were_uploaded_in_another_form_are_found_by_the_name(mode, client):
    mode.call(client.files.upload(rows(named=2, system="Be brief.")))
    exposure = mode.call(client.lineage.exposure(rows(named=2).forget(NAME)[1]))
    assert [file.n_rows for file in exposure.files] == [2]


def test_a_file_that_was_deleted_is_never_passed_silently(mode, client):
    data = rows(named=1)
    job = mode.call(client.tune(data, MODEL))
    later = mode.call(client.tune(rows(offset=100), job.fine_tuned_model))
    mode.call(client.files.delete(job.training_file))
    exposure = mode.call(client.lineage.exposure(data.forget(NAME)[1]))
    assert (exposure.files, exposure.jobs, exposure.complete) == ((), (), False)
    assert [file.id for file in exposure.unseen] == [job.training_file]
    assert [each.id for each in exposure.doubtful] == [job.id, later.id]
    assert {job.fine_tuned_model, later.fine_tuned_model} <= set(exposure.doubtful_models)
    assert "NOT COMPLETE" in str(exposure)
    assert f"could not be looked into: file {job.training_file}" in str(exposure)


def test_nothing_to_find_is_said_to_be_complete(mode, client):
    mode.call(client.tune(rows(), MODEL))
    exposure = mode.call(client.lineage.exposure(rows(named=1).forget(NAME)[1]))
    assert (exposure.files, exposure.jobs, exposure.models, exposure.complete) == ((), (), (), True)
    assert (exposure.n_files, exposure.n_jobs) == (1, 1)


def test_neither_the_person_nor_a_row_is_shown(mode, client):
    data = rows(named=1)
    mode.call(client.tune(data, MODEL))
    exposure = mode.call(client.lineage.exposure(data.forget(NAME)[1]))
    assert "meyer" not in f"{exposure} {exposure!r}".lower()


LISTED = {"id": "file-1", "object": "file", "purpose": "fine-tune", "filename": "a.jsonl"}
JOB = {"id": "ftjob-1", "status": "succeeded", "model": "base", "training_file": "file-1", "fine_tuned_model": "ft:1"}


@pytest.fixture
def service(mode, clock):
    """A service with one file and one job, whose file content each test decides."""
    with respx.mock(base_url="http://127.0.0.1:9/v1", assert_all_called=False) as router:
        router.get("/files").respond(json={"data": [LISTED], "has_more": False})
        router.get("/fine_tuning/jobs").respond(json={"data": [JOB], "has_more": False})
        router.get("/fine_tuning/jobs/ftjob-1/checkpoints").respond(json={"data": [], "has_more": False})
        client = mode.client("compatible", base_url="http://127.0.0.1:9/v1", max_retries=2, clock=clock)
        yield client, router


def test_a_file_that_may_not_be_downloaded_is_told_with_the_models_behind_it(mode, service):
    client, router = service
    router.get("/files/file-1/content").respond(403, json={"error": {"message": "not for this purpose"}})
    exposure = mode.call(client.lineage.exposure(rows(named=1).forget(NAME)[1]))
    assert [str(file) for file in exposure.unseen] == ["file file-1 (a.jsonl): PermissionDeniedError, status 403"]
    assert exposure.doubtful_models == ("ft:1",)


def test_a_file_that_is_not_json_lines_is_told(mode, service):
    client, router = service
    router.get("/files/file-1/content").respond(content=b"PAR1\x00\x01\n\xff\xfe")
    exposure = mode.call(client.lineage.exposure(rows(named=1).forget(NAME)[1]))
    assert exposure.unseen[0].reason == "its content is not JSON lines"


def test_a_download_that_fails_for_a_while_is_tried_again(mode, service):
    client, router = service
    lines = b"".join(rows(named=1).lines())
    busy = httpx.Response(503, json={"error": {"message": "busy"}})
    router.get("/files/file-1/content").side_effect = [busy, busy, httpx.Response(200, content=lines)]
    exposure = mode.call(client.lineage.exposure(rows(named=1).forget(NAME)[1]))
    assert exposure.models == ("ft:1",)


def test_a_last_line_without_an_end_and_a_byte_order_mark_hide_nothing(mode, service):
    client, router = service
    lines = list(rows(2, named=2).lines())
    router.get("/files/file-1/content").respond(
        content=b"\xef\xbb\xbf" + b"\r\n\r\n".join(line.strip() for line in lines)
    )
    exposure = mode.call(client.lineage.exposure(rows(2, named=2).forget(NAME)[1]))
    assert [(file.n_rows, file.n_lines) for file in exposure.files] == [(2, 2)]


def test_a_service_that_lists_no_files_leaves_a_gap(mode, service):
    client, router = service
    router.get("/files").respond(405, json={"error": {"message": "no"}})
    router.get("/files/file-1/content").respond(content=b"".join(rows(named=1).lines()))
    exposure = mode.call(client.lineage.exposure(rows(named=1).forget(NAME)[1]))
    assert (exposure.models, exposure.complete) == (("ft:1",), False)
    assert "files that no job has used" in str(exposure)


def test_checkpoints_that_cannot_be_listed_are_a_gap(mode, service):
    client, router = service
    router.get("/files/file-1/content").respond(content=b"".join(rows(named=1).lines()))
    router.get("/fine_tuning/jobs/ftjob-1/checkpoints").respond(404, json={"error": {"message": "no"}})
    exposure = mode.call(client.lineage.exposure(rows(named=1).forget(NAME)[1]))
    assert (exposure.models, exposure.complete) == (("ft:1",), False)


def test_a_wrong_key_is_raised(mode, service):
    client, router = service
    router.get("/files/file-1/content").respond(401, json={"error": {"message": "who are you"}})
    with pytest.raises(AuthenticationError):
        mode.call(client.lineage.exposure(rows(named=1).forget(NAME)[1]))
