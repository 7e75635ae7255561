from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from finetune_kit.errors import LocalServerError
from finetune_kit.local.weights import SMALL_MODEL, model_name, prepared_model

PREPARE = "import sys; from finetune_kit.local.weights import prepared_model; print(prepared_model(sys.argv[1]))"


@pytest.mark.parametrize("name", ["smollm2-135m-instruct", "SmolLM2-135M-Instruct", SMALL_MODEL.hub_id])
def test_the_small_model_has_one_name(name):
    assert model_name(name) == "smollm2-135m-instruct"


def test_a_model_directory_is_named_by_its_path(tiny_model):
    assert model_name(f"{tiny_model}/.") == str(tiny_model)


def test_a_hub_id_is_its_own_name():
    assert model_name("Qwen/Qwen3-0.6B") == "Qwen/Qwen3-0.6B"


@pytest.mark.parametrize("name", ["gpt-4o-mini", "", "a/b/c", "../up", "ft:x:y"])
def test_anything_else_is_no_model(name):
    assert model_name(name) is None


def test_a_model_directory_is_used_as_it_is(tiny_model):
    assert prepared_model(str(tiny_model)) == tiny_model


def test_an_unknown_model_is_refused_with_what_to_name_instead():
    with pytest.raises(LocalServerError, match=r"'gpt-4o-mini' is no model.*smollm2"):
        prepared_model("gpt-4o-mini")


def test_a_model_in_the_cache_is_not_fetched_again(tmp_path, monkeypatch):
    monkeypatch.setenv("FINETUNE_KIT_CACHE", str(tmp_path))
    directory = tmp_path / "models" / SMALL_MODEL.name
    directory.mkdir(parents=True)
    (directory / "config.json").write_text("{}")
    told: list[str] = []
    assert prepared_model(SMALL_MODEL.name, progress=told.append) == directory
    assert told == []


@pytest.fixture
def hub(tiny_model, tmp_path):
    """A hub on loopback that has the small model's files, which are the tiny model's."""
    files = {path.name: path.read_bytes() for path in tiny_model.iterdir()}

    class Hub(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.answer(send_body=False)

        def do_GET(self):
            self.answer(send_body=True)

        def answer(self, *, send_body: bool):
            name = self.path.rpartition("/")[2]
            known = SMALL_MODEL.hub_id in self.path
            body = files.get(name, b"")
            if "/tree/" in self.path:
                body = json.dumps(
                    [{"type": "file", "path": file, "size": len(files[file]), "oid": "b" * 40} for file in files]
                ).encode()
            elif "/api/" in self.path:
                body = json.dumps(
                    {"id": SMALL_MODEL.hub_id, "sha": "a" * 40, "siblings": [{"rfilename": file} for file in files]}
                ).encode()
            self.send_response(200 if known and body else 404)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{name}-1"')
            self.send_header("X-Repo-Commit", "a" * 40)
            self.end_headers()
            if send_body:
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def prepare(model: str, cache: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Prepare a model in a fresh process with no package index, since libraries read their settings only once."""
    inherited = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
    nothing = {"PIP_NO_INDEX": "1", "UV_OFFLINE": "1", "UV_NO_INDEX": "1", "HF_HOME": str(cache / "hf")}
    return subprocess.run(
        [sys.executable, "-c", PREPARE, model],
        env={**inherited, **nothing, "HOME": str(cache), "FINETUNE_KIT_CACHE": str(cache), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_hub_comes_first(hub, tmp_path, tiny_model):
    done = prepare(SMALL_MODEL.name, tmp_path, HF_ENDPOINT=hub)
    directory = tmp_path / "models" / SMALL_MODEL.name
    assert done.stdout.strip() == str(directory), done.stderr
    assert sorted(path.name for path in directory.iterdir()) == sorted(path.name for path in tiny_model.iterdir())


def test_a_hub_id_goes_through_the_hubs_own_cache(hub, tmp_path):
    done = prepare("nobody/nothing", tmp_path, HF_ENDPOINT=hub)
    assert "'nobody/nothing' is not on this machine" in done.stderr
    assert "hf download nobody/nothing" in done.stderr


def test_without_any_network_the_remedy_is_named_in_seconds(tmp_path):
    done = prepare(SMALL_MODEL.name, tmp_path, HF_ENDPOINT="http://127.0.0.1:9")
    assert f"hf download {SMALL_MODEL.hub_id}" in done.stderr
    assert str(tmp_path / "models" / SMALL_MODEL.name) in done.stderr


def test_what_a_kill_left_behind_is_cleared_away_and_nothing_half_is_kept(tmp_path):
    left_behind = tmp_path / "models" / f".{SMALL_MODEL.name}-killed"
    left_behind.mkdir(parents=True)
    prepare(SMALL_MODEL.name, tmp_path, HF_ENDPOINT="http://127.0.0.1:9")
    assert [path.name for path in (tmp_path / "models").iterdir() if path.is_dir()] == []


def test_two_processes_prepare_it_once(hub, tmp_path):
    running = [threading.Thread(target=prepare, args=(SMALL_MODEL.name, tmp_path), kwargs={"HF_ENDPOINT": hub})]
    running[0].start()
    done = prepare(SMALL_MODEL.name, tmp_path, HF_ENDPOINT=hub)
    running[0].join()
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "models" / SMALL_MODEL.name / "config.json").is_file()


def test_a_package_with_other_contents_is_refused(tmp_path, monkeypatch):
    from finetune_kit.local import weights

    other = tmp_path / "other.gguf"
    other.write_bytes(b"not the model")
    with pytest.raises(LocalServerError, match="sha256"):
        weights._checked(SMALL_MODEL, other)


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    occupied = tmp_path / "file"
    occupied.write_text("")
    monkeypatch.setenv("FINETUNE_KIT_CACHE", str(occupied))
    with pytest.raises(LocalServerError, match="FINETUNE_KIT_CACHE"):
        prepared_model(SMALL_MODEL.name)


def test_a_killed_fetch_leaves_a_model_that_can_be_fetched_again(hub, tmp_path):
    prepare(SMALL_MODEL.name, tmp_path, HF_ENDPOINT=hub)
    shutil.rmtree(tmp_path / "models" / SMALL_MODEL.name)
    assert prepare(SMALL_MODEL.name, tmp_path, HF_ENDPOINT=hub).returncode == 0
