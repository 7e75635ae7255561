from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

from finetune_kit.local.chat_format import load_chat_format  # noqa: E402 - both import torch
from finetune_kit.local.generation import Answer, Sampling, generate  # noqa: E402


class Spoken:
    """Collects what is said of some answers; each is one prompt and how to sample."""

    def __init__(self, model, chat_format):
        self.model = model
        self.chat_format = chat_format

    def say(self, *asked: tuple[str, Sampling], stream: bool = False, wanted=lambda: True):
        self.pieces = [[] for _ in asked]
        self.reasons = [None for _ in asked]
        self.answers = [
            Answer(self.prompt(question), sampling, stream, self._sender(index), wanted=wanted)
            for index, (question, sampling) in enumerate(asked)
        ]
        generate(self.model, self.answers, self.chat_format)
        return ["".join(pieces) for pieces in self.pieces]

    def prompt(self, question: str) -> list[int]:
        return self.chat_format.prompt([{"role": "user", "content": question}])

    def _sender(self, index: int):
        def send(answer, text, reason):
            self.pieces[index].append(text)
            self.reasons[index] = reason

        return send


@pytest.fixture
def spoken(tiny_model) -> Spoken:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32).eval()
    return Spoken(model, load_chat_format(tiny_model))


GREEDY = Sampling(max_tokens=12, temperature=0)


def test_an_answer_is_what_the_model_says_alone(spoken):
    prompt = torch.tensor([spoken.prompt("Where is it?")])
    whole = spoken.model.generate(prompt, max_new_tokens=12, do_sample=False, pad_token_id=0)
    expected = spoken.chat_format.tokenizer.decode(whole[0, prompt.shape[1] :], skip_special_tokens=True)
    assert spoken.say(("Where is it?", GREEDY)) == [expected]


def test_neighbours_in_a_batch_do_not_change_an_answer(spoken):
    questions = ["a", "Where is it?", "A question that is a good deal longer than the others", "??"]
    alone = [spoken.say((question, GREEDY))[0] for question in questions]
    assert spoken.say(*((question, GREEDY) for question in questions)) == alone


def test_a_neighbour_that_ends_early_does_not_change_an_answer(spoken):
    short, long = Sampling(max_tokens=2, temperature=0), Sampling(max_tokens=12, temperature=0)
    alone = spoken.say(("Where is it?", long))[0]
    assert spoken.say(("b", short), ("Where is it?", long), ("c", short))[1] == alone


def test_max_tokens_ends_an_answer_for_its_length(spoken):
    spoken.say(("a", Sampling(max_tokens=3, temperature=0)))
    assert (len(spoken.answers[0].tokens), spoken.reasons[0]) == (3, "length")


def test_a_stop_token_ends_an_answer_without_appearing(spoken):
    first = spoken.say(("a", GREEDY))[0]
    stop_id = spoken.answers[0].tokens[4]
    spoken.chat_format = type(spoken.chat_format)(spoken.chat_format.tokenizer, frozenset({stop_id}))
    assert first.startswith(spoken.say(("a", GREEDY))[0])
    assert spoken.reasons == ["stop"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_stop_string_cuts_the_answer_before_it(spoken, stream):
    whole = spoken.say(("a", GREEDY))[0]
    word = whole[3:5]
    cut = spoken.say(("a", Sampling(max_tokens=12, temperature=0, stop=(word,))), stream=stream)[0]
    assert cut == whole[: whole.index(word)]
    assert spoken.reasons == ["stop"]


def test_streamed_pieces_join_to_the_whole(spoken):
    whole = spoken.say(("a", GREEDY))[0]
    assert spoken.say(("a", GREEDY), stream=True) == [whole]
    assert len(spoken.pieces[0]) > 1


def test_no_piece_holds_half_a_character(spoken):
    spoken.say(("a", Sampling(max_tokens=40, temperature=0)), stream=True)
    assert all("\ufffd" not in piece for piece in spoken.pieces[0][:-1])


def test_the_same_seed_says_the_same_beside_any_neighbour(spoken):
    seeded = Sampling(max_tokens=12, temperature=1.0, seed=5)
    alone = spoken.say(("a", seeded))[0]
    assert spoken.say(("a", Sampling(max_tokens=12, seed=6)), ("a", seeded))[1] == alone


def test_another_seed_says_something_else(spoken):
    said = spoken.say(*(("a", Sampling(max_tokens=12, seed=seed)) for seed in (1, 2)))
    assert said[0] != said[1]


def test_a_tiny_top_p_is_greedy(spoken):
    assert spoken.say(("a", Sampling(max_tokens=12, top_p=1e-6))) == spoken.say(("a", GREEDY))


def test_an_answer_nobody_waits_for_is_given_up(spoken):
    spoken.say(("a", GREEDY), wanted=lambda: False)
    assert len(spoken.answers[0].tokens) == 1
