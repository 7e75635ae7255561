"""Judges that this project did not write: the fault proxy, and the published description of the API."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

if TYPE_CHECKING:
    from finetune_kit.local import LocalServer

SHARED = Path(__file__).resolve().parents[3] / "shared"


@dataclass
class FaultProxy:
    """A proxy that does harm as it is told, and remembers what really reached the server."""

    address: str

    @property
    def base_url(self) -> str:
        return f"{self.address}/v1"

    def schedule(self, *rules: dict[str, Any]) -> None:
        """Take these rules: {"match": regex on 'METHOD path', "nth": 1 | [1, 2] | "all", "fault": name}."""
        self._ask("PUT", "/__schedule", json.dumps(rules).encode())

    def reached(self, method: str, path: str) -> list[str]:
        """Return the ids of what the server made of the requests that really reached it."""
        rows = self._ask("GET", "/__ledger")["ledger"]
        return [
            row["upstream_id"]
            for row in rows
            if row["forwarded"] and (row["method"], row["path"].partition("?")[0]) == (method, path)
        ]

    def leaked(self) -> list[dict[str, Any]]:
        """Return what reached another host."""
        return self._ask("GET", "/__ledger")["leak"]

    def _ask(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        request = urllib.request.Request(self.address + path, body, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())


@pytest.fixture(scope="session")
def fault_proxy(shared_server: LocalServer) -> Iterator[FaultProxy]:
    """The third-party fault proxy, in front of the embedded server."""
    script = SHARED / "rigs" / "faultproxy.py"
    if not script.is_file():
        pytest.skip("needs ../shared/rigs/faultproxy.py, which is not beside this repository")
    port, leak_port = _free_port(), _free_port()
    upstream = shared_server.base_url.removesuffix("/v1")
    command = [sys.executable, str(script), "--port", str(port), "--upstream", upstream, "--leak-port", str(leak_port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            _until_it_listens(port, process)
            yield FaultProxy(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _until_it_listens(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if process.poll() is not None:
                raise RuntimeError("the fault proxy has ended") from None
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the fault proxy does not answer")


@dataclass
class Exchange:
    """One request that crossed the wire, and its answer."""

    method: str
    path: str
    query: str
    request_type: str
    request: bytes
    status: int
    answer_type: str
    answer: bytes


class RecordingProxy:
    """A proxy that changes nothing and remembers everything."""

    def __init__(self, upstream: str) -> None:
        self.exchanges: list[Exchange] = []
        handler = type("Handler", (_Forwarding,), {"upstream": upstream, "exchanges": self.exchanges})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Forwarding(BaseHTTPRequestHandler):
    upstream: str
    exchanges: list[Exchange]

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        skipped = ("host", "connection", "content-length", "accept-encoding")
        headers = {name: value for name, value in self.headers.items() if name.lower() not in skipped}
        request = urllib.request.Request(self.upstream + self.path, body or None, headers, method=self.command)
        try:
            answer = urllib.request.urlopen(request, timeout=30)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            content = answer.read()
        path, _, query = self.path.partition("?")
        kind, answer_kind = self.headers.get("content-type", ""), answer.headers.get("content-type", "")
        self.exchanges.append(Exchange(self.command, path, query, kind, body, answer.status, answer_kind, content))
        self.send_response(answer.status)
        self.send_header("content-type", answer_kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = _forward  # noqa: N815 - http.server's own names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Description:
    """The published description of the API, as a judge."""

    def __init__(self, path: Path) -> None:
        self._document = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
        resource = Resource.from_contents(self._document, default_specification=DRAFT202012)
        self._registry = Registry().with_resource("urn:api", resource)

    def request_faults(self, exchange: Exchange) -> list[str]:
        """Return what is wrong with a request: path, parameters, body."""
        template, operation = self._operation(exchange)
        where = f"{exchange.method} {template}"
        faults = [f"{where}: query {fault}" for fault in self._query_faults(operation, exchange.query)]
        content = operation.get("requestBody", {}).get("content", {})
        if not exchange.request:
            required = operation.get("requestBody", {}).get("required")
            return faults + ([f"{where}: no body"] if required else [])
        kind = exchange.request_type.partition(";")[0]
        if kind not in content:
            return [*faults, f"{where}: content type {kind!r}"]
        if kind != "application/json":
            return faults + self._form_faults(where, content[kind]["schema"], exchange)
        body = json.loads(exchange.request)
        return faults + [f"{where}: body {fault}" for fault in self._faults(content[kind]["schema"], body)]

    def answer_faults(self, exchange: Exchange) -> list[str]:
        """Return what is wrong with an answer: status, content type, body."""
        template, operation = self._operation(exchange)
        where = f"{exchange.method} {template} {exchange.status}"
        declared = self._declared(operation["responses"], exchange.status)
        if declared is None:
            return [f"{where}: undeclared status"]
        kind = exchange.answer_type.partition(";")[0]
        if "content" in declared and kind not in declared["content"]:
            return [f"{where}: content type {kind!r}"]
        if kind != "application/json" or "content" not in declared:
            return []
        schema = declared["content"][kind]["schema"]
        return [f"{where}: {fault}" for fault in self._faults(schema, json.loads(exchange.answer))]

    def _declared(self, responses: dict[str, Any], status: int) -> dict[str, Any] | None:
        names = (str(status), f"{status // 100}XX", "default")
        return next((self._resolved(responses[name]) for name in names if name in responses), None)

    def _operation(self, exchange: Exchange) -> tuple[str, dict[str, Any]]:
        path = exchange.path.removeprefix("/v1")
        templates = sorted(self._document["paths"], key=lambda each: each.count("{"))
        for template in templates:
            pattern = re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(template))
            if re.fullmatch(pattern, path) and exchange.method.lower() in self._document["paths"][template]:
                return template, self._document["paths"][template][exchange.method.lower()]
        raise AssertionError(f"{exchange.method} {path} is in no description")

    def _query_faults(self, operation: dict[str, Any], query: str) -> Iterator[str]:
        parameters = map(self._resolved, operation.get("parameters", ()))
        known = {each["name"]: each for each in parameters if each["in"] == "query"}
        for name, value in urllib.parse.parse_qsl(query, keep_blank_values=True):
            parameter = known.get(name) or known.get(name.partition("[")[0])
            if parameter is None:
                yield f"{name} is unknown"
            elif "[" not in name:
                readings = [int(value)] if value.isdecimal() else [value, None] if value == "null" else [value]
                if all(self._faults(parameter["schema"], reading) for reading in readings):
                    yield f"{name}={value}"

    def _form_faults(self, where: str, schema: dict[str, Any], exchange: Exchange) -> list[str]:
        names = set(re.findall(rb'; name="([^"]+)"', exchange.request))
        schema = self._resolved(schema)
        known = {name.encode() for name in schema["properties"]}
        required = {name.encode() for name in schema.get("required", ())}
        unknown = {name for name in names if name.partition(b"[")[0] not in known}
        return [f"{where}: form {name!r}" for name in (unknown | (required - names))]

    def _resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            found: Any = self._document
            for step in node["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            node = found
        return node

    def _faults(self, schema: dict[str, Any], value: Any) -> list[str]:
        validator = Draft202012Validator(_absolute(schema), registry=self._registry)
        return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]


def _absolute(node: Any) -> Any:
    """Return the node with its references leading to the whole description."""
    if isinstance(node, list):
        return [_absolute(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        name: f"urn:api{value}" if name == "$ref" and isinstance(value, str) else _absolute(value)
        for name, value in node.items()
    }


@pytest.fixture(scope="session")
def request_judge() -> Description:
    """The description that judges requests."""
    return _description("client.yaml")


@pytest.fixture(scope="session")
def answer_judge() -> Description:
    """The description that judges answers."""
    return _description("server.yaml")


@pytest.fixture
def recording_proxy(local_server: LocalServer) -> Iterator[RecordingProxy]:
    """A proxy in front of an embedded server, which remembers what crossed the wire."""
    with RecordingProxy(local_server.base_url.removesuffix("/v1")) as proxy:
        yield proxy


def _description(name: str) -> Description:
    path = SHARED / "spec" / name
    if not path.is_file():
        pytest.skip(f"needs ../shared/spec/{name}, which is not beside this repository")
    return Description(path)
