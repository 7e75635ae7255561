from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest

from finetune_kit.errors import APIConnectionError, APIResponseValidationError, APITimeoutError, ConfigurationError
from finetune_kit.wire.call import Request, Response
from finetune_kit.wire.io import AsyncIO, BlockingIO
from finetune_kit.wire.modes import drive

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(params=[BlockingIO, AsyncIO])
def exchange(request):
    def run(url: str, *, timeout_seconds: float = 5.0, **fields) -> Response:
        io = request.param()

        async def story() -> Response:
            try:
                return await io.exchange(
                    Request("GET", url, (), fields.pop("headers", {}), timeout_seconds=timeout_seconds, **fields)
                )
            finally:
                await io.close()

        return drive(story()) if io.blocking else asyncio.run(story())

    return run


def drip(connection: socket.socket, content: bytes, seconds: float) -> None:
    for byte in content:
        connection.sendall(bytes([byte]))
        time.sleep(seconds)


def test_an_answer_comes_whole_with_names_of_headers_in_lower_case(exchange, raw_server):
    url = raw_server(lambda c: c.sendall(b"HTTP/1.1 200 OK\r\nX-Request-ID: r1\r\nContent-Length: 2\r\n\r\nok"))
    response = exchange(url)
    assert (response.status_code, response.content, response.headers["x-request-id"]) == (200, b"ok", "r1")


@pytest.mark.parametrize(
    "content",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + b"x" * 500, b"HTTP/1.1 200 OK\r\n" + b"X-Long: a\r\n" * 99],
)
def test_a_server_that_drips_bytes_cannot_outlive_the_timeout(exchange, raw_server, content):
    url = raw_server(lambda c: drip(c, content, 0.05))
    began = time.monotonic()
    with pytest.raises(APITimeoutError, match=r"within 0\.4 seconds"):
        exchange(url, timeout_seconds=0.4)
    assert time.monotonic() - began < 3.0


def test_a_server_that_says_nothing_times_out(exchange, raw_server):
    url = raw_server(lambda _: time.sleep(3))
    with pytest.raises(APITimeoutError):
        exchange(url, timeout_seconds=0.3)


def test_a_refused_connection_says_that_nothing_was_sent(exchange):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(APIConnectionError) as caught:
        exchange(f"http://127.0.0.1:{port}/v1")
    assert caught.value.request_sent is False


def test_a_connection_that_breaks_may_have_carried_the_request(exchange, raw_server):
    url = raw_server(lambda c: c.close())
    with pytest.raises(APIConnectionError) as caught:
        exchange(url)
    assert caught.value.request_sent is True


def test_an_answer_above_its_limit_is_refused(exchange, raw_server):
    body = b"x" * 5000
    url = raw_server(lambda c: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + body))
    with pytest.raises(APIResponseValidationError, match="larger than"):
        exchange(url, limit_bytes=1000)


def test_a_redirect_is_handed_back_and_not_followed(exchange, raw_server):
    head = b"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    assert exchange(raw_server(lambda c: c.sendall(head))).status_code == 307


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://"])
def test_an_address_that_cannot_be_used_is_a_configuration_error(exchange, url):
    with pytest.raises((ConfigurationError, APIConnectionError)):
        exchange(url)


def test_a_header_that_cannot_be_sent_is_named_without_its_value(exchange, raw_server):
    url = raw_server(lambda c: c.sendall(OK))
    with pytest.raises(ConfigurationError) as caught:
        exchange(url, headers={"Authorization": "Bearer sec\nret"})
    assert "sec" not in str(caught.value).replace("seconds", "")


def test_a_cookie_is_not_sent_back():
    heads: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            for _ in range(2):
                heads.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 200 OK\r\nSet-Cookie: track=1; Path=/\r\nContent-Length: 2\r\n\r\nok")

    thread = threading.Thread(target=serve)
    thread.start()
    io = BlockingIO()
    for _ in range(2):
        drive(io.exchange(Request("GET", f"http://127.0.0.1:{listener.getsockname()[1]}/", (), {})))
    drive(io.close())
    thread.join()
    listener.close()
    assert len(heads) == 2
    assert b"cookie" not in heads[1].lower()


@pytest.mark.parametrize("io", [BlockingIO(), AsyncIO()])
def test_gather_keeps_order_and_bounds_what_runs_at_once(io):
    running, most, lock = [0], [0], threading.Lock()

    def task(number: int):
        async def work() -> int:
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
            await io.sleep(0.01)
            with lock:
                running[0] -= 1
            return number

        return work

    gathering = io.gather([task(number) for number in range(12)], limit=3)
    assert (drive(gathering) if io.blocking else asyncio.run(gathering)) == list(range(12))
    assert 2 <= most[0] <= 3


@pytest.mark.parametrize("io", [BlockingIO(), AsyncIO()])
def test_gather_raises_the_first_error_itself_and_ends_the_rest(io):
    begun: list[int] = []

    def task(number: int):
        async def work() -> None:
            begun.append(number)
            if number == 2:
                raise APIConnectionError("third")
            await io.sleep(0.01)

        return work

    gathering = io.gather([task(number) for number in range(100)], limit=2)
    with pytest.raises(APIConnectionError, match="third"):
        drive(gathering) if io.blocking else asyncio.run(gathering)
    assert len(begun) < 10
