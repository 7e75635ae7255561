from __future__ import annotations

import asyncio
import importlib.util
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from finetune_kit.errors import LocalServerError
from finetune_kit.local.chat_format import load_chat_format
from finetune_kit.local.engines.base import ChatRequest, ServedModel
from finetune_kit.local.engines.trl import TrlEngine
from finetune_kit.local.weights import prepared_model

pytestmark = pytest.mark.train

RUN = Path(__file__).with_name("trl_run.py")
SMALL = "smollm2-135m-instruct"


@dataclass(frozen=True)
class Told:
    """What a training told: its lines, by kind."""

    lines: tuple[dict, ...]

    def of(self, kind: str) -> list[dict]:
        return [line for line in self.lines if line["kind"] == kind]

    @property
    def steps(self) -> list[int]:
        return [line["step"] for line in self.of("metrics")]

    @property
    def outcome(self) -> dict:
        assert self.of("outcome"), self.lines[-1:]
        return self.of("outcome")[0]

    @property
    def failure(self) -> dict:
        assert self.of("failed"), self.lines[-1:]
        return self.of("failed")[0]


class Trainer:
    """A process that trains, one run after the other; one that has crashed is started anew."""

    def __init__(self) -> None:
        self.process = None

    def __call__(self, directory: Path, **order) -> Told:
        directory.mkdir(parents=True, exist_ok=True)
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "ignore", str(RUN)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        self.process.stdin.write(json.dumps({"directory": str(directory), **order}, default=str) + "\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            lines.append(json.loads(line))
            if lines[-1]["kind"] == "end":
                return Told(tuple(lines))
        self.end()
        return Told(tuple(lines))

    def end(self) -> None:
        if self.process is not None:
            self.process.communicate()
            self.process = None


@pytest.fixture(scope="session")
def train() -> Iterator[Trainer]:
    trainer = Trainer()
    yield trainer
    trainer.end()


def chat(question: str, answer: str, **message) -> dict:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer, **message}]}


def written(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def sums(count: int) -> list[dict]:
    return [chat(f"{number} and one?", str(number + 1)) for number in range(count)]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> Path:
    # The unit tests' own maker of tiny models, which importlib mode leaves without a name to import.
    path = Path(__file__).parents[1] / "unit" / "local_trl" / "conftest.py"
    spec = importlib.util.spec_from_file_location("tiny_models", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def order(tmp_path, tiny_model) -> dict:
    """10 examples in batches of 4, twice: 6 steps."""
    return {
        "model": str(tiny_model),
        "training_file": written(tmp_path / "train.jsonl", sums(10)),
        "method": {"n_epochs": 2, "batch_size": 4},
    }


def test_each_step_and_each_epoch_is_told_once_and_in_order(train, tmp_path, order):
    told = train(tmp_path / "job", **order)
    assert told.steps == [1, 2, 3, 4, 5, 6]
    assert [line["step"] for line in told.of("checkpoint")] == [3, 6]
    assert {line["total_steps"] for line in told.of("metrics")} == {6}
    assert told.outcome["status"] == "succeeded"
    assert (Path(told.outcome["adapter"]) / "adapter_model.safetensors").is_file()


def test_trained_tokens_are_those_of_the_file_once_an_epoch(train, tmp_path, order, tiny_model):
    told = train(tmp_path / "job", **order)
    chat_format = load_chat_format(tiny_model)
    tokens = sum(len(chat_format.example(row).input_ids) for row in sums(10))
    assert told.outcome["trained_tokens"] == 2 * tokens


def test_validation_is_told_with_the_last_step_of_each_epoch(train, tmp_path, order):
    order["validation_file"] = written(tmp_path / "valid.jsonl", sums(5))
    metrics = train(tmp_path / "job", **order).of("metrics")
    assert [line["step"] for line in metrics if "full_valid_loss" in line] == [3, 6]
    assert {"train_loss", "valid_mean_token_accuracy", "full_valid_mean_token_accuracy"} <= metrics[2].keys()
    assert [line["step"] for line in metrics] == [1, 2, 3, 4, 5, 6]


def test_a_paused_run_goes_on_at_the_next_step_as_if_nothing_had_been(train, tmp_path, order):
    straight = train(tmp_path / "straight", **order)
    paused = train(tmp_path / "job", wish="pause", wish_step=4, **order)
    resumed = train(tmp_path / "job", resume=True, **order)
    assert (paused.outcome["status"], paused.steps) == ("paused", [1, 2, 3, 4])
    assert (Path(paused.outcome["adapter"]) / "adapter_config.json").is_file()
    assert (resumed.outcome["status"], resumed.steps) == ("succeeded", [5, 6])
    losses = [line["train_loss"] for line in (*paused.of("metrics"), *resumed.of("metrics"))]
    assert losses == pytest.approx([line["train_loss"] for line in straight.of("metrics")], rel=0.02)
    assert resumed.outcome["trained_tokens"] == straight.outcome["trained_tokens"]


def test_a_pause_at_the_end_of_an_epoch_offers_its_checkpoint_once(train, tmp_path, order):
    order["validation_file"] = written(tmp_path / "valid.jsonl", sums(5))
    paused = train(tmp_path / "job", wish="pause", wish_step=3, **order)
    resumed = train(tmp_path / "job", resume=True, **order)
    offered = [line["step"] for line in (*paused.of("checkpoint"), *resumed.of("checkpoint"))]
    assert offered == [3, 6]
    assert paused.steps + resumed.steps == [1, 2, 3, 4, 5, 6]


def test_a_crashed_run_goes_on_after_its_last_epoch(train, tmp_path, order):
    crashed = train(tmp_path / "job", crash_step=5, **order)
    resumed = train(tmp_path / "job", resume=True, **order)
    assert not crashed.of("outcome")
    assert resumed.steps == [4, 5, 6]


def test_resuming_where_nothing_was_kept_begins_anew(train, tmp_path, order):
    assert train(tmp_path / "job", resume=True, **order).steps == [1, 2, 3, 4, 5, 6]


def test_a_cancelled_run_stops_after_the_step_and_leaves_no_model(train, tmp_path, order):
    told = train(tmp_path / "job", wish="cancel", wish_step=2, **order)
    assert (told.outcome["status"], told.steps) == ("cancelled", [1, 2])
    assert told.outcome["adapter"] is None
    assert told.of("checkpoint") == []


def test_the_same_seed_trains_the_same(train, tmp_path, order):
    first, second, other = (train(tmp_path / str(i), seed=seed, **order) for i, seed in enumerate((1, 1, 2)))
    losses = [[line["train_loss"] for line in told.of("metrics")] for told in (first, second, other)]
    assert losses[0] == pytest.approx(losses[1], rel=0.01)
    assert losses[0] != pytest.approx(losses[2], rel=0.001)


def test_a_tuned_model_can_be_tuned_further(train, tmp_path, order):
    order["method"] = {"n_epochs": 15, "batch_size": 2}
    first = train(tmp_path / "first", **order)
    second = train(tmp_path / "second", start_adapter=first.outcome["adapter"], **order)
    assert second.of("metrics")[0]["train_loss"] < first.of("metrics")[0]["train_loss"]


def test_auto_is_told_as_numbers(train, tmp_path, order):
    order["method"] = {}
    [chosen] = train(tmp_path / "job", wish="cancel", wish_step=1, **order).of("hyperparameters")
    assert (chosen["n_epochs"], chosen["batch_size"]) == (20, 2)


def test_examples_beyond_the_context_are_cut_and_counted(train, tmp_path, order):
    written(order["training_file"], [*sums(9), chat("How?", "well " * 100)])
    told = train(tmp_path / "job", **order)
    [warning] = [line for line in told.of("message") if line["level"] == "warn"]
    assert warning["text"].startswith("1 of 10 examples are longer than the 256 tokens")


def test_weights_of_0_everywhere_are_refused_with_the_remedy(train, tmp_path, order):
    written(order["training_file"], [chat("a", "b", weight=0)] * 10)
    failure = train(tmp_path / "job", **order).failure
    assert failure["code"] == "no_trainable_tokens"
    assert "weight 1" in failure["text"]


def test_a_model_with_broken_weights_is_refused_by_name(train, tmp_path, order, tiny_model):
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in tiny_model.iterdir():
        (broken / path.name).write_bytes(path.read_bytes()[: 100 if path.suffix == ".safetensors" else None])
    assert train(tmp_path / "job", **{**order, "model": str(broken)}).failure["code"] == "model_not_loadable"


def test_a_loss_that_is_not_a_number_names_the_learning_rate(train, tmp_path, order):
    order["method"] = {"n_epochs": 2, "batch_size": 4, "learning_rate_multiplier": 1e30}
    failure = train(tmp_path / "job", **order).failure
    assert (failure["code"], failure["param"]) == ("loss_not_finite", "learning_rate_multiplier")


INTENTS = {
    "delivery": ["Where is my {}?", "When will the {} arrive?", "My {} has not come yet", "Track the {} for me"],
    "refund": ["I want my money back for the {}", "Refund the {} please", "Give me back what I paid for the {}"],
    "broken": ["The {} does not work", "My {} arrived damaged", "There is a crack in the {}", "The {} is defective"],
    "cancel": ["Cancel the {}", "I no longer want the {}", "Stop my order of the {}", "Please annul the {} order"],
}
THINGS = ["lamp", "phone", "chair", "kettle", "book", "jacket", "desk", "camera", "toaster", "bicycle"]


def tickets(things: list[str]) -> list[dict]:
    rows = [
        {
            "messages": [
                {"role": "system", "content": "Route the ticket. Reply in JSON."},
                {"role": "user", "content": template.format(thing)},
                {"role": "assistant", "content": json.dumps({"intent": intent})},
            ]
        }
        for intent, templates in INTENTS.items()
        for template in templates
        for thing in things
    ]
    random.Random(0).shuffle(rows)
    return rows


@pytest.fixture(scope="session")
def tuned_on_tickets(tmp_path_factory) -> Told:
    try:
        prepared_model(SMALL)
    except LocalServerError as missing:
        pytest.skip(str(missing))
    directory = tmp_path_factory.mktemp("tickets")
    training_file = written(directory / "train.jsonl", tickets(THINGS[:6])[:80])
    trainer = Trainer()  # a fresh process, whose memory is its own
    told = trainer(directory / "job", model=SMALL, training_file=training_file, method={"n_epochs": 1})
    trainer.end()
    assert told.outcome["status"] == "succeeded"
    return told


def test_the_loss_of_the_small_model_falls(tuned_on_tickets):
    losses = [line["train_loss"] for line in tuned_on_tickets.of("metrics")]
    assert sum(losses[-5:]) < 0.3 * sum(losses[:5])


def test_training_the_small_model_fits_into_2_5_gb(tuned_on_tickets):
    assert tuned_on_tickets.of("memory")[0]["peak_mib"] < 2200


def test_the_tuned_model_beats_its_base_on_held_out_tickets(tuned_on_tickets):
    held_out = tickets(THINGS[6:])[:32]

    async def score(engine: TrlEngine, model: ServedModel) -> float:
        async def right(row: dict) -> bool:
            request = ChatRequest(model, row["messages"][:-1], max_tokens=24, temperature=0.0)
            text = "".join([piece.text async for piece in engine.chat(request)])
            return text.strip() == row["messages"][-1]["content"]

        return sum(await asyncio.gather(*map(right, held_out))) / len(held_out)

    async def scores() -> tuple[float, float]:
        engine = TrlEngine()
        try:
            adapter = Path(tuned_on_tickets.outcome["adapter"])
            return await score(engine, ServedModel("base", SMALL)), await score(
                engine, ServedModel("tuned", SMALL, adapter)
            )
        finally:
            await engine.close()

    base, tuned = asyncio.run(scores())
    assert base < 0.2
    assert tuned > 0.7
