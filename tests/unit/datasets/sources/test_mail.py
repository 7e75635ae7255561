"""Mailboxes and messages."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.errors import ConfigurationError

ASKED = b"""Message-ID: <1@a.example>
From: Anna <anna@a.example>
To: help@shop.example
Subject: =?utf-8?q?Where_is_my_caf=C3=A9_order=3F?=
Date: Mon, 3 Jun 2024 10:12:00 +0200
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Hello,
where is my caf=E9 order?
>From what I see, it is late.

--=20
Anna
Sent from a train
"""

ANSWERED = b"""Message-ID: <2@shop.example>
In-Reply-To: <1@a.example>
References: <1@a.example>
From: "Help" <sam@shop.example>
Date: Mon, 3 Jun 2024 11:00:00 +0200

It left today.

On Mon, 3 Jun 2024 at 10:12, Anna <anna@a.example>
wrote:
> Hello,
> where is it?
"""

THANKED = b"""Message-ID: <3@a.example>
References: <1@a.example> <2@shop.example>
From: anna@a.example
Date: Mon, 3 Jun 2024 12:00:00 +0200

Thanks!
"""


def box(*messages: bytes) -> bytes:
    return b"".join(b"From somebody Mon Jun  3 10:12:00 2024\n" + message + b"\n" for message in messages)


def letter(text: str, **headers: str) -> bytes:
    message = EmailMessage()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


def test_a_thread_of_a_mailbox_is_a_conversation(put):
    data = Dataset.read(put("a.mbox", box(THANKED, ANSWERED, ASKED)), assistant="shop.example")
    assert [(message.role, message.text) for message in data[0].messages] == [
        ("user", "Hello,\nwhere is my café order?\nFrom what I see, it is late."),
        ("assistant", "It left today."),
    ]


def test_subject_thread_and_date_are_kept_beside_the_row(put, beside):
    data = Dataset.read(put("a.mbox", box(ASKED, ANSWERED)), assistant="@shop.example", system="About: {subject}")
    assert beside(data, 0) == {
        "file": "a.mbox",
        "thread": "<1@a.example>",
        "subject": "Where is my café order?",
        "date": "2024-06-03T10:12:00+02:00",
    }
    assert data[0].messages[0].text == "About: Where is my café order?"


def test_messages_are_threaded_through_one_that_is_missing(put):
    last = THANKED.replace(b"anna@a.example\n", b"sam@shop.example\n")
    data = Dataset.read(put("a.mbox", box(ASKED, last)), assistant="shop.example")
    assert len(data) == 1


def test_messages_of_a_directory_answer_each_other(put):
    put("mail/1.eml", ASKED)
    data = Dataset.read(put("mail/2.eml", ANSWERED).parent, assistant="sam@shop.example", format="mail")
    assert [message.role for message in data[0].messages] == ["user", "assistant"]


def test_a_message_in_two_folders_is_taken_once(put):
    data = Dataset.read(put("a.mbox", box(ASKED, ANSWERED, ANSWERED)), assistant="shop.example")
    assert data[0].messages[1].text == "It left today."
    assert "stands already on line" in data.skipped[0].reason


def test_html_is_read_where_there_is_no_plain_text(put):
    message = EmailMessage()
    message["From"] = "sam@shop.example"
    message["In-Reply-To"] = "<1@a.example>"
    message.set_content("<p>It <b>left</b> today.</p><style>p {}</style><blockquote>Hello</blockquote>", subtype="html")
    data = Dataset.read(put("a.mbox", box(ASKED, message.as_bytes())), assistant="shop.example")
    assert data[0].messages[1].text == "It left today."


def test_attachments_are_left_out_and_counted(put):
    message = EmailMessage()
    message["From"] = "sam@shop.example"
    message["In-Reply-To"] = "<1@a.example>"
    message.set_content("See the label.")
    message.add_attachment(b"secret", maintype="application", subtype="pdf", filename="label.pdf")
    data = Dataset.read(put("a.mbox", box(ASKED, message.as_bytes())), assistant="shop.example")
    assert data[0].messages[1].text == "See the label."
    assert "reading: attachments left out: 1 rows" in data.history


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Yes.\n\n-----Original Message-----\nFrom: a\nHello", "Yes."),
        ("Yes.\n\nFrom: Anna\nSent: Monday\nTo: Sam\n\nHello", "Yes."),
        ("Ja.\n\nAm Mo., 3. Juni 2024 um 10:12 schrieb Anna <a@a.example>:\n\n> Hallo", "Ja."),
        ("Oui.\n\nLe lun. 3 juin 2024 à 10:12, Anna <a@a.example> a écrit :\n> Bonjour", "Oui."),
        ("On 3 Jun 2024, Anna wrote:\n> When?\nToday.\n> Where?\nHere.", "Today.\nHere."),
        ("Yes.\n\nSent from my phone", "Yes."),
        ("On Monday we met.\nShe wrote: nothing.", "On Monday we met.\nShe wrote: nothing."),
        ("From: Oslo\nwith love", "From: Oslo\nwith love"),
        ("One -- two\n\n--\nSam\nShop", "One -- two"),
    ],
)
def test_quotes_and_signatures_are_left_out_and_nothing_else(put, text, kept):
    answer = letter(text, From="sam@shop.example", Message_ID="<2@shop.example>", In_Reply_To="<1@a.example>")
    data = Dataset.read(put("a.mbox", box(ASKED, answer)), assistant="shop.example")
    assert data[0].messages[1].text == kept


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (ANSWERED.replace(b"It left today.", b"\xff"),
         "0xFF of the text is not utf-8"),
        (ANSWERED.replace(b"From:", b"Content-Type: text/plain; charset=klingon\nFrom:"), "encoding that is not known"),
        (ANSWERED.replace(b"It left today.\n", b""), "nothing of its own"),
        (ANSWERED.replace(b"From:", b"X-From:"), "no sender"),
    ],
)  # fmt: skip
def test_a_message_that_cannot_be_used_is_told_by_its_line(put, broken, reason):
    whole = letter("Yes", From="s@shop.example", Message_ID="<9@shop.example>", References="<1@a.example>")
    data = Dataset.read(put("a.mbox", box(ASKED, broken, whole)), assistant="shop.example")
    assert reason in data.skipped[0].reason
    assert data.skipped[0].place.line == 18


def test_a_thread_that_nobody_answered_is_told(put):
    alone = ASKED.replace(b"<1@", b"<7@")
    data = Dataset.read(put("a.mbox", box(ASKED, ANSWERED, alone)), assistant="shop.example")
    assert "a thread of 1 messages" in data.skipped[0].reason


def test_who_answers_must_be_named(put):
    with pytest.raises(ConfigurationError, match=r"assistant='support@example\.com'"):
        Dataset.read(put("a.mbox", box(ASKED)))
