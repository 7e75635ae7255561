"""The official client on an embedded server, with every answer held against the published description."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import openai
import pytest
import yaml
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from finetune_kit.local import LocalServer

DESCRIPTION = Path(__file__).resolve().parents[4] / "shared" / "spec" / "server.yaml"
ENDED = {"succeeded", "failed", "cancelled"}
WAIT_SECONDS = 30.0


class Description:
    """Judges answers by a description of the API."""

    def __init__(self, path: Path) -> None:
        # Dates stay texts, as they are on the wire.
        loader = type("Loader", (getattr(yaml, "CSafeLoader", yaml.SafeLoader),), {})
        loader.yaml_implicit_resolvers = {
            first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
            for first, pairs in loader.yaml_implicit_resolvers.items()
        }
        document = yaml.load(path.read_text(), Loader=loader)  # noqa: S506 - a safe loader, without dates
        # It allows null for a finish reason, and forgets it among the values: all but the last chunk have it.
        chunk = document["components"]["schemas"]["CreateChatCompletionStreamResponse"]
        chunk["properties"]["choices"]["items"]["properties"]["finish_reason"]["enum"].append(None)
        resource = Resource(contents=document, specification=DRAFT202012)
        self._registry = Registry().with_resource("urn:api", resource)
        self._paths = [
            (re.compile(re.sub(r"\\\{[^}]+\\\}", "(?:[^/]+)", re.escape(path))), path, set(operations))
            for path, operations in document["paths"].items()
        ]
        self._document = document

    def judge(self, method: str, path: str, status: int, content_type: str, body: bytes) -> None:
        """Raise AssertionError if the description knows no such answer to such a request."""
        template = self._template(method, path)
        if template is None:
            self._check({"$ref": "urn:api#/components/schemas/ErrorResponse"}, json.loads(body))
            return
        answers = self._document["paths"][template][method.lower()]["responses"]
        key = str(status) if str(status) in answers else f"{status // 100}XX"
        assert key in answers, f"{method} {path}: status {status} is not described"
        kinds = answers[key]["content"]
        kind = content_type.partition(";")[0]
        assert kind in kinds, f"{method} {path}: content type {kind} is not described"
        pointer = f"paths/{_escaped(template)}/{method.lower()}/responses/{key}/content/{_escaped(kind)}/schema"
        reference = {"$ref": f"urn:api#/{pointer}"}
        if kind == "application/json":
            self._check(reference, json.loads(body))
        elif kind == "text/event-stream":
            self._check_stream(body)

    def _check_stream(self, body: bytes) -> None:
        *chunks, last = [line.removeprefix("data: ") for line in body.decode().split("\n\n") if line]
        assert last == "[DONE]"
        for chunk in chunks:
            self._check({"$ref": "urn:api#/components/schemas/CreateChatCompletionStreamResponse"}, json.loads(chunk))

    def _check(self, schema: dict[str, Any], value: Any) -> None:
        jsonschema.Draft202012Validator(schema, registry=self._registry).validate(value)

    def _template(self, method: str, path: str) -> str | None:
        for pattern, template, operations in self._paths:
            if pattern.fullmatch(path) and method.lower() in operations:
                return template
        return None


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")


@pytest.fixture(scope="session")
def description() -> Description:
    if not DESCRIPTION.is_file():
        pytest.skip("needs ../shared/spec/server.yaml, which is not beside this repository")
    return Description(DESCRIPTION)


@pytest.fixture
def judged(description: Description) -> Iterator[Callable[[str], httpx.Client]]:
    """Make HTTP clients for a base URL whose every answer is judged."""
    clients: list[httpx.Client] = []

    def judge(response: httpx.Response) -> None:
        body = response.read()
        path = response.request.url.raw_path.decode().partition("?")[0].removeprefix("/v1")
        description.judge(response.request.method, path, response.status_code, response.headers["content-type"], body)
        assert response.headers["x-request-id"].startswith("req_")

    def make(base_url: str) -> httpx.Client:
        client = httpx.Client(base_url=base_url, event_hooks={"response": [judge]}, timeout=WAIT_SECONDS)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture(scope="module")
def server(_guarded_session: list[str]) -> Iterator[LocalServer]:
    """One server for the tests of a module; modules whose tests mind each other have a `server` of their own."""
    with LocalServer(engine="scripted") as server:
        yield server


@pytest.fixture
def raw(judged: Callable[[str], httpx.Client], server: LocalServer) -> httpx.Client:
    """A plain HTTP client; paths are relative to `/v1`."""
    return judged(server.base_url)


class Official:
    """The official client, and what tests do with it again and again."""

    def __init__(self, api: openai.OpenAI) -> None:
        self.api = api

    def upload(self, rows: list[dict[str, Any]], **options: Any) -> str:
        content = "\n".join(map(json.dumps, rows)).encode()
        options = {"purpose": "fine-tune", **options}
        return self.api.files.create(file=("rows.jsonl", content), **options).id

    def create(self, rows: list[dict[str, Any]] | None = None, **options: Any) -> Any:
        options.setdefault("model", "smollm2-135m-instruct")
        if "training_file" not in options:
            options["training_file"] = self.upload(chats() if rows is None else rows)
        return self.api.fine_tuning.jobs.create(**options)

    def until(self, job_id: str, condition: Callable[[Any], bool]) -> Any:
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition(job := self.api.fine_tuning.jobs.retrieve(job_id)):
            assert time.monotonic() < deadline, f"{job_id} is {job.status} after {WAIT_SECONDS:.0f} seconds"
            time.sleep(0.01)
        return job

    def finish(self, job_id: str) -> Any:
        return self.until(job_id, lambda job: job.status in ENDED)

    def running(self, job_id: str, step: int = 3) -> Any:
        """Wait until a job has reported a step."""
        return self.until(job_id, lambda _: len(self.steps(job_id)) >= step)

    def steps(self, job_id: str) -> list[int]:
        """Return the steps of the metrics events, as they are listed."""
        events = self.api.fine_tuning.jobs.list_events(job_id, limit=1000)
        return [event.data["step"] for event in events if event.type == "metrics"]

    def messages(self, job_id: str) -> list[str]:
        """Return the messages of the events, oldest first."""
        return [event.message for event in self.api.fine_tuning.jobs.list_events(job_id, limit=1000)][::-1]

    def ask(self, model: str, question: str, **options: Any) -> Any:
        return self.api.chat.completions.create(
            model=model, messages=[{"role": "user", "content": question}], **options
        )


@pytest.fixture
def official(judged: Callable[[str], httpx.Client], server: LocalServer) -> Official:
    return official_client(judged, server.base_url)


@pytest.fixture
def official_at(judged: Callable[[str], httpx.Client]) -> Callable[..., Official]:
    """Make official clients for a base URL."""
    return lambda base_url, **options: official_client(judged, base_url, **options)


def official_client(judged: Callable[[str], httpx.Client], base_url: str, *, api_key: str = "x") -> Official:
    client = judged(base_url)
    return Official(openai.OpenAI(base_url=base_url, api_key=api_key, max_retries=0, http_client=client))


def chats(count: int = 20) -> list[dict[str, Any]]:
    """Rows of supervised tuning: question n has answer n."""
    return [
        {
            "messages": [
                {"role": "user", "content": f"question {n} on topic{n}"},
                {"role": "assistant", "content": f"answer {n}"},
            ]
        }
        for n in range(count)
    ]


def preferences(count: int = 20) -> list[dict[str, Any]]:
    return [
        {
            "input": {"messages": [{"role": "user", "content": f"question {n} on topic{n}"}]},
            "preferred_output": [{"role": "assistant", "content": f"answer {n}"}],
            "non_preferred_output": [{"role": "assistant", "content": "no idea"}],
        }
        for n in range(count)
    ]


def tasks(count: int = 20) -> list[dict[str, Any]]:
    return [
        {"messages": [{"role": "user", "content": f"question {n} on topic{n}"}], "reference": f"answer {n}"}
        for n in range(count)
    ]


@pytest.fixture
def rows() -> dict[str, Callable[..., list[dict[str, Any]]]]:
    """Makers of training rows, by method."""
    return {"supervised": chats, "dpo": preferences, "reinforcement": tasks}
