"""A server that answers with the bytes it is told to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest


@pytest.fixture
def raw_server() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """Serve connections on loopback by a function of the socket, after the request's head has come."""
    listener = socket.create_server(("127.0.0.1", 0))
    answers: list[Callable[[socket.socket], None]] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_answer, args=(connection, answers[-1]), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()

    def start(answer: Callable[[socket.socket], None]) -> str:
        answers.append(answer)
        return f"http://127.0.0.1:{listener.getsockname()[1]}/v1"

    yield start
    listener.close()


def _answer(connection: socket.socket, answer: Callable[[socket.socket], None]) -> None:
    with connection:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(65536)
            if not piece:
                return
            head += piece
        try:
            answer(connection)
        except OSError:
            return
