"""Every request of the client, and every answer of the embedded server, against the published description."""

from __future__ import annotations

import hashlib

import pytest

from finetune_kit import Dataset, DPOMethod, ReinforcementMethod, SupervisedMethod
from finetune_kit.errors import APIStatusError
from finetune_kit.types.graders import (
    MultiGrader,
    PythonGrader,
    ScoreModelGrader,
    StringCheckGrader,
    TextSimilarityGrader,
)

MODEL = "scripted:smollm2-135m-instruct"
CHAT = [{"role": "user", "content": "hello"}]

STRING = StringCheckGrader(name="s", input="{{sample.output_text}}", reference="{{item.a}}", operation="ilike")
SIMILAR = TextSimilarityGrader(name="t", input="a", reference="b", evaluation_metric="rouge_l")
JUDGE = ScoreModelGrader(
    name="j", model="gpt-4.1", input=({"role": "user", "content": "Score {{sample.output_text}}"},), range=(0, 1)
)
PYTHON = PythonGrader(name="p", source="def grade(sample, item):\n    return 1.0", image_tag="2025-05-08")

SUPERVISED = Dataset.read(
    [{"messages": [{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": f"a{n}"}]} for n in range(12)]
)
PREFERENCES = Dataset.read(
    [
        {
            "input": {"messages": [{"role": "user", "content": f"q{n}"}]},
            "preferred_output": [{"role": "assistant", "content": "yes"}],
            "non_preferred_output": [{"role": "assistant", "content": "no"}],
        }
        for n in range(12)
    ]
)
TASKS = Dataset.read([{"messages": [{"role": "user", "content": f"q{n}"}], "a": str(n)} for n in range(12)])

METHODS = [
    (SUPERVISED, None),
    (SUPERVISED, SupervisedMethod(n_epochs=2, batch_size=4, learning_rate_multiplier=0.5)),
    (PREFERENCES, DPOMethod(beta=0.5, n_epochs=1, batch_size=2, learning_rate_multiplier=2)),
    (TASKS, ReinforcementMethod(grader=STRING, compute_multiplier=1.5, eval_interval=2, eval_samples=3)),
    (TASKS, ReinforcementMethod(grader=SIMILAR, reasoning_effort="low")),
    (TASKS, ReinforcementMethod(grader=JUDGE)),
    (TASKS, ReinforcementMethod(grader=PYTHON)),
]


@pytest.fixture
def client(mode, recording_proxy):
    return mode.client("local", base_url=recording_proxy.base_url)


@pytest.fixture
def judged(recording_proxy, request_judge, answer_judge):
    """Judge all that has crossed the wire, and be sure that something has."""

    def judge() -> list[str]:
        assert recording_proxy.exchanges
        return [
            fault
            for exchange in recording_proxy.exchanges
            for fault in (*request_judge.request_faults(exchange), *answer_judge.answer_faults(exchange))
        ]

    return judge


@pytest.mark.parametrize(("data", "method"), METHODS)
def test_the_life_of_a_job_of_each_method(mode, client, judged, data, method):
    job = mode.call(
        client.tune(data, MODEL, validation=data, method=method, suffix="a-b_c", seed=1, metadata={"team": "x"})
    )
    mode.call(client.jobs.metrics(job))
    mode.items(client.checkpoints.list(job))
    mode.call(client.completions.create(job.fine_tuned_model, CHAT, temperature=0, max_tokens=5, n=2, seed=1))
    mode.call(client.models.delete(job.fine_tuned_model))
    assert judged() == []


def test_files_lists_orders_and_permissions(mode, client, judged, recording_proxy):
    file = mode.call(client.files.upload(SUPERVISED))
    mode.call(client.files.retrieve(file))
    mode.items(client.files.list(purpose="fine-tune", page_size=1))
    long = SupervisedMethod(n_epochs=50, batch_size=1)
    wandb = {"type": "wandb", "wandb": {"project": "p"}}
    job = mode.call(client.jobs.create(MODEL, file, method=long, integrations=[wandb]))
    while mode.call(client.jobs.retrieve(job)).status != "running":
        pass
    mode.call(client.jobs.pause(job))
    while mode.call(client.jobs.retrieve(job)).status != "paused":
        pass
    mode.call(client.jobs.resume(job))
    mode.call(client.jobs.cancel(job))
    mode.items(client.jobs.list(metadata={"a": "b"}))
    mode.items(client.jobs.list(metadata="null"))
    mode.items(client.models.list())
    done = mode.call(client.tune(SUPERVISED, MODEL))
    name = next(iter(mode.items(client.checkpoints.list(done)))).fine_tuned_model_checkpoint
    permissions = client.checkpoints.permissions
    granted = mode.call(permissions.create(name, ["proj_a"]))
    mode.items(permissions.list(name))
    mode.call(permissions.delete(name, granted[0].id))
    mode.call(client.files.delete(file))
    assert judged() == []


def test_a_file_above_64_megabytes_goes_in_parts(mode, client, judged, recording_proxy):
    long = "x" * 6_000_000
    rows = [[("user", f"{n} {long}"), ("assistant", str(n))] for n in range(12)]
    data = Dataset.read([{"messages": [{"role": r, "content": c} for r, c in row]} for row in rows])
    file = mode.call(client.files.upload(data))
    assert file.bytes == data.nbytes
    assert hashlib.sha256(mode.call(client.files.content(file))).hexdigest() == data.fingerprint
    paths = [exchange.path.rpartition("/")[2] for exchange in recording_proxy.exchanges]
    assert (paths.count("parts"), paths.count("complete")) == (2, 1)
    assert judged() == []


def test_refusals(mode, client, judged):
    file = mode.call(client.files.upload(SUPERVISED))
    for refused in (
        lambda: client.jobs.retrieve("ftjob-none"),
        lambda: client.jobs.create("unknown", file),
        lambda: client.jobs.create(MODEL, "file-none"),
        lambda: client.jobs.cancel("ftjob-none"),
        lambda: client.files.retrieve("file-none"),
        lambda: client.files.content("file-none"),
        lambda: client.models.retrieve("none"),
        lambda: client.models.delete(MODEL),
        lambda: client.completions.create("none", CHAT),
    ):
        with pytest.raises(APIStatusError):
            mode.call(refused())
    assert judged() == []


def test_chats(mode, client, judged):
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]
    mode.call(client.completions.create(MODEL, CHAT, tools=tools, tool_choice="auto", stop=["."], top_p=0.5))
    mode.items(client.completions.stream(MODEL, CHAT, max_tokens=4))
    assert judged() == []


def test_multi_graders_follow_the_guide_where_the_schema_types_a_single_grader(mode, client):
    grader = MultiGrader(name="m", graders={"a": STRING, "b": SIMILAR}, calculate_output="0.5 * a + 0.5 * b")
    job = mode.call(client.tune(TASKS, MODEL, validation=TASKS, method=ReinforcementMethod(grader=grader)))
    assert job.method["reinforcement"]["grader"]["graders"].keys() == {"a", "b"}
