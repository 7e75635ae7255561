"""Exports of help desks: tickets with their comments, as of Zendesk and Freshdesk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from finetune_kit.datasets.sources.formats import RecordFormat
from finetune_kit.datasets.sources.found import Found, Lost, Options, UnusableError
from finetune_kit.datasets.sources.markup import plain_text
from finetune_kit.datasets.sources.speakers import Speakers, conversation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from finetune_kit.datasets.sources.formats import Yielded
    from finetune_kit.datasets.tables import Table

__all__ = ["Tickets", "is_ticket"]

_COMMENTS: Final = ("comments", "conversations", "replies")
_PLAIN: Final = ("plain_body", "body_text", "body")
_MARKED_UP: Final = ("html_body", "body_html")
_BESIDE: Final = ("id", "subject", "status", "priority", "tags", "created_at", "updated_at", "requester_id", "group_id",
                  "brand_id", "organization_id", "type", "satisfaction_rating", "assignee_id")  # fmt: skip
_Turn = tuple[str, str]
_PRIVATE: Final = "private notes left out"
_ROLES: Final = {"end-user": "user", "agent": "assistant", "admin": "assistant"}


class Tickets(RecordFormat):
    """Tickets of a help desk: who asked is the user, whoever answers in public is the assistant.

    Private notes never become part of an example; the history counts the tickets that had
    some. Roles of `users`, where the export lists them, tell agents from customers.
    """

    takes = frozenset({"assistant", "roles"})

    def read_table(self, table: Table, options: Options) -> Yielded:
        """Yield what each ticket gives."""
        users = table.around.get("users")
        listed = users if isinstance(users, list) else []
        known = {str(user["id"]): user for user in listed if isinstance(user, Mapping) and "id" in user}
        for line, ticket in table.numbered():
            try:
                yield _found(ticket, line, known, options)
            except UnusableError as error:
                yield Lost(line, error.reason, error.remedy)
        yield from table.lost

    def convert(self, record: Mapping[str, Any], line: int, options: Options) -> Iterator[Found]:
        """Yield the chat of one ticket."""
        yield _found(record, line, {}, options)


def is_ticket(record: Mapping[str, Any]) -> bool:
    """Tell whether a record is a ticket beyond doubt."""
    comments = next((record[name] for name in _COMMENTS if isinstance(record.get(name), list)), None)
    if not comments or not all(isinstance(comment, Mapping) for comment in comments):
        return False
    return any({"author_id", "public", "incoming", "private"} & comment.keys() for comment in comments)


def _found(ticket: Mapping[str, Any], line: int, users: Mapping[Any, Any], options: Options) -> Found:
    if isinstance(ticket.get("ticket"), Mapping):
        ticket = {**ticket, **ticket["ticket"]}
    name = next((name for name in _COMMENTS if isinstance(ticket.get(name), list)), None)
    if name is None:
        raise UnusableError("the ticket has no comments", "export tickets with their comments")
    comments = [comment for comment in ticket[name] if isinstance(comment, Mapping)]
    public = [comment for comment in comments if _is_public(comment)]
    requester = ticket.get("requester_id", public[0].get("author_id", public[0].get("user_id")) if public else None)
    turns = [(_role(comment, requester, users, options), _text(comment)) for comment in public]
    extra = {key: ticket[key] for key in _BESIDE if ticket.get(key) is not None}
    first = _description(ticket, comments, is_among=name == "comments" and ("user" in dict(turns) or not public))
    found = conversation([*first, *((role, text) for role, text in turns if role is not None)], line, extra)
    return found if len(public) == len(comments) else found._replace(notes=(*found.notes, _PRIVATE))


def _is_public(comment: Mapping[str, Any]) -> bool:
    return comment.get("public", True) is not False and comment.get("private") is not True


def _role(comment: Mapping[str, Any], requester: object, users: Mapping[Any, Any], options: Options) -> str | None:
    author = comment.get("author_id", comment.get("user_id"))
    user = comment["author"] if isinstance(comment.get("author"), Mapping) else users.get(str(author), {})
    names = [str(name) for name in (author, user.get("name"), user.get("email")) if name is not None]
    if options.roles or options.assistants:
        speakers = Speakers.of(options)
        return speakers.role(next((name for name in names if speakers.knows(name)), names[0] if names else ""))
    if isinstance(comment.get("incoming"), bool):
        return "user" if comment["incoming"] else "assistant"
    if str(user.get("role")) in _ROLES:
        return _ROLES[user["role"]]
    return "user" if author == requester else "assistant"


def _text(comment: Mapping[str, Any]) -> str:
    for key in (*_PLAIN, *_MARKED_UP):
        if isinstance(comment.get(key), str):
            return plain_text(comment[key]) if key in _MARKED_UP else str(comment[key])
    return ""


def _description(ticket: Mapping[str, Any], comments: list[Mapping[str, Any]], *, is_among: bool) -> list[_Turn]:
    """Return the first question where no comment holds it: Freshdesk keeps it apart, Zendesk copies the first comment.

    The copy of a first comment that is private must not come back through the description.
    """
    said = ticket.get("description_text", ticket.get("description"))
    if is_among or not isinstance(said, str) or not said.strip():
        return []
    plain = plain_text(said) if said.lstrip().startswith("<") else said
    is_told = any(_text(comment).split() == plain.split() for comment in comments)
    return [] if is_told else [("user", plain)]
