from __future__ import annotations

import pytest

from finetune_kit.errors import APIConnectionError, APITimeoutError, BadRequestError, InternalServerError
from finetune_kit.wire.io import BlockingIO
from finetune_kit.wire.modes import drive
from finetune_kit.wire.once import GRACE_SECONDS, once


class Service:
    """A service that can lose answers, and list late."""

    def __init__(self, outcomes: list[str], *, listed_after: int = 0) -> None:
        self.outcomes = iter(outcomes)
        self.made = 0
        self.looks = 0
        self.listed_after = listed_after
        self.list_fails = False

    async def act(self) -> int:
        outcome = next(self.outcomes)
        if outcome == "refused":
            raise BadRequestError("no", status_code=400)
        if outcome == "failed for good":
            raise InternalServerError("full", status_code=507, should_retry=False)
        if outcome == "lost before":
            raise APITimeoutError("no answer")
        self.made += 1
        if outcome == "lost after":
            raise APIConnectionError("reset")
        return self.made

    async def find(self) -> int | None:
        self.looks += 1
        if self.list_fails:
            raise APIConnectionError("also lost")
        return self.made if self.made and self.looks > self.listed_after else None


def run(service: Service, clock) -> int:
    return drive(once(BlockingIO(clock), service.act, service.find, what="the job was created"))


def test_an_answer_that_comes_is_the_answer(clock):
    service = Service(["done"])
    assert run(service, clock) == 1
    assert service.looks == 0


def test_a_lost_answer_is_found_and_not_made_again(clock):
    service = Service(["lost after"])
    assert run(service, clock) == 1
    assert (service.made, clock.slept) == (1, [])


def test_one_that_is_listed_late_is_waited_for(clock):
    service = Service(["lost after"], listed_after=3)
    assert run(service, clock) == 1
    assert clock.slept == list(GRACE_SECONDS[1:4])


def test_a_request_that_never_arrived_is_made_again_once_after_the_grace_period(clock):
    service = Service(["lost before", "done"])
    assert run(service, clock) == 1
    assert sum(clock.slept) == sum(GRACE_SECONDS)


def test_a_refusal_is_raised_without_looking(clock):
    service = Service(["refused"])
    with pytest.raises(BadRequestError):
        run(service, clock)
    assert service.looks == 0


def test_two_requests_that_never_arrived_say_that_the_outcome_is_open(clock):
    with pytest.raises(APITimeoutError, match=r"not known whether the job was created.*same call again"):
        run(Service(["lost before", "lost before"]), clock)


def test_when_the_list_is_lost_too_nothing_is_made_again(clock):
    service = Service(["lost after", "done"])
    service.list_fails = True
    with pytest.raises(APIConnectionError, match="not known whether"):
        run(service, clock)
    assert service.made == 1


def test_a_failure_that_no_repeat_can_help_is_raised_after_one_look(clock):
    service = Service(["failed for good"])
    with pytest.raises(InternalServerError, match="full"):
        run(service, clock)
    assert (service.looks, clock.slept) == (1, [])
