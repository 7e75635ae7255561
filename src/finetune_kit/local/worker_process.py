"""The server's side of a worker process: start it, keep what it says, pass on wishes, end it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

import finetune_kit
from finetune_kit.local.engines.base import Outcome, TrainingFailed
from finetune_kit.local.training_order import write_order

if TYPE_CHECKING:
    from finetune_kit.local.engines.base import Recorder, TrainingRun
    from finetune_kit.local.stored_jobs import Wish

__all__ = ["OUT_OF_MEMORY", "WorkerProcess", "quotes_training"]

OUT_OF_MEMORY = "out of memory: use a smaller model, batch_size or dataset"
_OBEY_SECONDS = 60.0
_END_SECONDS = 10.0
_WORDS_OF_A_QUOTE = 3
_LOG_TAIL_BYTES = 8192
_ENVIRONMENT = {
    # Passive waiting: OpenMP threads that spin take the cores from the server and from each other.
    "OMP_WAIT_POLICY": "PASSIVE",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


class WorkerProcess:
    """One worker, in a session of its own, so that a terminal's interrupt does not reach it."""

    def __init__(self, engine: str, run: TrainingRun) -> None:
        self._run = run
        self._log = run.directory / "worker.log"
        self._writing = threading.Lock()
        self._timer: threading.Timer | None = None
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "finetune_kit.local.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(),
                start_new_session=True,
            )
        self._write(write_order(engine, run))

    def request(self, wish: Wish) -> None:
        """Pass on a wish; a worker that does not obey a cancellation within a minute is killed."""
        self._write(wish.encode() + b"\n")
        if wish == "cancel" and self._timer is None:
            self._timer = threading.Timer(_OBEY_SECONDS, self.kill)
            self._timer.daemon = True
            self._timer.start()

    def outcome(self, recorder: Recorder) -> Outcome:
        """Keep what the worker says until it ends; return how, or raise TrainingFailed with the reason."""
        try:
            result = self._follow(recorder) or self._explain()
        except BaseException:
            self.kill()
            raise
        finally:
            self._end()
        if isinstance(result, TrainingFailed):
            raise result
        return result

    def kill(self) -> None:
        """End the worker, and all that it has started, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                self._process.kill()
            elif self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)

    def _follow(self, recorder: Recorder) -> Outcome | TrainingFailed | None:
        if self._process.stdout is None:
            return None
        for line in self._process.stdout:
            if not line.endswith(b"\n"):
                return None
            result = _keep(orjson.loads(line), recorder)
            self._write(b"ok\n")
            if result is not None:
                return result
        return None

    def _explain(self) -> TrainingFailed:
        """Return why a worker ended that said nothing of it."""
        code = self._process.wait()
        if code < 0:
            return TrainingFailed(_killed(-code), code="training_process_killed")
        return TrainingFailed(self._last_words(code), code="training_process_failed")

    def _last_words(self, code: int) -> str:
        with self._log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
            lines = log.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        if "MemoryError" in last or "OutOfMemory" in last or "out of memory" in last.lower():
            return f"The training process ran {OUT_OF_MEMORY}"
        if quotes_training(last, self._run):
            last = last.split(":")[0] if re.match(r"[A-Za-z_.]+:", last) else "its last words quote training examples"
        return f"The training process ended with exit code {code}: {last or 'it left no message'}"

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _write(self, line: bytes) -> None:
        # A worker that is gone is seen by whoever reads its lines.
        with self._writing, contextlib.suppress(OSError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.write(line)
                self._process.stdin.flush()


def quotes_training(text: str, run: TrainingRun) -> bool:
    """Return whether three words in a row, or one long word, of a text are in the files of a run."""
    words = re.findall(r"\w+", text)
    runs = [words[start : start + _WORDS_OF_A_QUOTE] for start in range(len(words) - _WORDS_OF_A_QUOTE + 1)]
    phrases = [r"\W+".join(map(re.escape, run_of_words)).encode() for run_of_words in runs]
    if not phrases:
        return False
    pattern = re.compile(b"|".join(phrases))
    return any(_found(pattern, path) for path in (run.training_file, run.validation_file) if path and path.exists())


def _found(pattern: re.Pattern[bytes], path: Path) -> bool:
    with path.open("rb") as lines:
        return any(pattern.search(line) for line in lines)


def _keep(line: dict[str, Any], recorder: Recorder) -> Outcome | TrainingFailed | None:
    match line.pop("op"):
        case "message":
            recorder.message(line["text"], level=line["level"])
        case "hyperparameters":
            recorder.hyperparameters(line["resolved"])
        case "metrics":
            recorder.metrics(line["step"], line["total_steps"], line["values"])
        case "checkpoint":
            recorder.checkpoint(line["step"], Path(line["adapter"]), line["values"])
        case "outcome":
            adapter = None if line["adapter"] is None else Path(line["adapter"])
            return Outcome(line["status"], adapter, line["trained_tokens"])
        case "failed":
            return TrainingFailed(line["message"], code=line["code"], param=line["param"])
        case "out_of_memory":
            return TrainingFailed(f"The training process ran {OUT_OF_MEMORY}", code="out_of_memory")
    return None


def _killed(number: int) -> str:
    if number == signal.SIGKILL:
        return f"The training process was killed (signal {number}), most likely {OUT_OF_MEMORY}"
    return f"The training process was killed (signal {number}, {signal.strsignal(number) or 'unknown'})"


def _environment() -> dict[str, str]:
    """Return the environment of a worker: ours, and where this very package is imported from."""
    source = str(Path(finetune_kit.__file__ or "").resolve().parents[1])
    paths = [source, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, **_ENVIRONMENT, "PYTHONPATH": os.pathsep.join(paths)}
