"""The process that trains one job: `python -m finetune_kit.local.worker`, told what to do on its stdin."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import orjson

from finetune_kit.local.engines.base import TrainingFailed
from finetune_kit.local.training_order import read_order

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from finetune_kit.local.engines.base import Outcome, TrainingRun

__all__ = ["main"]

_ORPHANED = 3


class Channel:
    """The line to the server: JSON lines out, each answered by `ok` once it is kept; wishes in.

    When the server is gone, so is this process: nothing may be written for a server that
    another one may have replaced.
    """

    def __init__(self, replies: BinaryIO, lines: BinaryIO) -> None:
        self._replies = replies
        self._lines = lines
        self._kept = threading.Semaphore(0)
        self._sending = threading.Lock()
        self._wish: Literal["cancel", "pause"] | None = None
        threading.Thread(target=self._listen, name="replies", daemon=True).start()

    def send(self, **line: Any) -> None:
        """Tell the server something, and wait until it is kept."""
        with self._sending:
            try:
                self._lines.write(orjson.dumps(line, option=orjson.OPT_SERIALIZE_NUMPY) + b"\n")
                self._lines.flush()
            except BrokenPipeError:
                os._exit(_ORPHANED)
            self._kept.acquire()

    def requested(self) -> Literal["cancel", "pause"] | None:
        """Return the wish of the job's owner, if there is one."""
        return self._wish

    def _listen(self) -> None:
        for reply in iter(self._replies.readline, b""):
            match reply.strip():
                case b"ok":
                    self._kept.release()
                case b"cancel":
                    self._wish = "cancel"
                case b"pause":
                    self._wish = "pause"
        os._exit(_ORPHANED)


class ChannelRecorder:
    """Tells the job's story over the channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def message(self, text: str, *, level: Literal["info", "warn", "error"] = "info") -> None:
        """Add a message event."""
        self._channel.send(op="message", text=text, level=level)

    def hyperparameters(self, resolved: Mapping[str, int | float]) -> None:
        """Say what "auto" became."""
        self._channel.send(op="hyperparameters", resolved=dict(resolved))

    def metrics(self, step: int, total_steps: int, values: Mapping[str, float]) -> None:
        """Add a metrics event."""
        self._channel.send(op="metrics", step=step, total_steps=total_steps, values=dict(values))

    def checkpoint(self, step: int, adapter: Path, values: Mapping[str, float]) -> None:
        """Offer the model as it is after `step`."""
        self._channel.send(op="checkpoint", step=step, adapter=str(adapter), values=dict(values))


def main() -> None:
    """Train what the first line of stdin says, and end the process."""
    lines = _take_over_stdout()
    engine_name, run = read_order(sys.stdin.buffer.readline())
    channel = Channel(sys.stdin.buffer, lines)
    lock = _only_worker(run.directory)
    code = 0
    try:
        outcome = _train(engine_name, run, channel)
        adapter = None if outcome.adapter is None else str(outcome.adapter)
        channel.send(op="outcome", status=outcome.status, adapter=adapter, trained_tokens=outcome.trained_tokens)
    except TrainingFailed as failure:
        channel.send(op="failed", message=str(failure), code=failure.code, param=failure.param)
    except MemoryError:
        channel.send(op="out_of_memory")
    except Exception:  # noqa: BLE001 - the outermost loop: the server reads the last line of stderr
        traceback.print_exc()
        code = 1
    finally:
        lock.close()
    sys.stderr.flush()
    # Not sys.exit: threads of a training library must not keep a finished process alive.
    os._exit(code)


def _train(engine_name: str, run: TrainingRun, channel: Channel) -> Outcome:
    from finetune_kit.local.engines import make_engine

    return make_engine(engine_name).train(run, ChannelRecorder(channel), channel)


def _take_over_stdout() -> BinaryIO:
    """Return stdout for the channel alone: what libraries print goes to stderr."""
    lines = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return lines


def _only_worker(directory: Path) -> BinaryIO:
    """Wait until the worker of a server that was killed has ended as well."""
    handle = (directory / "worker.lock").open("ab")
    if sys.platform != "win32":
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


if __name__ == "__main__":
    main()
