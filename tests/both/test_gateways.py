"""Gateways that drop metadata, ignore filters or cannot list: what is promised there, and what is said."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from finetune_kit import Client, Dataset, FinetuneKitWarning, SupervisedMethod
from finetune_kit.errors import APIConnectionError

MODEL = "scripted:smollm2-135m-instruct"
JOBS = "/v1/fine_tuning/jobs"
DATA = Dataset.read(
    [{"messages": [{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": f"a{n}"}]} for n in range(12)]
)


class Gateway(BaseHTTPRequestHandler):
    """Forwards to the embedded server, without metadata and without the query of a list."""

    upstream: str
    lists: bool
    loses: list[str]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == JOBS and not self.lists:
            self._answer(404, b'{"error": {"message": "no such route"}}')
        else:
            self._forward(path, None)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path == JOBS:
            body = json.dumps({**json.loads(body), "metadata": None}).encode()
        self._forward(self.path, body)

    def _forward(self, path: str, body: bytes | None) -> None:
        headers = {"Content-Type": self.headers["content-type"]} if body else {}
        request = urllib.request.Request(self.upstream + path, body, headers, method=self.command)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, content = error.code, error.read()
        if self.command == "POST" and path == JOBS and self.loses:
            self.loses.pop()
            self.close_connection = True
        else:
            self._answer(status, content)

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def gateway(local_server) -> Iterator[type[Gateway]]:
    upstream = local_server.base_url.removesuffix("/v1")
    kind = type("Gateway", (Gateway,), {"upstream": upstream, "lists": True, "loses": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        kind.base_url = f"http://127.0.0.1:{server.server_port}/v1"
        yield kind
        server.shutdown()
        thread.join()


@pytest.fixture
def client(mode, gateway, clock):
    return mode.client("compatible", base_url=gateway.base_url, clock=clock)


@pytest.fixture
def made(local_server):
    """Return how many jobs there are in truth."""
    with Client("local", base_url=local_server.base_url) as truth:
        yield lambda: len(list(truth.jobs.list()))


def test_the_same_request_gets_the_same_job_and_a_warning(mode, client, made):
    file = mode.call(client.files.upload(DATA))
    with pytest.warns(FinetuneKitWarning, match="does not keep metadata"):
        first = mode.call(client.jobs.create(MODEL, file))
    with pytest.warns(FinetuneKitWarning, match="does not keep metadata"):
        again = mode.call(client.jobs.create(MODEL, file))
    assert (again.id, made()) == (first.id, 1)


def test_a_job_whose_answer_is_lost_is_found_by_what_it_echoes(mode, client, gateway, made):
    file = mode.call(client.files.upload(DATA))
    gateway.loses.append("once")
    with pytest.warns(FinetuneKitWarning, match="does not keep metadata"):
        mode.call(client.jobs.create(MODEL, file))
    assert made() == 1


@pytest.mark.parametrize(
    "options",
    [{"method": SupervisedMethod(n_epochs=7)}, {"seed": 5}, {"attempt": 2, "method": SupervisedMethod(n_epochs=2)}],
)
def test_another_request_is_another_job(mode, client, made, options):
    file = mode.call(client.files.upload(DATA))
    for chosen in ({"method": SupervisedMethod(n_epochs=2), "seed": 4}, options | {"seed": options.get("seed", 4)}):
        with pytest.warns(FinetuneKitWarning):
            mode.call(client.jobs.create(MODEL, file, **chosen))
    assert made() == 2


def test_where_jobs_cannot_be_listed_a_lost_answer_is_left_open_and_nothing_is_repeated(mode, client, gateway, made):
    file = mode.call(client.files.upload(DATA))
    gateway.lists = False
    gateway.loses.append("once")
    with pytest.raises(APIConnectionError, match="not known whether the job"):
        mode.call(client.jobs.create(MODEL, file))
    assert made() == 1


def test_a_file_is_found_in_a_list_that_ignores_its_filters(mode, client):
    first = mode.call(client.files.upload(DATA))
    assert mode.call(client.files.upload(DATA)).id == first.id
