"""What every test runs in: a clean environment, no network but loopback, the embedded server on call."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from finetune_kit import AsyncClient, Client

if TYPE_CHECKING:
    from finetune_kit.local import LocalServer

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = REPOSITORY.parent / "shared"

# The cache only saves fetching the small model again: it changes no result.
KEPT = {"FINETUNE_KIT_CACHE"}
STRIPPED_PREFIXES = ("OPENAI_", "FINETUNE_KIT_", "AZURE_", "NEBIUS_", "TOGETHER_", "FIREWORKS_", "HF_", "TIKTOKEN_")


class LeftLoopbackError(OSError):
    """A connection or a look-up of a name that would leave this machine."""


@pytest.fixture(scope="session")
def _guarded_session() -> Iterator[list[str]]:
    attempts: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(STRIPPED_PREFIXES) and name not in KEPT]:
            patch.delenv(name)
        for name in ("NO_PROXY", "no_proxy"):
            patch.setenv(name, "127.0.0.1,localhost,::1")
        patch.setattr(socket.socket, "connect", _guarded_connect(socket.socket.connect, attempts))
        patch.setattr(socket.socket, "connect_ex", _guarded_connect(socket.socket.connect_ex, attempts))
        patch.setattr(socket, "getaddrinfo", _guarded_lookup(socket.getaddrinfo, attempts))
        yield attempts


@pytest.fixture(autouse=True)
def network_attempts(request: pytest.FixtureRequest, _guarded_session: list[str]) -> Iterator[list[str]]:
    """Hosts beyond loopback that the test tried to reach: refused, and a failure unless the test clears the list.

    A test that really trains may look for the model on the hub before it takes the package.
    """
    _guarded_session.clear()
    yield _guarded_session
    if _guarded_session and request.node.get_closest_marker("train") is None:
        pytest.fail(f"the test tried to leave loopback: {', '.join(_guarded_session)}")


@pytest.fixture
def shared() -> Path:
    """The directory of data and descriptions that lies beside the repository on some machines."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared, which is not beside this repository")
    return SHARED


@pytest.fixture
def repository() -> Path:
    """The root of the repository."""
    return REPOSITORY


@pytest.fixture
def local_server() -> Iterator[LocalServer]:
    """An embedded server of this test alone, with the scripted engine and nothing in it."""
    from finetune_kit.local import LocalServer

    with LocalServer(engine="scripted") as server:
        yield server


@pytest.fixture(scope="session")
def shared_server(_guarded_session: list[str]) -> Iterator[LocalServer]:
    """One embedded server for all tests that do not mind what others left in it."""
    from finetune_kit.local import LocalServer

    with LocalServer(engine="scripted") as server:
        yield server


def _guarded_connect(connect: Callable[..., Any], attempts: list[str]) -> Callable[..., Any]:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _refuse_beyond_loopback(str(address[0]), attempts)
        return connect(self, address)

    return guarded


def _guarded_lookup(lookup: Callable[..., Any], attempts: list[str]) -> Callable[..., Any]:
    def guarded(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        # An unspecified host (None, "", 0.0.0.0, ::) is one to listen on, not to reach.
        if name not in (None, "", "0.0.0.0", "::"):  # noqa: S104
            _refuse_beyond_loopback(name, attempts)
        return lookup(host, *args, **kwargs)

    return guarded


def _refuse_beyond_loopback(host: str, attempts: list[str]) -> None:
    if host == "localhost" or host.endswith(".localhost"):
        return
    try:
        if ipaddress.ip_address(host.partition("%")[0]).is_loopback:
            return
    except ValueError:
        pass
    attempts.append(host)
    raise LeftLoopbackError(f"tests stay on loopback, but this one wants {host!r}: fake the server instead")


@dataclass
class VirtualClock:
    """A clock on which waiting takes no time."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


@dataclass
class Mode:
    """One of the two ways to use a client: `call` gives an operation's result, `items` a listing's."""

    make: Callable[..., Any]
    call: Callable[[Any], Any]
    items: Callable[[Any], list[Any]]
    stack: ExitStack

    def client(self, provider: str = "compatible", **options: Any) -> Any:
        client = self.make(provider, **options)
        self.stack.callback(lambda: self.call(client.close()))
        return client


@pytest.fixture(params=["blocking", "awaited"])
def mode(request: pytest.FixtureRequest) -> Iterator[Mode]:
    with ExitStack() as stack:
        if request.param == "blocking":
            yield Mode(Client, lambda result: result, list, stack)
        else:
            portal: BlockingPortal = stack.enter_context(start_blocking_portal())
            with ExitStack() as inner:
                yield Mode(AsyncClient, _awaiting(portal), _collecting(portal), inner)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def _awaiting(portal: BlockingPortal) -> Callable[[Any], Any]:
    async def wait(coroutine: Any) -> Any:
        return await coroutine

    return lambda coroutine: portal.call(wait, coroutine)


def _collecting(portal: BlockingPortal) -> Callable[[Any], list[Any]]:
    async def collect(items: Any) -> list[Any]:
        return [item async for item in items]

    return lambda items: portal.call(collect, items)
