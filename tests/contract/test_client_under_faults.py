"""What the client does when the wire lies, on both clients."""

from __future__ import annotations

import itertools
import resource
import time

import pytest

from finetune_kit import Dataset, SupervisedMethod
from finetune_kit.errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    InternalServerError,
    RateLimitError,
)

MODEL = "scripted:smollm2-135m-instruct"
JOBS = "/v1/fine_tuning/jobs"
CREATE = "POST /v1/fine_tuning/jobs$"
KEY = "sk-never-shown"

_numbers = itertools.count()


def dataset() -> Dataset:
    """Return rows that no other test has sent."""
    mark = next(_numbers)
    return Dataset.read(
        [
            {
                "messages": [
                    {"role": "user", "content": f"secret question {mark} {number}"},
                    {"role": "assistant", "content": f"secret answer {number}"},
                ]
            }
            for number in range(10)
        ]
    )


@pytest.fixture
def client(mode, fault_proxy, clock):
    fault_proxy.schedule()
    return mode.client("compatible", base_url=fault_proxy.base_url, api_key=KEY, timeout_seconds=2.0, clock=clock)


@pytest.fixture
def job(mode, client):
    file = mode.call(client.files.upload(dataset()))
    return mode.call(client.jobs.create(MODEL, file))


PASSING = [
    "reset_before", "reset_after", "hang_before", "hang_after", "s500", "s502_html", "s503", "s500_after", "s409",
    "s408", "s429", "s429_ms", "s429_date", "s429_no_header", "truncated", "truncated_json", "html200", "err200",
    "empty200", "null200", "list200", "not_utf8", "nan_json", "deep_json", "gzip_corrupt", "bad_chunk", "status_204",
    "early_close_body", "slowloris",
]  # fmt: skip
HARMLESS = ["wrong_ct", "latin1_headers", "cookie", "close_idle", "missing_fields", "extra_fields", "error_empty"]


@pytest.mark.parametrize("fault", PASSING + HARMLESS)
def test_a_fault_that_passes_is_sat_out_by_what_is_safe_to_repeat(mode, client, fault_proxy, job, fault):
    fault_proxy.schedule({"match": f"GET {JOBS}/ftjob", "nth": 1, "fault": fault, "seconds": 5, "delay": 2})
    assert mode.call(client.jobs.retrieve(job)).id == job.id


@pytest.mark.parametrize("fault", [*PASSING, "slow_headers", "huge", "redirect307", "redirect302", "redirect_loop"])
def test_a_fault_that_stays_is_one_kind_of_error_in_bounded_time(mode, client, fault_proxy, job, fault):
    fault_proxy.schedule({"match": f"GET {JOBS}/ftjob", "fault": fault, "seconds": 5, "delay": 2})
    quick = client.with_options(timeout_seconds=0.5, max_retries=1)
    began = time.monotonic()
    with pytest.raises(APIError) as caught:
        mode.call(quick.jobs.retrieve(job))
    assert time.monotonic() - began < 5.0
    assert KEY not in f"{caught.value!r}{caught.value}"
    assert "sk-leaked" not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "cls"),
    [
        ("reset_before", APIConnectionError),
        ("hang_before", APITimeoutError),
        ("slowloris", APITimeoutError),
        ("slow_headers", APITimeoutError),
        ("s502_html", InternalServerError),
        ("s429", RateLimitError),
        ("html200", APIResponseValidationError),
        ("err200", APIResponseValidationError),
        ("gzip_corrupt", APIResponseValidationError),
        ("redirect307", APIStatusError),
    ],
)
def test_each_fault_has_its_class(mode, client, fault_proxy, job, fault, cls):
    fault_proxy.schedule({"match": f"GET {JOBS}/ftjob", "fault": fault, "seconds": 5, "delay": 2})
    with pytest.raises(cls):
        mode.call(client.with_options(timeout_seconds=0.5, max_retries=0).jobs.retrieve(job))


@pytest.mark.parametrize(("fault", "megabytes"), [("huge", 300), ("gzip_bomb", 1024)])
def test_an_answer_without_end_does_not_fill_the_memory(mode, client, fault_proxy, job, fault, megabytes):
    fault_proxy.schedule({"match": f"GET {JOBS}/ftjob", "fault": fault, "mb": megabytes})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(APIError):
        mode.call(client.with_options(timeout_seconds=20.0, max_retries=0).jobs.retrieve(job))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


LOST = ["reset_after", "hang_after", "s500_after", "truncated", "truncated_json", "early_close_body", "err200",
        "html200", "empty200", "status_204", "null200", "list200", "not_utf8", "nan_json", "deep_json",
        "gzip_corrupt", "bad_chunk"]  # fmt: skip


@pytest.mark.parametrize("fault", LOST)
def test_a_job_whose_answer_is_lost_is_found_and_not_made_again(mode, client, fault_proxy, fault):
    file = mode.call(client.files.upload(dataset()))
    fault_proxy.schedule({"match": CREATE, "nth": 1, "fault": fault, "seconds": 5})
    job = mode.call(client.with_options(timeout_seconds=0.5).jobs.create(MODEL, file))
    assert fault_proxy.reached("POST", JOBS) == [job.id]


@pytest.mark.parametrize("fault", LOST)
def test_when_every_answer_is_lost_no_second_job_is_made(mode, client, fault_proxy, fault):
    file = mode.call(client.files.upload(dataset()))
    fault_proxy.schedule({"match": CREATE, "nth": "all", "fault": fault, "seconds": 5})
    job = mode.call(client.with_options(timeout_seconds=0.5).jobs.create(MODEL, file))
    assert fault_proxy.reached("POST", JOBS) == [job.id]


@pytest.mark.parametrize("fault", ["reset_before", "hang_before", "s500", "s502_html", "s503", "s429", "s429_ms"])
def test_a_job_whose_request_never_arrived_is_made_once(mode, client, fault_proxy, fault):
    file = mode.call(client.files.upload(dataset()))
    fault_proxy.schedule({"match": CREATE, "nth": 1, "fault": fault, "seconds": 5})
    job = mode.call(client.with_options(timeout_seconds=0.5).jobs.create(MODEL, file))
    assert fault_proxy.reached("POST", JOBS) == [job.id]


def test_when_the_list_is_lost_too_the_error_says_how_to_settle_it(mode, fault_proxy, clock):
    fault_proxy.schedule()
    client = mode.client("local", base_url=fault_proxy.base_url, clock=clock)
    file = mode.call(client.files.upload(dataset()))
    fault_proxy.schedule(
        {"match": CREATE, "fault": "reset_after"},
        {"match": r"GET /v1/fine_tuning/jobs\?", "nth": "2+", "fault": "reset_before"},
    )
    with pytest.raises(APIConnectionError, match="same call again"):
        mode.call(client.jobs.create(MODEL, file))
    assert len(fault_proxy.reached("POST", JOBS)) == 1
    (made,) = fault_proxy.reached("POST", JOBS)
    fault_proxy.schedule()
    assert mode.call(client.jobs.create(MODEL, file)).id == made
    assert fault_proxy.reached("POST", JOBS) == []


@pytest.mark.parametrize("fault", ["reset_after", "hang_after", "s500_after", "s502_html"])
def test_in_a_hundred_runs_there_is_one_job_each(mode, client, fault_proxy, fault):
    file = mode.call(client.files.upload(dataset()))
    impatient = client.with_options(timeout_seconds=0.1 if fault == "hang_after" else 2.0)
    made = []
    for attempt in range(1, 26):
        fault_proxy.schedule({"match": CREATE, "nth": 1, "fault": fault, "seconds": 1})
        method = SupervisedMethod(n_epochs=1, batch_size=10)
        job = mode.call(impatient.jobs.create(MODEL, file, method=method, attempt=attempt))
        assert fault_proxy.reached("POST", JOBS) == [job.id]
        made.append(job.id)
    assert len(set(made)) == 25


@pytest.mark.parametrize("fault", ["reset_after", "hang_after", "s500_after", "truncated_json", "reset_mid_upload"])
def test_a_file_whose_answer_is_lost_is_stored_once(mode, client, fault_proxy, fault):
    fault_proxy.schedule({"match": "POST /v1/files$", "nth": 1, "fault": fault, "seconds": 5})
    file = mode.call(client.with_options(timeout_seconds=0.5).files.upload(dataset()))
    assert fault_proxy.reached("POST", "/v1/files") == [file.id]


@pytest.mark.parametrize(("action", "status"), [("cancel", "cancelled"), ("pause", "paused")])
@pytest.mark.parametrize("fault", ["reset_after", "s500_after", "truncated_json"])
def test_an_order_whose_answer_is_lost_is_carried_out(mode, client, fault_proxy, action, status, fault):
    file = mode.call(client.files.upload(dataset()))
    long = SupervisedMethod(n_epochs=50, batch_size=1)
    job = mode.call(client.jobs.create(MODEL, file, method=long))
    while mode.call(client.jobs.retrieve(job)).status != "running":
        time.sleep(0.01)
    fault_proxy.schedule({"match": f"POST .*/{action}$", "nth": 1, "fault": fault})
    mode.call(getattr(client.jobs, action)(job))
    for _ in range(200):
        if (now := mode.call(client.jobs.retrieve(job))).status == status:
            break
        time.sleep(0.01)
    assert now.status == status
    if status == "paused":
        mode.call(client.jobs.cancel(job))


@pytest.mark.parametrize("fault", ["reset_after", "s500_after"])
def test_a_deletion_whose_answer_is_lost_is_a_deletion(mode, client, fault_proxy, fault):
    file = mode.call(client.files.upload(dataset()))
    fault_proxy.schedule({"match": "DELETE /v1/files", "nth": 1, "fault": fault})
    assert mode.call(client.files.delete(file)).deleted is True


@pytest.mark.parametrize("fault", ["dup_events", "shuffle_events", "overlap_pages", "endless_pages", "clock_skew"])
def test_events_come_once_and_in_order_whatever_the_pages(mode, client, fault_proxy, fault):
    file = mode.call(client.files.upload(dataset()))
    job = mode.call(client.jobs.create(MODEL, file, method=SupervisedMethod(n_epochs=15, batch_size=1)))
    fault_proxy.schedule({"match": "GET .*/events", "fault": fault})
    events = mode.items(client.jobs.events(job, follow=True))
    fault_proxy.schedule()
    assert [event.id for event in events] == [event.id for event in mode.items(client.jobs.events(job))]
    steps = [event.metrics["step"] for event in events if event.metrics]
    assert steps == list(range(1, 151))


@pytest.mark.parametrize("fault", ["endless_pages", "overlap_pages", "dup_events"])
def test_a_listing_that_makes_no_progress_ends(mode, client, fault_proxy, fault):
    file = mode.call(client.files.upload(dataset()))
    mine = [
        mode.call(client.jobs.create(MODEL, file, seed=number, metadata={"mark": file.id})).id for number in range(5)
    ]
    fault_proxy.schedule({"match": r"GET /v1/fine_tuning/jobs\?", "fault": fault})
    listed = [job.id for job in mode.items(client.jobs.list(metadata={"mark": file.id}, page_size=2))]
    assert listed == mine[::-1]


def test_a_status_that_nobody_knows_does_not_end_a_wait(mode, client, fault_proxy, job):
    fault_proxy.schedule({"match": f"GET {JOBS}/ftjob[^/]*$", "nth": [1, 2, 3], "fault": "unknown_status"})
    assert mode.call(client.jobs.wait(job)).status == "succeeded"


@pytest.mark.parametrize(
    ("fault", "options", "slept"),
    [
        ("s429", {"retry_after": 7}, 7.0),
        ("s429_ms", {"ms": 300}, 0.3),
        ("s503", {"retry_after": 3}, 3.0),
    ],
)
def test_the_wait_that_a_service_asks_for_is_kept_to(mode, client, fault_proxy, job, clock, fault, options, slept):
    fault_proxy.schedule({"match": f"GET {JOBS}/ftjob", "nth": 1, "fault": fault, **options})
    clock.slept.clear()
    mode.call(client.jobs.retrieve(job))
    assert clock.slept == [slept]


def test_a_wait_until_a_date_is_kept_to(mode, client, fault_proxy, job, clock):
    fault_proxy.schedule({"match": f"GET {JOBS}/ftjob", "nth": 1, "fault": "s429_date", "in": 30})
    clock.slept.clear()
    mode.call(client.jobs.retrieve(job))
    assert len(clock.slept) == 1
    assert 25 < clock.slept[0] <= 30


def test_a_wait_of_a_day_is_raised_and_not_slept_through(mode, client, fault_proxy, job, clock):
    fault_proxy.schedule({"match": f"GET {JOBS}/ftjob", "fault": "s429_huge"})
    clock.slept.clear()
    with pytest.raises(RateLimitError) as caught:
        mode.call(client.jobs.retrieve(job))
    assert (caught.value.retry_after, clock.slept) == (86400.0, [])


@pytest.mark.parametrize("fault", ["redirect307", "redirect302"])
def test_nothing_of_a_request_reaches_another_host(mode, client, fault_proxy, fault):
    fault_proxy.schedule({"match": "POST /v1/files$", "fault": fault})
    with pytest.raises(APIStatusError, match="base URL"):
        mode.call(client.files.upload(dataset()))
    assert fault_proxy.leaked() == []


def test_neither_keys_nor_training_examples_are_logged(mode, client, fault_proxy, caplog):
    caplog.set_level("DEBUG")
    fault_proxy.schedule({"match": "POST /v1/files$", "nth": [1, 2], "fault": "reset_mid_upload"})
    with pytest.raises(APIError) as caught:
        mode.call(client.files.upload(dataset()))
    assert "secret" not in caplog.text + str(caught.value)
    assert KEY not in caplog.text + str(caught.value)
