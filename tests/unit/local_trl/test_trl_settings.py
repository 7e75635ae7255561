from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_kit.local.engines.trl_settings import base_learning_rate, micro_batch_size, resolved
from finetune_kit.types.methods import SupervisedMethod


def steps(examples: int) -> int:
    chosen = resolved(SupervisedMethod(), examples)
    return math.ceil(examples / chosen.batch_size) * chosen.n_epochs


@pytest.mark.parametrize("examples", [10, 15, 30, 50, 100, 200])
def test_a_small_file_is_repeated_until_the_model_has_learnt(examples):
    assert 100 <= steps(examples) <= 216


def test_about_300_examples_are_read_once_in_batches_of_2():
    chosen = resolved(SupervisedMethod(), 300)
    assert (chosen.n_epochs, chosen.batch_size, chosen.learning_rate_multiplier) == (1, 2, 1.0)


@given(st.integers(10, 100_000))
def test_steps_never_grow_faster_than_the_file(examples):
    assert steps(examples) <= max(216, math.ceil(examples / 2))


def test_chosen_hyperparameters_are_kept_exactly():
    method = SupervisedMethod(n_epochs=7, batch_size=3, learning_rate_multiplier=0.5)
    assert resolved(method, 1000).as_dict() == {"n_epochs": 7, "batch_size": 3, "learning_rate_multiplier": 0.5}


def test_many_steps_are_taken_at_a_lower_rate():
    assert resolved(SupervisedMethod(n_epochs=10), 400).learning_rate_multiplier < 0.5


def test_wider_models_learn_at_lower_rates():
    assert base_learning_rate(576) > base_learning_rate(2048) > base_learning_rate(8192) >= 1e-4


@given(st.integers(1, 256), st.integers(1, 8192))
def test_a_micro_batch_divides_the_batch_and_fits_memory(batch_size, longest):
    size = micro_batch_size(batch_size, longest, most_tokens=2048)
    assert batch_size % size == 0
    assert size == 1 or size * longest <= 2048
