"""Moderation through both clients, against the embedded server."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
import respx
from pydantic import ValidationError

from finetune_kit import Dataset
from finetune_kit.dialects.base import Capabilities
from finetune_kit.dialects.local import LOCAL
from finetune_kit.errors import (
    APIResponseValidationError,
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    RateLimitError,
    UnsupportedError,
)
from finetune_kit.local import LocalServer
from finetune_kit.resources.moderations import BATCH_TEXTS
from finetune_kit.types.moderations import ModerationPolicy

BAD = "scripted-moderation:violence"


def chat(question: str, answer: str = "Certainly.", **more: object) -> dict:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer, **more}]}


@pytest.fixture
def client(mode, local_server):
    return mode.client("local", base_url=local_server.base_url)


@pytest.fixture
def faked(mode):
    with respx.mock(base_url="http://127.0.0.1:9/v1") as router:
        yield mode.client("compatible", base_url="http://127.0.0.1:9/v1", max_retries=0), router.post("/moderations")


def test_each_text_has_its_result(mode, client):
    moderation = mode.call(client.moderations.create(["Good morning", f"Now {BAD}"]))
    assert [result.flagged for result in moderation.results] == [False, True]
    assert moderation.results[1].categories["violence"] is True
    assert moderation.results[1].category_scores["violence"] > 0.9
    assert moderation.model == "scripted:moderation"


def test_one_text_and_one_input_of_parts_have_one_result(mode, client):
    assert len(mode.call(client.moderations.create("Good morning")).results) == 1
    parts = [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]
    assert len(mode.call(client.moderations.create(parts)).results) == 1


def test_nothing_to_judge_is_refused_before_it_is_sent(mode, client):
    with pytest.raises(ConfigurationError):
        mode.call(client.moderations.create([]))


def test_what_a_model_would_learn_to_write_is_an_error_and_what_it_reads_a_hint(mode, client):
    data = Dataset.read([chat("Hello"), chat(f"Tell me {BAD}", "I will not."), chat("Tell me", f"Sure: {BAD}")])
    screening = mode.call(client.moderations.screen(data))
    found = [(finding.severity, finding.line, finding.pointer) for finding in screening.findings]
    assert found == [("hint", 2, "/messages/0/content"), ("error", 3, "/messages/1/content")]
    assert {finding.rule for finding in screening.findings} == {"moderation"}
    assert (screening.n_screened, screening.counts) == (6, {"violence": 2})


def test_findings_never_quote_a_text(mode, client):
    screening = mode.call(client.moderations.screen(Dataset.read([chat(f"SECRET {BAD}")])))
    assert "SECRET" not in f"{screening} {screening!r} {screening.findings}"


def test_an_answer_without_weight_and_a_rejected_one_are_not_learnt(mode, client):
    turns = [*chat("a", f"{BAD}", weight=0)["messages"], *chat("b")["messages"]]
    pair = {
        "input": {"messages": [{"role": "user", "content": "Hi"}]},
        "preferred_output": [{"role": "assistant", "content": f"Yes {BAD}"}],
        "non_preferred_output": [{"role": "assistant", "content": f"No {BAD}"}],
    }
    weighed = mode.call(client.moderations.screen(Dataset.read([{"messages": turns}])))
    paired = mode.call(client.moderations.screen(Dataset.read([pair])))
    assert [finding.severity for finding in weighed.findings] == ["hint"]
    assert [finding.severity for finding in paired.findings] == ["error", "hint"]


def test_a_policy_sets_severities_and_thresholds_by_category(mode, client):
    data = Dataset.read([chat("Hello", f"{BAD} scripted-moderation:hate scripted-moderation:sexual/minors")])
    policy = ModerationPolicy(
        severities={"hate": "ignore", "sexual": "warning"}, thresholds={"violence": 0.999, "harassment": 0.0}
    )
    screening = mode.call(client.moderations.screen(data, policy=policy))
    categories = {
        finding.reason.split("'")[1]: finding.severity for finding in screening.findings if finding.pointer[10] == "1"
    }
    assert categories == {"harassment": "error", "harassment/threatening": "error", "sexual/minors": "warning"}


def test_a_threshold_that_is_no_score_is_refused():
    with pytest.raises(ValidationError, match=r"thresholds\.hate"):
        ModerationPolicy(thresholds={"hate": 80})


def test_a_screening_joins_an_audit(mode, client):
    data = Dataset.read([chat("Hello", BAD)])
    screening = mode.call(client.moderations.screen(data))
    report = data.audit(only=[]).joined(screening.check, screening.findings)
    assert (report.check("moderation").state, report.check("moderation").n_found) == ("found", 1)
    assert report.counts["moderation"] == 1


def test_a_clean_dataset_is_said_to_be_clean(mode, client):
    check = mode.call(client.moderations.screen(Dataset.read([chat("Hello")]))).check
    assert (check.state, check.n_examined) == ("clean", 2)


def test_many_texts_go_in_batches_each_different_one_once(mode, faked):
    client, route = faked
    route.side_effect = lambda request: httpx.Response(200, json=clean(request))
    data = Dataset.read([chat(f"Question {number}", "The same answer") for number in range(100)])
    screening = mode.call(client.moderations.screen(data, concurrency=3))
    sent = [len(inputs(call.request)) for call in route.calls]
    assert (sum(sent), max(sent)) == (101, BATCH_TEXTS)
    assert screening.n_screened == 200


def test_one_text_that_the_service_cannot_take_leaves_the_others_judged(mode, faked):
    client, route = faked

    def answer(request: httpx.Request) -> httpx.Response:
        if "huge" in inputs(request):
            return httpx.Response(400, json={"error": {"message": "too long"}})
        return httpx.Response(200, json=clean(request))

    route.side_effect = answer
    data = Dataset.read([chat("one", "two"), chat("huge", "three")])
    screening = mode.call(client.moderations.screen(data))
    assert (screening.n_screened, screening.n_not_screened) == (3, 1)
    assert (screening.check.state, screening.check.why) == ("not run", "not judged: 1 texts: BadRequestError")


def test_a_service_that_judges_nothing_raises_its_own_error(mode, faked):
    client, route = faked
    route.return_value = httpx.Response(429, json={"error": {"message": "slow down"}})
    with pytest.raises(RateLimitError):
        mode.call(client.moderations.screen(Dataset.read([chat("one")])))


@pytest.mark.parametrize(("status", "error"), [(401, AuthenticationError), (404, NotFoundError)])
def test_what_no_other_text_would_be_spared_is_raised_at_once(mode, faked, status, error):
    client, route = faked
    route.return_value = httpx.Response(status, json={"error": {"message": "no"}})
    with pytest.raises(error):
        mode.call(
            client.moderations.screen(Dataset.read([chat(f"{n} {'x' * 60_000}") for n in range(20)]), concurrency=1)
        )
    assert route.call_count == 1


def test_fewer_results_than_texts_are_refused(mode, faked):
    client, route = faked
    route.return_value = httpx.Response(200, json={"id": "m", "model": "x", "results": [{"flagged": False}]})
    with pytest.raises(APIResponseValidationError, match="1 results for 2 inputs"):
        mode.call(client.moderations.create(["one", "two"]))


def test_rows_that_are_not_json_are_counted_apart(mode, client, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"messages": [{"role": "user", "content": "Hi"}]}\n{"messages":\n')
    screening = mode.call(client.moderations.screen(Dataset.read(path)))
    assert (screening.n_screened, screening.n_not_screened) == (1, 1)
    assert "1 rows are not JSON objects" in screening.check.why


def test_a_provider_without_moderation_is_named_before_anything_is_sent(mode):
    bare = replace(LOCAL, name="bare", capabilities=Capabilities(moderations=False))
    client = mode.client(bare, base_url="http://127.0.0.1:9/v1")
    with pytest.raises(UnsupportedError, match="bare does not offer moderation"):
        mode.call(client.moderations.create("Hello"))
    with pytest.raises(UnsupportedError):
        mode.call(client.moderations.screen(Dataset.read([chat("Hello")])))


def test_the_engine_that_trains_says_that_it_offers_no_moderation(mode):
    pytest.importorskip("torch", reason="needs the extra local")
    with LocalServer(engine="trl") as server:
        client = mode.client("local", base_url=server.base_url)
        with pytest.raises(NotFoundError, match="The engine 'trl' offers no moderation"):
            mode.call(client.moderations.create("Hello"))


def inputs(request: httpx.Request) -> list[str]:
    return httpx.Response(200, content=request.content).json()["input"]


def clean(request: httpx.Request) -> dict:
    results = [{"flagged": False, "categories": {}, "category_scores": {}} for _ in inputs(request)]
    return {"id": "modr-1", "model": "m", "results": results}
