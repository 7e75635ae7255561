from __future__ import annotations

import errno

import pytest

pytest.importorskip("torch", reason="needs the extra 'local'")

from finetune_kit.local.engines.base import ServedModel, TrainingFailed, TrainingRun
from finetune_kit.local.engines.trl_reasons import loading, out_of_resources
from finetune_kit.types.methods import SupervisedMethod


@pytest.fixture
def run(tmp_path) -> TrainingRun:
    model = ServedModel("smollm2-135m-instruct", "smollm2-135m-instruct")
    return TrainingRun("job", model, SupervisedMethod(), tmp_path / "train.jsonl", None, tmp_path, seed=0)


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes")]
)
def test_running_out_of_memory_names_what_to_make_smaller(run, error):
    with pytest.raises(TrainingFailed, match="smaller batch_size") as caught, out_of_resources(run):
        raise error
    assert caught.value.code == "out_of_memory"


def test_a_full_disk_names_the_directory(run):
    with pytest.raises(TrainingFailed, match="disk is full") as caught, out_of_resources(run):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert str(run.directory) in str(caught.value)


def test_any_other_error_stays_what_it_is(run):
    with pytest.raises(RuntimeError, match="shapes"), out_of_resources(run):
        raise RuntimeError("shapes do not match")


def test_a_model_that_cannot_be_loaded_is_named(run):
    with pytest.raises(TrainingFailed, match=r"'smollm2.*' cannot be loaded: OSError: gone") as caught, loading(run):
        raise OSError("gone")
    assert caught.value.param == "model"
