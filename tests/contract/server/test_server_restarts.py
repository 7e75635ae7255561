"""An embedded server that is killed at any point, and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

SOURCE = Path(__file__).resolve().parents[3] / "src"
STEPS = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 5, "batch_size": 1}}}
LONG = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 50, "batch_size": 1}}}


class Program:
    """The server as a program on one directory, to be killed and started again."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> str:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "finetune_kit.local", "--engine", "scripted", "--dir", str(self._directory)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
        )
        return self._process.stdout.readline().strip()

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def end(self, number: int = signal.SIGTERM) -> int:
        self._process.send_signal(number)
        code = self._process.wait(30)
        self._process.stdout.close()
        self._process = None
        return code

    @property
    def going(self) -> bool:
        return self._process is not None


@pytest.fixture
def program(tmp_path):
    program = Program(tmp_path / "state")
    yield program
    if program.going:
        program.kill()


def test_a_job_that_was_running_goes_on_and_keeps_each_step_once(program, official_at):
    official = official_at(program.start())
    job = official.running(official.create(method=STEPS).id)
    program.kill()
    official = official_at(program.start())
    assert official.finish(job.id).status == "succeeded"
    assert official.steps(job.id) == list(range(100, 0, -1))
    messages = official.messages(job.id)
    assert len(messages) == len(set(messages))
    assert len(list(official.api.fine_tuning.jobs.list())) == 1


@pytest.mark.parametrize("delay_ms", [0, 5, 15, 40, 90, 160])
def test_nothing_is_lost_or_doubled_whenever_the_server_is_killed(program, official_at, rows, delay_ms):
    official = official_at(program.start())
    files = [official.upload(rows["supervised"]()) for _ in range(3)]
    jobs = [official.create(training_file=file).id for file in files]
    time.sleep(delay_ms / 1000)
    program.kill()
    official = official_at(program.start())
    assert sorted(job.id for job in official.api.fine_tuning.jobs.list()) == sorted(jobs)
    ended = [official.finish(job) for job in jobs]
    assert [job.status for job in ended] == ["succeeded"] * 3
    assert all(official.steps(job) == list(range(30, 0, -1)) for job in jobs)
    listed = {file.id for file in official.api.files.list()}
    assert listed == {*files, *(job.result_files[0] for job in ended)}
    assert len(listed) == 6


def test_a_paused_job_stays_paused_and_an_ended_one_ended(program, official_at):
    official = official_at(program.start())
    ended = official.finish(official.create().id)
    paused = official.running(official.create(method=LONG).id)
    official.api.fine_tuning.jobs.pause(paused.id)
    program.kill()
    official = official_at(program.start())
    retrieve = official.api.fine_tuning.jobs.retrieve
    assert retrieve(ended.id) == ended
    assert retrieve(paused.id).status == "paused"
    answer = official.ask(ended.fine_tuned_model, "question 2 on topic2")
    assert answer.choices[0].message.content == "answer 2"


def test_an_upload_that_was_cut_off_leaves_nothing(program, official_at, tmp_path):
    base_url = program.start()

    def half():
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + b"x" * 1_000_000
        program.kill()
        yield b"y"

    with pytest.raises(httpx.TransportError):
        httpx.post(f"{base_url}/files", content=half(), headers={"content-type": "multipart/form-data; boundary=x"})
    official = official_at(program.start())
    assert list(official.api.files.list()) == []
    assert not [path for name in ("files", "temporary") for path in (tmp_path / "state" / name).iterdir()]


def test_a_terminated_server_lets_its_jobs_go_on_at_the_next_start(program, official_at):
    official = official_at(program.start())
    job = official.running(official.create(method=STEPS).id)
    assert program.end(signal.SIGTERM) == 0
    official = official_at(program.start())
    assert official.finish(job.id).status == "succeeded"
    assert official.steps(job.id) == list(range(100, 0, -1))


@pytest.mark.skipif(not hasattr(__import__("resource"), "prlimit"), reason="needs prlimit, to make a disk look full")
def test_a_full_disk_is_said_once_and_leaves_nothing_half(program, official_at, tmp_path):
    import resource

    base_url = program.start()
    official = official_at(base_url)
    resource.prlimit(program._process.pid, resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
    files = {"purpose": (None, "batch"), "file": ("a", b"x" * 3_000_000)}
    answer = httpx.post(f"{base_url}/files", files=files, timeout=30)
    assert answer.status_code == 507
    assert answer.headers["x-should-retry"] == "false"
    assert "full" in answer.json()["error"]["message"]
    assert list(official.api.files.list()) == []
    assert not [path for name in ("files", "temporary") for path in (tmp_path / "state" / name).iterdir()]
