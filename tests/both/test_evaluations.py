"""Evaluations against the embedded server, and against one that fails as it is told."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from finetune_kit import Dataset, Evaluation, graders
from finetune_kit.errors import AuthenticationError, ConfigurationError, EvaluationError, NotFoundError

BASE = "scripted:smollm2-135m-instruct"


class Service(ThreadingHTTPServer):
    """A service whose answers to chats are what `answer(model, question)` returns: a status and a text."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Chat)
        self.answer: Callable[[str, str], tuple[int, str]] = lambda _model, question: (200, question.upper())
        self.requests: list[dict] = []
        self.in_flight = self.most_in_flight = 0
        self.lock = threading.Lock()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Chat(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.requests.append(body)
            self.server.in_flight += 1
            self.server.most_in_flight = max(self.server.most_in_flight, self.server.in_flight)
        status, text = self.server.answer(body["model"], body["messages"][-1]["content"])
        with self.server.lock:
            self.server.in_flight -= 1
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        good = {"id": "chatcmpl-1", "choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}
        bad = {"error": {"message": f"cannot answer {text}", "type": "error", "code": None, "param": None}}
        content = json.dumps(good if status == 200 else bad).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(mode, service, clock):
    return mode.client("compatible", base_url=service.base_url, clock=clock)


@pytest.fixture
def evaluation() -> Evaluation:
    rows = [{"text": f"question {number}", "label": f"QUESTION {number}"} for number in range(20)]
    return Evaluation(Dataset.read(rows, user="text", assistant="label"), [graders.ExactMatch()], max_tokens=9, seed=3)


def test_a_tuned_model_is_compared_with_its_base(mode, local_server):
    rows = [{"text": f"Where is order {number}?", "label": f"tracking {number}"} for number in range(40)]
    data = Dataset.read(rows, user="text", assistant="label")
    client = mode.client("local", base_url=local_server.base_url)
    job = mode.call(client.tune(data, BASE))
    evaluation = Evaluation(data, [graders.ExactMatch()], name="tickets")
    report = mode.call(client.evaluations.run(evaluation, models=[job.model, job.fine_tuned_model]))
    assert report.models == (job.model, job.fine_tuned_model)
    assert report.compare().verdict == "improved"
    assert report.dataset_fingerprint == data.fingerprint


def test_every_model_is_asked_every_item_once_and_in_order(mode, client, service, evaluation):
    report = mode.call(client.evaluations.run(evaluation, ["base", "tuned"]))
    assert len(service.requests) == 40
    assert [sample.answer for sample in report.results[1].samples] == [item.expected for item in evaluation.items]
    assert report.results[0].rate("exact_match").mean == 1.0


def test_models_are_asked_as_the_evaluation_says(mode, client, service, evaluation):
    mode.call(client.evaluations.run(evaluation, ["base"]))
    body = service.requests[0]
    assert (body["temperature"], body["seed"]) == (0, 3)
    assert 9 in (body.get("max_tokens"), body.get("max_completion_tokens"))
    assert body["messages"][-1]["role"] == "user"


def test_a_sample_keeps_what_the_service_said(mode, client, evaluation):
    sample = mode.call(client.evaluations.run(evaluation, ["base"])).results[0].samples[0]
    assert (sample.finish_reason, sample.prompt_tokens, sample.completion_tokens) == ("stop", 7, 2)
    assert sample.latency_seconds is not None


def test_no_more_requests_are_in_flight_than_allowed(mode, client, service, evaluation):
    mode.call(client.evaluations.run(evaluation, ["base"], concurrency=2))
    assert service.most_in_flight <= 2


def test_a_request_that_fails_for_good_is_counted_apart(mode, client, service, evaluation):
    service.answer = lambda _model, question: (500 if question == "question 3" else 200, question.upper())
    result = mode.call(client.evaluations.run(evaluation, ["base"])).results[0]
    rate = result.rate("exact_match")
    assert (rate.scored, rate.errors, rate.failed) == (19, 1, 0)
    assert result.samples[3].error == "InternalServerError 500"


def test_a_request_that_succeeds_when_repeated_is_no_failure(mode, client, service, evaluation):
    failed = set()

    def answer(_model: str, question: str) -> tuple[int, str]:
        first = question not in failed
        failed.add(question)
        return (503 if first else 200), question.upper()

    service.answer = answer
    assert mode.call(client.evaluations.run(evaluation, ["base"])).results[0].errors == 0


def test_a_run_in_which_every_request_fails_raises(mode, client, service, evaluation):
    service.answer = lambda _model, question: (400, question)
    with pytest.raises(EvaluationError, match="every request to 'base' failed, the first with BadRequestError 400"):
        mode.call(client.evaluations.run(evaluation, ["base"]))


@pytest.mark.parametrize(("status", "error"), [(401, AuthenticationError), (404, NotFoundError)])
def test_a_wrong_key_or_model_ends_the_run_before_every_item_is_asked(mode, client, service, evaluation, status, error):
    service.answer = lambda _model, question: (status, question)
    with pytest.raises(error):
        mode.call(client.evaluations.run(evaluation, ["base"], concurrency=2))
    assert len(service.requests) <= 4


def test_the_progress_shows_how_many_answers_have_come(mode, client, evaluation, capsys):
    mode.call(client.evaluations.run(evaluation, ["base", "tuned"], progress=True))
    assert "40/40 answers" in capsys.readouterr().err


def test_nothing_is_shown_where_no_progress_is_wanted(mode, client, evaluation, capsys):
    mode.call(client.evaluations.run(evaluation, ["base"]))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("models", "reason"),
    [
        ([], "at least one model"),
        ("base", "at least one model"),
        (["base", None], "a fine_tuned_model once it has succeeded"),
        (["base", "base"], "there twice"),
    ],
)
def test_models_that_cannot_be_asked_are_refused_before_any_request(mode, client, service, evaluation, models, reason):
    with pytest.raises(ConfigurationError, match=reason):
        mode.call(client.evaluations.run(evaluation, models))
    assert service.requests == []


def test_a_concurrency_of_nothing_is_refused(mode, client, evaluation):
    with pytest.raises(ConfigurationError, match="concurrency=0"):
        mode.call(client.evaluations.run(evaluation, ["base"], concurrency=0))
