"""Plain transcripts."""

from __future__ import annotations

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.errors import ConfigurationError, FormatError

TWO = """Customer: Where is my order?
Agent: May I have its number?
Customer: 4711
Agent: It arrives tomorrow.

Customer: Do you ship to Norway?
Agent: We do.
"""


def said(data: Dataset) -> list[list[tuple[str, str]]]:
    return [[(message.role, message.text) for message in example.messages] for example in data]


def test_blocks_between_blank_lines_are_conversations(put):
    data = Dataset.read(put("chats.txt", TWO))
    assert said(data)[1] == [("user", "Do you ship to Norway?"), ("assistant", "We do.")]
    assert [data._rows.place(n)[1] for n in range(2)] == [1, 6]


def test_blank_lines_between_turns_divide_nothing(put):
    data = Dataset.read(put("chat.txt", "\n\n".join(TWO.splitlines()[:4])), format="transcript")
    assert [len(example.messages) for example in data] == [4]


def test_two_blank_lines_divide_where_one_stands_between_turns(put):
    data = Dataset.read(put("chats.txt", TWO.replace("\n", "\n\n")), format="transcript")
    assert [len(example.messages) for example in data] == [4, 2]


@pytest.mark.parametrize("rule", ["---", "=====", "Conversation 2", "## Chat #17", "=== Transcript 3 ==="])
def test_a_rule_or_a_title_divides_conversations(put, rule):
    text = f"User: a\nBot: b\n{rule}\nUser: c\n\nBot: d\n"
    assert said(Dataset.read(put("chats.txt", text), format="transcript")) == [
        [("user", "a"), ("assistant", "b")],
        [("user", "c"), ("assistant", "d")],
    ]


def test_the_title_of_a_conversation_is_kept_beside_it(put, beside):
    text = "Conversation 12\nUser: a\nBot: b\nConversation 17\nUser: c\nBot: d\n"
    data = Dataset.read(put("chats.txt", text), format="transcript")
    assert beside(data, 1) == {"file": "chats.txt", "conversation": "17"}


@pytest.mark.parametrize(
    "turn",
    [
        "[12:01] {}: {}",
        "12:01:33 {}: {}",
        "2024-01-05 12:01 - {}: {}",
        "[05.01.24, 12:01:33] {}: {}",
        "1/5/24, 9:41 PM - {}: {}",
        "2024-01-05T12:01:33Z {}: {}",
        "{} (12:01): {}",
        "{} [00:12:01]: {}",
        "**{}:** {}",
        "**{}**: {}",
        "- {}: {}",
    ],
)
def test_times_and_marks_around_a_speaker_are_left_out(put, turn):
    text = "\n".join(turn.format(*pair) for pair in (("Customer", "Hi: there"), ("Agent", "At 12:30: noon")))
    data = Dataset.read(put("chat.txt", text), format="transcript")
    assert said(data) == [[("user", "Hi: there"), ("assistant", "At 12:30: noon")]]


def test_lines_without_a_speaker_go_on_with_the_turn(put):
    text = "Customer: Two things.\nFirst: the price.\n\nSecond, see https://a.example/b\nAgent: Fine:\n\n- one\n- two\n"
    data = Dataset.read(put("chat.txt", text), roles={"Customer": "user", "Agent": "assistant"}, format="transcript")
    assert said(data)[0][0][1] == "Two things.\nFirst: the price.\n\nSecond, see https://a.example/b"
    assert said(data)[0][1][1] == "Fine:\n\n- one\n- two"


def test_a_speaker_may_stand_on_a_line_alone(put):
    data = Dataset.read(put("chat.txt", "Customer:\nHello\nAgent:\nHi\nthere\n"), format="transcript")
    assert said(data) == [[("user", "Hello"), ("assistant", "Hi\nthere")]]


def test_who_is_not_the_assistant_is_a_user(put):
    text = "Anna: Hi\nMaria Lopez: Hello\nAnna: Bye\nMaria Lopez: See you\n"
    data = Dataset.read(put("chat.txt", text), assistant="maria lopez")
    assert [role for role, _ in said(data)[0]] == ["user", "assistant", "user", "assistant"]


def test_turns_of_one_role_that_follow_each_other_are_joined(put):
    text = "Agent: Hello\nCustomer: Hi\nCustomer: Me again\nSupervisor: Ok\nAgent: Sure\n"
    data = Dataset.read(put("chat.txt", text), assistant=["Agent", "Supervisor"], format="transcript")
    assert said(data) == [[("assistant", "Hello"), ("user", "Hi\nMe again"), ("assistant", "Ok\nSure")]]


def test_a_speaker_without_a_role_to_play_is_left_out(put):
    text = "Customer: Hi\nMonitor: queue is long\nAgent: Hello\n"
    roles = {"Customer": "user", "Agent": "assistant", "Monitor": None}
    assert said(Dataset.read(put("chat.txt", text), roles=roles, format="transcript")) == [
        [("user", "Hi"), ("assistant", "Hello")]
    ]


def test_turns_after_the_last_answer_are_left_out_and_counted(put):
    data = Dataset.read(put("chat.txt", TWO + "Customer: Thanks!\n"))
    assert said(data)[1][-1][0] == "assistant"
    assert "reading: turns after the last answer left out: 1 rows" in data.history


def test_a_conversation_without_an_answer_is_told(put):
    data = Dataset.read(put("chats.txt", TWO + "---\n" + "Customer: Anybody there?\n"), format="transcript")
    assert [(skip.place.line, skip.reason) for skip in data.skipped] == [(9, "no turn is the assistant's")]
    assert "Anybody" not in str(data.skipped)


def test_speakers_that_nobody_knows_are_asked_for(put):
    with pytest.raises(FormatError, match="roles="):
        Dataset.read(put("chat.txt", "Anna: Hi\nBen: Hello\nAnna: Bye\nBen: Bye\n"), format="transcript")


def test_prose_is_not_taken_for_a_transcript(put):
    with pytest.raises(ConfigurationError, match=r"format='transcript', format='document', format='style'"):
        Dataset.read(put("a.txt", "It was late.\nHe said: nothing.\nNote: it rained.\n"))


def test_a_line_that_is_not_utf8_costs_its_conversation_only(put):
    text = TWO.encode().replace(b"Norway", b"Troms\xf8")
    data = Dataset.read(put("chats.txt", text))
    assert len(data) == 1
    assert "line 6 has the byte 0xF8, not UTF-8" in data.skipped[0].reason


def test_a_system_prompt_is_put_before_each(put):
    data = Dataset.read(put("chats.txt", TWO), system="You answer for chat {conversation}.")
    assert said(data)[1][0] == ("system", "You answer for chat 2.")


def test_all_transcripts_of_a_directory_are_read(put, beside):
    put("chats/b.txt", TWO)
    path = put("chats/a.txt", "User: a\nBot: b\n").parent
    data = Dataset.read(path, format="transcript")
    assert [beside(data, n)["file"] for n in range(3)] == ["a.txt", "b.txt", "b.txt"]


def test_an_unknown_role_is_refused(put):
    with pytest.raises(ConfigurationError, match="unknown role 'boss'"):
        Dataset.read(put("chat.txt", TWO), roles={"Agent": "boss"}, format="transcript")


def test_numbered_speakers_are_known_by_their_names(put):
    data = Dataset.read(put("chat.txt", "Customer #2: Hi\nAgent 1: Hello\n"))
    assert said(data) == [[("user", "Hi"), ("assistant", "Hello")]]


def test_an_export_of_a_messenger_is_read(put):
    text = "1/5/24, 9:40 PM - Chats are private.\n1/5/24, 9:41 PM - Anna: Hi\nthere\n1/5/24, 9:42 PM - Shop: Hello\n"
    data = Dataset.read(put("chat.txt", text), assistant="Shop")
    assert said(data) == [[("user", "Hi\nthere"), ("assistant", "Hello")]]
    assert "reading: text before the first speaker left out: 1 rows" in data.history


def test_a_line_with_a_time_and_no_speaker_is_no_part_of_an_answer(put):
    text = "1/5/24, 9:41 PM - Anna: Hi\n1/5/24, 9:42 PM - Shop: Hello\nthere\n1/5/24, 9:43 PM - Anna left\n"
    data = Dataset.read(put("chat.txt", text), assistant="Shop")
    assert said(data) == [[("user", "Hi"), ("assistant", "Hello\nthere")]]
    assert "reading: lines with a time and no speaker left out: 1 rows" in data.history


def test_a_turn_goes_on_with_a_line_that_begins_with_a_bare_time(put):
    text = "9:41 Anna: Hi\n9:42 Shop: We open at\n10:30 or so\n"
    data = Dataset.read(put("chat.txt", text), assistant="Shop")
    assert said(data) == [[("user", "Hi"), ("assistant", "We open at\n10:30 or so")]]


@pytest.mark.parametrize(("asks", "answers"), [("用户", "客服"), ("العميل", "الموظف"), ("לקוח", "נציג")])
@pytest.mark.parametrize("colon", [": ", "\uff1a"])
def test_speakers_of_scripts_without_capitals_are_known(put, asks, answers, colon):
    text = f"{asks}{colon}1\n{answers}{colon}2\n{asks}{colon}3\n{answers}{colon}4\n"
    data = Dataset.read(put("chat.txt", text), assistant=answers)
    assert said(data) == [[("user", "1"), ("assistant", "2"), ("user", "3"), ("assistant", "4")]]


def test_names_with_a_comma_or_brackets_speak_where_turns_have_times(put):
    text = "2024-03-01 10:00 - Berg, Anna: Hi\n2024-03-01 10:01 - Bob (Support): Hello\n"
    data = Dataset.read(put("chat.txt", text), assistant="Bob (Support)")
    assert said(data) == [[("user", "Hi"), ("assistant", "Hello")]]
