"""Tickets of help desks."""

from __future__ import annotations

import json

import pytest

from finetune_kit.datasets import Dataset

TICKET = {
    "id": 35,
    "subject": "Order",
    "requester_id": 1,
    "description": "Where is it?",
    "tags": ["order"],
    "comments": [
        {"id": 1, "author_id": 1, "body": "Where is it?", "public": True},
        {"id": 2, "author_id": 2, "body": "Customer is angry again", "public": False},
        {
            "id": 3,
            "author_id": 2,
            "html_body": "<p>On its way.</p><blockquote>Where is it?</blockquote>",
            "public": True,
        },
    ],
}
FRESH = {
    "id": 7,
    "description_text": "Where is it?",
    "conversations": [
        {"body_text": "Angry one", "incoming": False, "private": True, "user_id": 9},
        {"body_text": "On its way.", "incoming": False, "private": False, "user_id": 9},
    ],
}


@pytest.mark.parametrize("ticket", [TICKET, FRESH], ids=["zendesk", "freshdesk"])
def test_public_comments_become_a_chat(ticket):
    data = Dataset.read([ticket])
    assert [(message.role, message.text) for message in data[0].messages] == [
        ("user", "Where is it?"),
        ("assistant", "On its way."),
    ]


@pytest.mark.parametrize("ticket", [TICKET, FRESH], ids=["zendesk", "freshdesk"])
def test_private_notes_are_left_out_and_counted(ticket):
    data = Dataset.read([ticket])
    assert b"ngry" not in next(data.lines())
    assert "reading: private notes left out: 1 rows" in data.history


def test_a_private_first_comment_does_not_come_back_as_the_description():
    note = {"id": 0, "author_id": 2, "body": "Called us,  angry", "public": False}
    ticket = {**TICKET, "description": "Called us, angry", "comments": [note, *TICKET["comments"][1:]]}
    data = Dataset.read([TICKET, ticket])
    assert len(data.skipped) == 1
    assert not any(b"angry" in line for line in data.lines())


def test_users_of_the_export_tell_agents_from_customers(put):
    users = [{"id": 1, "role": "end-user"}, {"id": 2, "role": "agent"}, {"id": 3, "role": "end-user"}]
    comments = [*TICKET["comments"][:2], {"author_id": 3, "body": "Mine, too", "public": True}, TICKET["comments"][2]]
    path = put("export.json", json.dumps({"tickets": [{**TICKET, "comments": comments}], "users": users}))
    assert Dataset.read(path)[0].messages[0].text == "Where is it?\nMine, too"


def test_the_ticket_is_kept_beside_the_row(put, beside):
    data = Dataset.read(put("tickets.jsonl", [TICKET]))
    assert beside(data, 0) == {"id": 35, "subject": "Order", "tags": ["order"], "requester_id": 1}


def test_a_ticket_that_nobody_answered_is_told():
    data = Dataset.read([TICKET, {**TICKET, "comments": TICKET["comments"][:2]}])
    assert data.skipped[0].place.line == 2
