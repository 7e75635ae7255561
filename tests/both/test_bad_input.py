"""Bad input is named with file, line, value and remedy before anything is sent, and loses nothing."""

from __future__ import annotations

import json
import re
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from finetune_kit import Dataset
from finetune_kit.errors import (
    AuditError,
    AuthenticationError,
    ConfigurationError,
    DatasetError,
    FormatError,
    InternalServerError,
    LocalServerError,
    UnsupportedError,
)
from finetune_kit.types.methods import DPOMethod

MODEL = "scripted:smollm2-135m-instruct"


def line(number: int, **changes: object) -> str:
    row = {"messages": [{"role": "user", "content": f"q{number}"}, {"role": "assistant", "content": "secret answer"}]}
    return json.dumps(row | changes)


LINES = [line(number).encode() for number in range(12)]


def with_line(index: int, content: bytes) -> bytes:
    return b"\n".join([*LINES[:index], content, *LINES[index + 1 :]]) + b"\n"


WRONG_ROLE = line(3, messages=[{"role": "user", "content": "q"}, {"role": "asistant", "content": "secret answer"}])
NO_ANSWER = line(3, messages=[{"role": "user", "content": "q"}])

BAD = {
    "not UTF-8": (with_line(3, LINES[3].replace(b"q3", b"\xff\xfe")), 4, "UTF-8"),
    "byte-order mark": (b"\xef\xbb\xbf" + b"\n".join(LINES) + b"\n", 1, "byte.order mark"),
    "broken line": (with_line(5, LINES[5][:-9]), 6, "JSON"),
    "wrong role": (with_line(3, WRONG_ROLE.encode()), 4, "asistant"),
    "no assistant turn": (with_line(11, NO_ANSWER.encode()), 12, "assistant"),
    "extra key": (with_line(0, line(0, weight=1).encode()), 1, "weight"),
}


@pytest.fixture
def client(mode, local_server):
    return mode.client("local", base_url=local_server.base_url)


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("way", ["upload a path", "upload a dataset", "tune"])
def test_a_bad_file_is_named_with_path_line_value_and_remedy(mode, client, tmp_path, name, way):
    content, number, value = BAD[name]
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    send = {
        "upload a path": lambda: client.files.upload(path),
        "upload a dataset": lambda: client.files.upload(Dataset.read(path)),
        "tune": lambda: client.tune(Dataset.read(path), MODEL),
    }
    with pytest.raises(FormatError) as caught:
        mode.call(send[way]())
    error = caught.value
    assert (error.path, error.line) == (str(path), number)
    assert re.search(value, str(error))
    assert error.remedy
    assert "secret answer" not in str(error)
    assert path.read_bytes() == content
    assert mode.items(client.files.list()) == []


def test_several_bad_lines_are_named_together(mode, client, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(with_line(3, b"{").replace(b'"assistant"', b'"robot"', 1))
    with pytest.raises(AuditError, match=r"(?s)line 1.*line 4") as caught:
        mode.call(client.files.upload(path))
    assert [finding.line for finding in caught.value.findings if finding.severity == "error"][:2] == [1, 4]


def test_windows_line_ends_are_taken_and_sent_as_plain_ones(mode, client, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\r\n".join(LINES) + b"\r\n")
    file = mode.call(client.files.upload(path))
    assert mode.call(client.files.content(file)) == b"\n".join(LINES) + b"\n"


def test_fewer_than_ten_rows_are_named_before_training(mode, client, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join(LINES[:7]) + b"\n")
    with pytest.raises(FormatError, match=r"7 example.*10") as caught:
        mode.call(client.tune(Dataset.read(path), MODEL))
    assert caught.value.path == str(path)


@pytest.mark.parametrize("path", ["missing.jsonl", "."])
def test_a_path_that_is_no_file_is_named(mode, client, tmp_path, path):
    with pytest.raises((DatasetError, ConfigurationError), match=re.escape(str(tmp_path))):
        mode.call(client.files.upload(tmp_path / path))


def test_a_table_is_not_uploaded_as_it_is(mode, client, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("message,intent\nhello,greet\n")
    with pytest.raises(ConfigurationError, match=r"Dataset\.read"):
        mode.call(client.files.upload(path))


def test_a_wrong_key_is_refused_without_quoting_it(mode, tmp_path):
    with cli_server(tmp_path, "--api-key", "sk-right-one") as url:
        client = mode.client("local", base_url=url, api_key="sk-wrong-one", max_retries=0)
        with pytest.raises(AuthenticationError) as caught:
            mode.items(client.models.list())
    assert "wrong-one" not in str(caught.value)


def test_a_port_in_use_is_named(mode):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(LocalServerError, match=str(port)):
            mode.make.local(engine="scripted", port=port)


def test_an_engine_that_does_not_exist_is_named(mode):
    with pytest.raises((LocalServerError, ConfigurationError), match="steam"):
        mode.make.local(engine="steam")


def test_a_full_disk_of_the_server_is_said_and_nothing_is_left_half(mode, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join(line(n, messages=_long(n)).encode() for n in range(12)) + b"\n")
    with cli_server(tmp_path / "state", limit_bytes=4_000_000) as url:
        client = mode.client("local", base_url=url)
        with pytest.raises(InternalServerError, match=r"(?i)disk|space"):
            mode.call(client.files.upload(path))
        assert mode.items(client.files.list()) == []
        small = tmp_path / "small.jsonl"
        small.write_bytes(b"\n".join(LINES) + b"\n")
        assert mode.call(client.tune(Dataset.read(small), MODEL)).status == "succeeded"


def test_what_a_service_lacks_is_refused_before_anything_is_sent(mode):
    from dataclasses import replace

    from finetune_kit.dialects import DIALECTS

    plain = DIALECTS["compatible"]
    lacking = replace(plain, capabilities=replace(plain.capabilities, dpo=False, suffix=False, pause=False))
    client = mode.client(lacking, base_url="http://127.0.0.1:9/v1")
    for refused in (
        lambda: client.jobs.create("m", "file-1", method=DPOMethod()),
        lambda: client.jobs.create("m", "file-1", suffix="s"),
        lambda: client.jobs.pause("ftjob-1"),
    ):
        with pytest.raises(UnsupportedError, match="compatible"):
            mode.call(refused())


def _long(number: int) -> list[dict]:
    return [{"role": "user", "content": f"{number} " + "x" * 500_000}, {"role": "assistant", "content": "y"}]


@contextmanager
def cli_server(directory, *options: str, limit_bytes: int | None = None) -> Iterator[str]:
    def limit() -> None:
        if limit_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    command = [sys.executable, "-m", "finetune_kit.local", "--engine", "scripted", "--dir", str(directory), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=limit) as process:  # noqa: PLW1509
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()
