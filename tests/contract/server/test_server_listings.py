"""Listings of the embedded server: pages, order, filters."""

from __future__ import annotations

import pytest


@pytest.fixture
def server(local_server):
    return local_server


@pytest.fixture
def jobs(official, rows):
    file = official.upload(rows["supervised"]())
    tags = [{"team": "a"}, {"team": "b", "empty": ""}, None, {"team": "a", "odd [key]": "x"}, {}]
    return [official.create(training_file=file, metadata=tag).id for tag in tags]


def test_pages_of_jobs_join_to_the_whole_newest_first(official, jobs):
    assert [job.id for job in official.api.fine_tuning.jobs.list(limit=2)] == jobs[::-1]


def test_the_last_page_says_that_there_is_no_more(raw, jobs):
    page = raw.get(f"/fine_tuning/jobs?limit=2&after={jobs[2]}").json()
    assert ([job["id"] for job in page["data"]], page["has_more"]) == ([jobs[1], jobs[0]], False)


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("metadata[team]=a", [3, 0]),
        ("metadata%5Bteam%5D=b", [1]),
        ("metadata[team]=a&metadata[odd [key]]=x", [3]),
        ("metadata[empty]=", [1]),
        ("metadata[team]=c", []),
        ("metadata=null", [2]),
    ],
)
def test_jobs_are_found_by_metadata(raw, jobs, query, places):
    listed = raw.get(f"/fine_tuning/jobs?{query}").json()["data"]
    assert [job["id"] for job in listed] == [jobs[place] for place in places]


@pytest.mark.parametrize("query", ["metadata=null&metadata[a]=b", "metadata=x", "metadatum&metadata"])
def test_a_metadata_filter_that_cannot_be_meant_is_refused(raw, query):
    assert raw.get(f"/fine_tuning/jobs?{query}").status_code == 400


def test_pages_of_events_join_to_the_whole(official, jobs):
    official.finish(jobs[0])
    listing = official.api.fine_tuning.jobs.list_events
    pages = [event.id for event in listing(jobs[0], limit=3)]
    assert pages == [event.id for event in listing(jobs[0], limit=1000).data]
    assert len(set(pages)) == len(pages)


def test_an_event_of_another_job_is_no_place_to_start_from(official, raw, jobs):
    event = official.api.fine_tuning.jobs.list_events(jobs[0]).data[0].id
    assert raw.get(f"/fine_tuning/jobs/{jobs[1]}/events?after={event}").status_code == 400


def test_pages_of_checkpoints_join_to_the_whole(official, jobs):
    official.finish(jobs[0])
    listing = official.api.fine_tuning.jobs.checkpoints.list
    assert [checkpoint.step_number for checkpoint in listing(jobs[0], limit=1)] == [30, 20, 10]


def test_files_are_listed_in_both_orders_and_by_purpose(official):
    tuning = [official.upload([{"n": n}]) for n in range(3)]
    batch = official.upload([{"n": 9}], purpose="batch")
    files = official.api.files
    assert [file.id for file in files.list(limit=2)] == [batch, *tuning[::-1]]
    assert [file.id for file in files.list(limit=2, order="asc")] == [*tuning, batch]
    assert [file.id for file in files.list(purpose="fine-tune", limit=1)] == tuning[::-1]


def test_permissions_of_a_checkpoint_are_given_listed_and_taken_back(official, raw, jobs):
    official.finish(jobs[0])
    checkpoint = next(iter(official.api.fine_tuning.jobs.checkpoints.list(jobs[0]))).fine_tuned_model_checkpoint
    permissions = official.api.fine_tuning.checkpoints.permissions
    given = list(permissions.create(checkpoint, project_ids=["p1", "p2", "p3"]))
    assert [permission.project_id for permission in given] == ["p1", "p2", "p3"]
    assert [found.project_id for found in permissions.list(checkpoint, limit=2)] == ["p3", "p2", "p1"]
    assert [found.id for found in permissions.list(checkpoint, project_id="p2")] == [given[1].id]
    assert permissions.delete(given[0].id, fine_tuned_model_checkpoint=checkpoint).deleted
    assert [found.project_id for found in permissions.list(checkpoint, order="ascending")] == ["p2", "p3"]


def test_model_ids_may_come_percent_encoded(official, raw, jobs):
    model = official.finish(jobs[0]).fine_tuned_model
    assert raw.get(f"/models/{model.replace(':', '%3A')}").json()["id"] == model
