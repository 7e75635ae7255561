"""The answering process: reads chats from standard input as JSON lines, writes answers to standard output.

It ends when its input ends, so that it never outlives the server that started it.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final

from finetune_kit.errors import FinetuneKitError
from finetune_kit.local.engines.base import TrainingFailed
from finetune_kit.local.torch_settings import prepare_environment

if TYPE_CHECKING:
    from finetune_kit.local.generation import Answer
    from finetune_kit.local.model_shelf import LoadedBase, ModelShelf

__all__ = ["DEFAULT_MAX_TOKENS", "main"]

DEFAULT_MAX_TOKENS: Final = 256
MOST_ROWS: Final = 32
MOST_TOKENS: Final = 16384
"""Prompt and answer tokens of all rows of a batch together; bounds the memory of their keys and values."""

LINGER_SECONDS: Final = 0.01
"""How long a batch waits for one more request: little beside the 100 ms of its first token."""

Request = dict[str, Any]


@dataclass
class _Inbox:
    """Requests as they come in, read by a thread so that more can join while answers are written."""

    source: IO[str]
    arrived: queue.SimpleQueue[Request] = field(default_factory=queue.SimpleQueue)
    cancelled: set[int] = field(default_factory=set)

    def read(self) -> None:
        for line in self.source:
            message = json.loads(line)
            if "cancel" in message:
                self.cancelled.add(message["cancel"])
            else:
                self.arrived.put(message)
        os._exit(0)  # the server is gone; nobody waits for what is being written

    def drain(self, waiting: list[Request]) -> None:
        """Move what has arrived into `waiting`; block only while there is nothing to do."""
        try:
            if not waiting:
                waiting.append(self.arrived.get())
            while True:
                waiting.append(self.arrived.get(timeout=LINGER_SECONDS))
        except queue.Empty:
            return


class _Outbox:
    """Writes answers to the pipe that was standard output, which libraries then can no longer write to."""

    def __init__(self) -> None:
        self._pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def send(self, message: dict[str, Any]) -> None:
        self._pipe.write(json.dumps(message) + "\n")
        self._pipe.flush()

    def refuse(self, requests: list[Request], error: dict[str, Any]) -> None:
        for request in requests:
            self.send({"id": request["id"], "error": error})


def main() -> None:
    """Answer until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then closes the pipe
    outbox, inbox = _Outbox(), _Inbox(sys.stdin)
    threading.Thread(target=inbox.read, daemon=True).start()
    prepare_environment()
    from finetune_kit.local.model_shelf import ModelShelf

    shelf = ModelShelf()
    waiting: list[Request] = []
    while True:
        inbox.drain(waiting)
        _answer(_next_batch(waiting), shelf, inbox, outbox)


def _next_batch(waiting: list[Request]) -> list[Request]:
    """Take the oldest request and those that ask the same model, up to MOST_ROWS answers."""
    first = waiting[0]
    batch: list[Request] = []
    rows = 0
    for request in list(waiting):
        same = (request["base"], request["adapter"]) == (first["base"], first["adapter"])
        if same and (not batch or rows + request["n"] <= MOST_ROWS):
            batch.append(request)
            rows += request["n"]
            waiting.remove(request)
    return batch


def _answer(batch: list[Request], shelf: ModelShelf, inbox: _Inbox, outbox: _Outbox) -> None:
    """Answer a batch; whatever goes wrong is told to those who wait, and the process lives on."""
    try:
        base = shelf.base(batch[0]["base"])
        answers = [answer for request in batch for answer in _answers(request, base, inbox, outbox)]
        from finetune_kit.local.generation import generate

        with base.tuned_by(batch[0]["adapter"]) as model:
            for rows in _within_memory(answers):
                generate(model, rows, base.chat_format)
    except (FinetuneKitError, TrainingFailed) as error:
        outbox.refuse(batch, {"kind": "refused", "message": str(error)})
    except Exception as error:  # noqa: BLE001 - the outermost loop: the next batch may well be fine
        outbox.refuse(batch, {"kind": "failed", "message": type(error).__name__})


def _answers(request: Request, base: LoadedBase, inbox: _Inbox, outbox: _Outbox) -> list[Answer]:
    """Return the answers to write for a request: none if its prompt is too long, which it is told."""
    prompt = base.chat_format.prompt(request["messages"], request["tools"])
    room = base.context_length - len(prompt)
    if room < 1:
        outbox.refuse([request], {"kind": "context", "tokens": len(prompt), "limit": base.context_length})
        return []
    return [_answer_of(request, index, prompt, room, inbox, outbox) for index in range(request["n"])]


def _answer_of(request: Request, index: int, prompt: list[int], room: int, inbox: _Inbox, outbox: _Outbox) -> Answer:
    from finetune_kit.local.generation import Answer, Sampling

    number, seed = request["id"], request["seed"]

    def send(answer: Answer, text: str, reason: str | None) -> None:
        counts = {"prompt_tokens": len(prompt), "completion_tokens": len(answer.tokens)} if reason else {}
        outbox.send({"id": number, "index": index, "text": text, "finish_reason": reason, **counts})

    sampling = Sampling(
        max_tokens=min(room, request["max_tokens"] or DEFAULT_MAX_TOKENS),
        temperature=request["temperature"],
        top_p=request["top_p"],
        seed=None if seed is None else seed + index,
        stop=tuple(request["stop"]),
    )
    return Answer(prompt, sampling, request["stream"], send, wanted=lambda: number not in inbox.cancelled)


def _within_memory(answers: list[Answer]) -> list[list[Answer]]:
    """Split a batch so that padded rows stay within MOST_TOKENS; rows of like length are kept together."""
    batches: list[list[Answer]] = []
    longest = 0
    for answer in sorted(answers, key=_room):
        longest = max(longest, _room(answer))
        if not batches or len(batches[-1]) >= MOST_ROWS or longest * (len(batches[-1]) + 1) > MOST_TOKENS:
            batches.append([])
            longest = _room(answer)
        batches[-1].append(answer)
    return batches


def _room(answer: Answer) -> int:
    return len(answer.prompt) + answer.sampling.max_tokens


if __name__ == "__main__":
    main()
