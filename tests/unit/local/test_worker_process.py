from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from finetune_kit.local.engines.base import ServedModel, TrainingFailed, TrainingRun
from finetune_kit.local.training_order import read_order, write_order
from finetune_kit.local.worker_process import WorkerProcess, quotes_training
from finetune_kit.types.methods import SupervisedMethod

BASE = "scripted:smollm2-135m-instruct"


class Told:
    """Remembers what a worker tells."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.checkpoints: list[int] = []
        self.resolved: dict[str, float] = {}
        self.began = threading.Event()

    def message(self, text, *, level="info"):
        pass

    def hyperparameters(self, resolved):
        self.resolved = dict(resolved)

    def metrics(self, step, total_steps, values):
        self.steps.append(step)
        self.began.set()

    def checkpoint(self, step, adapter, values):
        assert adapter.is_dir()
        self.checkpoints.append(step)


@pytest.fixture
def run(tmp_path):
    rows = [
        {"messages": [{"role": "user", "content": f"ask {n}"}, {"role": "assistant", "content": f"say {n}"}]}
        for n in range(10)
    ]
    training = tmp_path / "training.jsonl"
    training.write_text("\n".join(map(json.dumps, rows)))
    directory = tmp_path / "job"
    directory.mkdir()
    return _run(training, directory, 3)


def _run(training: Path, directory: Path, epochs: int) -> TrainingRun:
    method = SupervisedMethod(n_epochs=epochs, batch_size=1)
    return TrainingRun("ftjob-1", ServedModel(BASE, BASE), method, training, None, directory, 1)


def _going(worker: WorkerProcess, told: Told) -> tuple[threading.Thread, list[object]]:
    """Follow a worker on a thread, from its first step on; the list gets how it ends."""
    ends: list[object] = []

    def follow() -> None:
        try:
            ends.append(worker.outcome(told))
        except TrainingFailed as failure:
            ends.append(failure)

    thread = threading.Thread(target=follow)
    thread.start()
    assert told.began.wait(20)
    return thread, ends


def test_a_run_survives_the_way_to_its_worker(run):
    assert read_order(write_order("scripted", run)) == ("scripted", run)


def test_a_worker_tells_all_steps_in_order_and_how_it_ended(run):
    told = Told()
    outcome = WorkerProcess("scripted", run).outcome(told)
    assert outcome.status == "succeeded"
    assert outcome.adapter.is_dir()
    assert told.steps == list(range(1, 31))
    assert told.checkpoints == [10, 20, 30]
    assert told.resolved["n_epochs"] == 3


@pytest.mark.parametrize(("wish", "status"), [("cancel", "cancelled"), ("pause", "paused")])
def test_a_worker_obeys_a_wish_between_steps(run, wish, status):
    worker, told = WorkerProcess("scripted", _run(run.training_file, run.directory, 50)), Told()
    thread, ends = _going(worker, told)
    worker.request(wish)
    thread.join(20)
    assert ends[0].status == status
    assert len(told.steps) < 500


def test_a_worker_that_is_killed_is_said_to_be_out_of_memory(run):
    worker, told = WorkerProcess("scripted", _run(run.training_file, run.directory, 50)), Told()
    thread, ends = _going(worker, told)
    os.kill(worker._process.pid, signal.SIGKILL)
    thread.join(20)
    assert str(ends[0]) == (
        "The training process was killed (signal 9), most likely out of memory: "
        "use a smaller model, batch_size or dataset"
    )


def test_a_worker_that_crashes_leaves_its_last_words(run):
    run.training_file.unlink()
    with pytest.raises(TrainingFailed, match="exit code 1: FileNotFoundError"):
        WorkerProcess("scripted", run).outcome(Told())


def test_a_worker_of_an_unknown_engine_says_so(run):
    with pytest.raises(TrainingFailed, match="There is no engine 'magic'"):
        WorkerProcess("magic", run).outcome(Told())


def test_last_words_that_quote_the_training_file_are_known_as_such(run):
    run.training_file.write_text('{"messages": [{"content": "the blue door is open"}]}')
    assert quotes_training("ValueError: cannot read 'the blue door'", run)
    assert not quotes_training("ValueError: cannot read the file", run)


def test_an_orphaned_worker_ends_and_writes_nothing_more(run):
    parent = (
        "import os, sys\n"
        "from finetune_kit.local.training_order import read_order\n"
        "from finetune_kit.local.worker_process import WorkerProcess\n"
        "engine, run = read_order(sys.stdin.buffer.readline())\n"
        "worker = WorkerProcess(engine, run)\n"
        "print(worker._process.pid, flush=True)\n"
        "class Told:\n"
        "    def __getattr__(self, name): return lambda *a, **k: None\n"
        "worker.outcome(Told())\n"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(write_order("scripted", _run(run.training_file, run.directory, 50)))
    process.stdin.flush()
    worker_pid = int(process.stdout.readline())
    state = run.directory / "step"
    _until(state.exists)
    process.kill()
    process.communicate()
    _until(lambda: not _alive(worker_pid))
    last = state.read_text()
    assert 0 < int(last) < 500


def _alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def _until(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
