"""Taking rows out that are like others, with the trace that they leave."""

from __future__ import annotations

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.errors import ConfigurationError, FormatError

LONG = "The parcel that I ordered two weeks ago has not come, and nobody answers my letters or calls about it."
REPLY = "I am sorry to hear that. I have asked the carrier where it is, and will write to you by tomorrow evening."


@pytest.fixture
def read(rows):
    """Makes a dataset of questions and answers."""

    def make(*pairs: tuple[str, str]) -> Dataset:
        return Dataset.read([rows["supervised"](question, answer) for question, answer in pairs])

    return make


def lines(data: Dataset) -> list[int]:
    return [place.line for place in data.places()]


def test_exact_duplicates_go_whatever_the_spelling_of_their_json(save, rows):
    row = rows["supervised"]("Ä?")
    data = Dataset.read(save(row, str(row).replace("'", '"').encode(), rows["supervised"]("A?")))
    assert lines(data.deduplicate()) == [1, 3]


def test_a_broken_row_is_kept_by_the_exact_comparison(save, rows):
    data = Dataset.read(save(b"{", rows["supervised"](), b"{", b"{ "))
    assert lines(data.deduplicate()) == [1, 2, 4]


def test_a_broken_row_is_named_by_a_comparison_of_texts(save, rows):
    with pytest.raises(FormatError, match="line 2"):
        Dataset.read(save(rows["supervised"](), b"{")).deduplicate(by="normalised")


def test_normalised_duplicates_go_unless_their_answers_differ(read):
    data = read(("Where?", "a"), ("where", "A."), ("WHERE", "b"))
    assert lines(data.deduplicate(by="normalised")) == [1, 3]
    assert lines(data.deduplicate(by="normalised", of="input")) == [1]


def test_the_last_can_be_kept(read):
    assert lines(read(("a", "x"), ("b", "x"), ("a", "x")).deduplicate(keep="last")) == [2, 3]


def test_a_function_can_say_what_to_compare(read):
    data = read(("order 1", "x"), ("order 2", "y"))
    assert lines(data.deduplicate(of=lambda example: example.messages[0].text.rstrip("0123456789"))) == [1]


def test_what_went_and_which_row_it_is_like_is_told_without_its_text(read):
    data = read(("secret", "x"), ("b", "x"), ("Secret!", "x")).deduplicate(by="normalised")
    assert str(data.removed) == "line 3: like line 1 (1.00, deduplicate by=normalised of=row keep=first)"
    assert data.history[-1] == "deduplicate by=normalised of=row keep=first: 2 of 3 rows"
    assert repr(data.removed) == "Removals(1 rows)"


def test_what_went_is_remembered_by_what_is_made_of_the_dataset(read):
    data = read(("a", "x"), ("a", "x"), *((str(n), "x") for n in range(10))).deduplicate()
    train, test = data.split(test=2)
    assert [removed.place.line for removed in (train + test).removed] == [2]


def test_other_instructions_make_another_row(rows):
    made = []
    for language in ("French", "German", "German"):
        system = {"role": "system", "content": f"Translate to {language}."}
        made.append({"messages": [system, *rows["supervised"](LONG, "...")["messages"]]})
    data = Dataset.read(made)
    assert lines(data.deduplicate(by="normalised", of="input")) == [1, 2]
    pytest.importorskip("rensa", reason="needs the extra audit")
    assert lines(data.deduplicate(by="near", of="input")) == [1, 2]


def test_rows_that_ask_nothing_are_not_the_same_for_that(read):
    data = read((" ", "One voice."), ("", "Another voice."))
    assert len(data.deduplicate(by="normalised", of="input")) == 2


def test_preferences_are_compared_by_their_input(rows):
    other = {**rows["dpo"](), "preferred_output": [{"role": "assistant", "content": "Good morning!"}]}
    data = Dataset.read([rows["dpo"](), other])
    assert (len(data.deduplicate(by="normalised")), len(data.deduplicate(by="normalised", of="input"))) == (2, 1)


def test_items_for_graders_with_another_reference_are_other_rows(rows):
    data = Dataset.read([rows["reinforcement"](), {**rows["reinforcement"](), "reference_answer": "5"}])
    assert (len(data.deduplicate(by="normalised")), len(data.deduplicate(by="exact", of="input"))) == (2, 1)


@pytest.mark.parametrize("wrong", [{"by": "fuzzy"}, {"of": "answer"}, {"keep": "longest"}])
def test_an_unknown_word_is_refused(read, wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        read(("a", "x")).deduplicate(**wrong)


class TestNear:
    @pytest.fixture(autouse=True)
    def _needs_the_extra(self):
        pytest.importorskip("rensa", reason="needs the extra audit")
        pytest.importorskip("rapidfuzz", reason="needs the extra audit")

    def test_rows_go_that_ask_and_answer_nearly_the_same(self, read):
        data = read((LONG, REPLY), (LONG.replace("two", "three"), REPLY), (LONG, "Cancelled."))
        kept = data.deduplicate(by="near")
        assert lines(kept) == [1, 3]
        assert kept.removed[0].like.line == 1
        assert 0.7 < kept.removed[0].similarity < 1

    def test_a_long_answer_in_common_does_not_hide_another_question(self, read):
        assert len(read(("Where is it?", REPLY * 3), ("Is it lost?", REPLY * 3)).deduplicate(by="near")) == 2

    def test_a_long_document_in_common_does_not_hide_another_answer(self, read):
        questions = [f"{LONG * 4} What is {what}?" for what in ("late", "lost")]
        assert len(read((questions[0], "the parcel"), (questions[1], "nothing")).deduplicate(by="near")) == 2

    def test_a_chain_does_not_go_as_a_whole(self, read):
        words = LONG.split()
        chain = [" ".join([*words[:n], *(f"{word}{word}" for word in words[n:])]) for n in range(0, len(words), 2)]
        kept = read(*((text, REPLY) for text in chain)).deduplicate(by="near")
        assert 1 < len(kept) < len(chain)
        assert {removed.like.line for removed in kept.removed} <= set(lines(kept))

    def test_thresholds_decide(self, read):
        data = read((LONG, REPLY), (LONG.replace("two", "three"), REPLY))
        assert len(data.deduplicate(by="near", jaccard=0.95)) == 2


class TestRealData:
    @pytest.fixture
    def datasets(self, shared):
        return lambda name: [
            Dataset.read(shared / "data" / name / f"{part}.jsonl", user="text", assistant="label")
            for part in ("train", "test")
        ]

    @pytest.mark.parametrize(
        ("name", "repeated", "leaked"), [("banking77", 31, 16), ("clinc150", 28, 8), ("hwu64", 5, 0)]
    )
    def test_duplicates_and_leaks_are_as_many_as_were_counted(self, datasets, name, repeated, leaked):
        train, test = datasets(name)
        assert len(train.deduplicate(by="normalised", of="input").removed) == repeated
        assert len(train.contamination(test).test_examples) == leaked

    @pytest.mark.parametrize(("name", "contradictory"), [("banking77", 1), ("clinc150", 0), ("hwu64", 2)])
    def test_some_inputs_have_two_answers(self, datasets, name, contradictory):
        train, _ = datasets(name)
        by_row, by_input = (train.deduplicate(by="normalised", of=of) for of in ("row", "input"))
        assert len(by_row) - len(by_input) == contradictory


def test_rows_that_ask_nothing_are_the_same_only_where_they_answer_the_same(read):
    data = read(("", "a"), ("", "b"), ("", "a"))
    assert lines(data.deduplicate(of="input")) == [1, 2]
    assert lines(data.deduplicate(by="normalised", of="input")) == [1, 2]


def test_rows_without_messages_are_compared_by_all_they_say(save):
    pytest.importorskip("rensa", reason="the extra audit is not installed")
    data = Dataset.read(save({"text": LONG, "label": "late"}, {"text": REPLY, "label": "late"}, {"text": f"{LONG}!"}))
    assert lines(data.deduplicate(by="near")) == [1, 2]


def test_shuffled_rows_of_a_file_are_compared_as_those_in_order(save, rows):
    data = Dataset.read(save(*(rows["supervised"](f"question {n % 7}") for n in range(40))))
    assert len(data.shuffle(3).deduplicate()) == len(data.deduplicate()) == 7
