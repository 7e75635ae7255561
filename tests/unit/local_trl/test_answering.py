from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from finetune_kit.errors import BadRequestError, LocalServerError
from finetune_kit.local.answering import AnsweringProcess
from finetune_kit.local.engines.base import ChatRequest, ServedModel
from finetune_kit.local.engines.trl import TrlEngine


@pytest.fixture
def model(tiny_model) -> ServedModel:
    return ServedModel(str(tiny_model), str(tiny_model))


def ask(model: ServedModel, text: str = "Where is it?", **settings) -> ChatRequest:
    return ChatRequest(model, [{"role": "user", "content": text}], **{"temperature": 0.0, "max_tokens": 5, **settings})


async def pieces(process: AnsweringProcess, request: ChatRequest):
    return [piece async for piece in process.chat(request)]


@pytest.fixture(scope="module")
def answered() -> Iterator[Callable[..., Any]]:
    """Run a story on an answering process that all tests of this module share."""
    process = AnsweringProcess()
    with asyncio.Runner() as runner:
        yield lambda story: runner.run(story(process))
        runner.run(process.end(grace_seconds=0))


def test_an_answer_ends_with_a_reason_and_token_counts(answered, model):
    [piece] = answered(lambda process: pieces(process, ask(model)))
    assert (piece.finish_reason, piece.completion_tokens) == ("length", 5)
    assert piece.prompt_tokens > 10


def test_n_answers_each_end_once(answered, model):
    said = answered(lambda process: pieces(process, ask(model, n=3, temperature=1.0, seed=1)))
    assert sorted(piece.index for piece in said if piece.finish_reason) == [0, 1, 2]
    assert len({piece.text for piece in said}) > 1


def test_a_streamed_answer_comes_in_pieces(answered, model):
    streamed = answered(lambda process: pieces(process, ask(model, stream=True)))
    whole = answered(lambda process: pieces(process, ask(model)))
    assert len(streamed) > 1
    assert "".join(piece.text for piece in streamed) == whole[0].text


def test_requests_that_wait_together_are_answered_alike(answered, model):
    async def together(process):
        return await asyncio.gather(*(pieces(process, ask(model, text)) for text in ("a", "bb", "ccc", "a")))

    [first, _, _, last] = answered(together)
    assert first == last


def test_a_chat_beyond_the_context_is_the_callers_mistake(answered, model):
    with pytest.raises(BadRequestError) as caught:
        answered(lambda process: pieces(process, ask(model, "x" * 400)))
    assert caught.value.code == "context_length_exceeded"


def test_a_model_that_is_gone_is_named(answered, tmp_path):
    gone = str(tmp_path / "gone")
    with pytest.raises(LocalServerError, match="gone"):
        answered(lambda process: pieces(process, ask(ServedModel(gone, gone))))


def test_a_death_is_told_to_those_who_wait_and_the_next_chat_gets_a_new_process(answered, model):
    async def story(process):
        await pieces(process, ask(model))
        waiting = asyncio.create_task(pieces(process, ask(model, max_tokens=200)))
        await asyncio.sleep(0)
        os.kill(process._link.process.pid, signal.SIGKILL)
        with pytest.raises(LocalServerError, match=r"SIGKILL.*out of memory"):
            await waiting
        return await pieces(process, ask(model))

    said = answered(story)
    assert said[-1].finish_reason == "length"


def test_ending_waits_for_answers_in_the_making(answered, model):
    async def story(process):
        waiting = asyncio.create_task(pieces(process, ask(model, max_tokens=60)))
        await asyncio.sleep(0.1)
        await process.end()
        assert process._link is None
        return await waiting

    said = answered(story)
    assert said[-1].completion_tokens == 60


def test_who_goes_away_is_no_longer_answered(answered, model):
    async def story(process):
        stream = process.chat(ask(model, stream=True, max_tokens=150))
        await anext(stream)
        await stream.aclose()
        return process._link.pending

    assert answered(story) == {}


def test_the_process_ends_with_the_one_that_started_it(tiny_model):
    program = textwrap.dedent(
        """
        import asyncio, os, sys
        from finetune_kit.local.answering import AnsweringProcess
        from finetune_kit.local.engines.base import ChatRequest, ServedModel

        async def main():
            process, model = AnsweringProcess(), ServedModel(sys.argv[1], sys.argv[1])
            request = ChatRequest(model, [{"role": "user", "content": "a"}], max_tokens=2)
            print([piece async for piece in process.chat(request)] and process._link.process.pid, flush=True)
            os.kill(os.getpid(), 9)

        asyncio.run(main())
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tiny_model)], capture_output=True, text=True, check=False, timeout=60
    )
    orphan = int(done.stdout)
    for _ in range(100):
        if not _alive(orphan):
            return
        subprocess.run([sys.executable, "-c", "import time; time.sleep(0.05)"], check=True)
    pytest.fail(f"process {orphan} outlived its parent")


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_making_an_engine_imports_no_torch():
    program = (
        "import sys; from finetune_kit.local.engines.trl import TrlEngine; TrlEngine(); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"


def test_an_engine_that_answered_nothing_has_nothing_to_end():
    engine = TrlEngine()
    asyncio.run(engine.release())
    asyncio.run(engine.close())
