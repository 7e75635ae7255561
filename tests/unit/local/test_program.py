from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest


@pytest.fixture
def start():
    """Start the program with arguments and environment; it is ended with the test."""
    processes = []

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "finetune_kit.local", "--engine", "scripted", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def status(url: str, key: str = "") -> int:
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_where_it_answers_and_ends_quietly_by_a_signal(start, number):
    process = start()
    base_url = process.stdout.readline().strip()
    assert status(f"{base_url}/models") == 200
    process.send_signal(number)
    assert process.wait(20) == 0
    assert process.communicate() == ("", "")


def test_it_takes_the_port_it_is_given(start):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert start("--port", str(port)).stdout.readline().strip() == f"http://127.0.0.1:{port}/v1"


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [(["--api-key", "k1"], {}), ([], {"FINETUNE_KIT_LOCAL_API_KEY": "k1"})],
)
def test_it_wants_the_key_it_is_given(start, arguments, environment):
    base_url = start(*arguments, **environment).stdout.readline().strip()
    assert status(f"{base_url}/models") == 401
    assert status(f"{base_url}/models", "k1") == 200


def test_a_port_in_use_ends_it_with_one_line_and_status_2(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = start("--port", str(taken.getsockname()[1]))
        output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors.count("\n")) == (2, "", 1)
    assert "port 0" in errors


def test_a_host_that_others_reach_without_a_key_ends_it_with_status_2(start):
    process = start("--host", "0.0.0.0")  # noqa: S104
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "api" in errors
    assert errors.count("\n") == 1


def test_an_unknown_argument_ends_it_with_status_2(start):
    assert start("--magic").wait(20) == 2
