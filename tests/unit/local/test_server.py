from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

from finetune_kit.errors import LocalServerError
from finetune_kit.local import LocalServer


def models(base_url: str) -> list[str]:
    with urllib.request.urlopen(f"{base_url}/models", timeout=10) as answer:
        return [model["id"] for model in json.load(answer)["data"]]


def test_a_started_server_answers():
    with LocalServer(engine="scripted") as server:
        assert "scripted:smollm2-135m-instruct" in models(server.base_url)


def test_several_servers_run_in_one_process():
    with LocalServer(engine="scripted") as one, LocalServer(engine="scripted") as two:
        assert one.base_url != two.base_url
        assert models(one.base_url) == models(two.base_url)


def test_a_server_starts_inside_a_running_event_loop():
    async def inside() -> list[str]:
        with LocalServer(engine="scripted") as server:
            return await asyncio.to_thread(models, server.base_url)

    assert asyncio.run(inside())


def test_closing_twice_or_before_the_start_does_nothing():
    server = LocalServer(engine="scripted")
    server.close()
    server.start()
    server.close()
    server.close()
    with pytest.raises(LocalServerError, match="not running"):
        _ = server.base_url


def test_a_closed_server_leaves_no_thread_and_no_temporary_directory(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = set(threading.enumerate())
    with LocalServer(engine="scripted"):
        assert list(tmp_path.iterdir())
    assert set(threading.enumerate()) == before
    assert list(tmp_path.iterdir()) == []


def test_a_closed_server_can_be_started_again(tmp_path):
    server = LocalServer(tmp_path, engine="scripted")
    for _ in range(2):
        with server:
            assert models(server.base_url)


def test_a_port_in_use_is_named_with_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LocalServerError, match=rf"port {port} \(Address already in use\): .*port 0"):
            LocalServer(engine="scripted", port=port).start()


def test_a_port_that_is_none_is_refused():
    with pytest.raises(LocalServerError, match="port 70000"):
        LocalServer(engine="scripted", port=70_000).start()


def test_a_directory_of_a_running_server_is_refused(tmp_path):
    with (
        LocalServer(tmp_path, engine="scripted"),
        pytest.raises(LocalServerError, match="belongs to a server that is running"),
    ):
        LocalServer(tmp_path, engine="scripted").start()


def test_a_directory_that_is_a_file_is_refused(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(LocalServerError, match="cannot be used"):
        LocalServer(path, engine="scripted").start()


def test_a_database_that_is_none_is_refused_and_the_directory_is_let_go(tmp_path):
    database = tmp_path / "finetune_kit.sqlite3"
    database.write_bytes(b"no database" * 1000)
    with pytest.raises(LocalServerError, match="file is not a database"):
        LocalServer(tmp_path, engine="scripted").start()
    database.unlink()
    with LocalServer(tmp_path, engine="scripted") as server:
        assert models(server.base_url)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])  # noqa: S104
def test_a_host_that_others_reach_needs_a_key(host):
    with pytest.raises(LocalServerError, match="api_key"):
        LocalServer(engine="scripted", host=host)


def test_an_unknown_engine_is_refused_by_name():
    with pytest.raises(LocalServerError, match="'magic': use one of 'trl', 'scripted'"):
        LocalServer(engine="magic").start()


def test_the_key_is_not_in_the_repr():
    assert "secret" not in repr(LocalServer(engine="scripted", api_key="secret"))


def test_an_interpreter_with_a_running_server_ends_without_hanging(tmp_path):
    program = "from finetune_kit.local import LocalServer; LocalServer(engine='scripted').start()"
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert time.monotonic() - started < 15


def test_the_scripted_server_imports_nothing_heavy():
    program = (
        "import sys; from finetune_kit.local import LocalServer\n"
        "with LocalServer(engine='scripted'):\n"
        "    print([name for name in ('torch', 'transformers', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=30, check=True)
    assert done.stdout.strip() == b"[]"
