"""Exports of Slack: a directory or zip of channels, with a file of messages for each day."""

from __future__ import annotations

import html
import re
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

import orjson

from finetune_kit.datasets.sources.formats import FileFormat
from finetune_kit.datasets.sources.found import Found, Lost, UnusableError
from finetune_kit.datasets.sources.speakers import Speakers, conversation
from finetune_kit.datasets.sources.texts import read_bytes
from finetune_kit.errors import DatasetError, FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from finetune_kit.datasets.sources.found import Options

__all__ = ["Slack", "is_slack_export"]

_LISTS: Final = frozenset({"users.json", "channels.json", "groups.json", "dms.json", "mpims.json"})
_LISTS_OF_NO_USE: Final = frozenset({"integration_logs.json", "canvases.json", "lists.json", "file_conversations.json"})
_MENTION: Final = re.compile(r"<([@#!])([^>|]+)(?:\|([^>]*))?>|<([^>|\s]+)(?:\|([^>]*))?>")
# Of the subtypes of messages, those in which somebody says something.
_SAID: Final = (None, "bot_message", "thread_broadcast", "file_share", "me_message")
_SECONDS_A_MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class Slack(FileFormat):
    """An export of Slack: each thread is a conversation.

    The assistant is who `assistant` names, by id or any of the names of the profile;
    without it, the bots.
    """

    suffixes = (".json",)
    takes = frozenset({"assistant", "roles"})
    gap_minutes: float | None = None
    """Messages in no thread that follow each other within this time are a conversation; None leaves them out."""

    def read_file(self, path: Path, options: Options) -> Iterator[Found | Lost]:
        """Yield the threads of an export as a zip file, or of one file of messages."""
        if path.suffix.lower() == ".zip":
            return (found for _, files in _zipped(path) for found in self._threads(files, path.name, options))
        return self._threads({path.name: read_bytes(path)}, str(path), options)

    def read_files(self, path: Path, options: Options) -> Iterator[tuple[Path, Iterator[Found | Lost]]]:
        """Yield the threads of each channel of an export."""
        if not path.is_dir():
            yield path, self.read_file(path, options)
            return
        users = _users({file.name: read_bytes(file) for file in path.glob("users.json")}, str(path))
        folders = [folder for folder in sorted(path.iterdir()) if folder.is_dir() and any(folder.glob("*.json"))]
        if not folders:
            raise DatasetError(f"{str(path)!r} has no channels: an export of Slack has a directory for each")
        for folder in folders:
            files = {file.name: read_bytes(file) for file in sorted(folder.glob("*.json"))}
            yield folder, self._channel(files, folder.name, users, options)

    def _threads(self, files: Mapping[str, bytes], name: str, options: Options) -> Iterator[Found | Lost]:
        users = _users(files, name)
        channels: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
        for file, raw in files.items():
            place = PurePosixPath(file)
            if place.name not in _LISTS | _LISTS_OF_NO_USE:
                channels[place.parent.name][place.name] = raw
        for channel, days in channels.items():
            yield from self._channel(days, channel, users, options)

    def _channel(
        self, days: Mapping[str, bytes], channel: str, users: _Users, options: Options
    ) -> Iterator[Found | Lost]:
        messages: list[_Said] = []
        for number, (day, raw) in enumerate(sorted(days.items()), 1):
            value = _json(raw)
            if not isinstance(value, list):
                yield Lost(number, f"the file {day!r} is no JSON array of messages", "export the channel again")
                continue
            messages += [said for item in value if (said := _said(item, users)) is not None]
        threads, alone = _threads(messages, self.gap_minutes)
        speakers = _speakers(users, options)
        for number, thread in enumerate(threads, 1):
            yield _found(thread, number, channel, speakers)
        if alone:
            remedy = "nothing needed, or join them by time: format=Slack(gap_minutes=10)"
            yield Lost(len(threads) + 1, f"{alone} messages stand in no thread", remedy)


@dataclass(frozen=True, slots=True)
class _Said:
    speaker: str
    text: str
    seconds: float
    thread: str | None


@dataclass(frozen=True, slots=True)
class _Users:
    """The names that each user goes by, and the ids of the bots."""

    names: dict[str, list[str]] = field(default_factory=dict)
    bots: set[str] = field(default_factory=set)


def is_slack_export(path: Path) -> bool:
    """Tell whether a directory or zip file is an export of Slack."""
    if path.is_dir():
        return (path / "users.json").is_file() and any(path.glob("*/*.json"))
    try:
        with zipfile.ZipFile(path) as archive:
            return any(PurePosixPath(name).name == "users.json" for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _zipped(path: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(name for name in archive.namelist() if name.endswith(".json"))
            yield path.name, {name: archive.read(name) for name in names}
    except (OSError, zipfile.BadZipFile, zipfile.LargeZipFile, RuntimeError, EOFError) as error:
        remedy = "export it again, or unpack it and read the directory"
        raise DatasetError(f"cannot read {str(path)!r} as zip: {type(error).__name__}. Remedy: {remedy}") from error


def _users(files: Mapping[str, bytes], name: str) -> _Users:
    raw = next((raw for file, raw in files.items() if PurePosixPath(file).name == "users.json"), b"[]")
    listed = _json(raw)
    if not isinstance(listed, list):
        raise FormatError("users.json is no JSON array", path=name, remedy="export it again")
    users = _Users()
    for user in listed:
        if isinstance(user, dict) and isinstance(user.get("id"), str):
            profile = user["profile"] if isinstance(user.get("profile"), dict) else {}
            names = (user.get("name"), user.get("real_name"), profile.get("display_name"), profile.get("real_name"))
            users.names[user["id"]] = [known for known in names if isinstance(known, str) and known]
            if user.get("is_bot"):
                users.bots.add(user["id"])
    return users


def _said(item: Any, users: _Users) -> _Said | None:
    """Return what a message says; None for notices such as joins."""
    if not isinstance(item, dict) or item.get("type", "message") != "message" or item.get("subtype") not in _SAID:
        return None
    text = item.get("text")
    speaker = item.get("user") or item.get("bot_id") or item.get("username")
    if not isinstance(text, str) or not isinstance(speaker, str):
        return None
    if item.get("bot_id") or item.get("subtype") == "bot_message":
        users.bots.add(speaker)
        users.names.setdefault(speaker, []).extend(_texts(item.get("username"), item.get("bot_id")))
    thread = item.get("thread_ts")
    return _Said(speaker, _readable(text, users), _seconds(item.get("ts")), thread if isinstance(thread, str) else None)


def _texts(*values: object) -> list[str]:
    return [value for value in values if isinstance(value, str)]


def _threads(messages: Iterable[_Said], gap_minutes: float | None) -> tuple[list[list[_Said]], int]:
    """Return the conversations in the order of their beginnings, and how many messages are in none."""
    ordered = sorted(messages, key=lambda said: said.seconds)
    threads: defaultdict[str, list[_Said]] = defaultdict(list)
    alone = 0
    last = "", float("-inf")
    for said in ordered:
        if said.thread is not None:
            threads[said.thread].append(said)
        elif gap_minutes is None:
            alone += 1
        else:
            is_near = said.seconds - last[1] <= gap_minutes * _SECONDS_A_MINUTE
            last = last[0] if is_near else f"alone {said.seconds}", said.seconds
            threads[last[0]].append(said)
    return list(threads.values()), alone


def _found(thread: list[_Said], number: int, channel: str, speakers: Speakers) -> Found | Lost:
    extra = {"channel": channel, "thread": thread[0].thread or str(thread[0].seconds), "time": thread[0].seconds}
    try:
        return conversation(speakers.turns([(said.speaker, said.text) for said in thread]), number, extra)
    except UnusableError as error:
        return Lost(number, f"thread {number} of the channel: {error.reason}", error.remedy)


def _speakers(users: _Users, options: Options) -> Speakers:
    """Return who is who by id: names of the options stand for the users that go by them."""
    named = Speakers.of(options)
    if not options.assistants and not options.roles:
        return Speakers({bot.casefold(): "assistant" for bot in users.bots}, "user")
    known = dict(named.roles)
    for user, names in users.names.items():
        role = next((known[name.casefold()] for name in (user, *names) if name.casefold() in known), None)
        if role is not None:
            known[user.casefold()] = role
    return Speakers(known, named.others)


def _readable(text: str, users: _Users) -> str:
    """Return the text with names for ids, links as people read them, and characters for their escapes."""

    def shown(match: re.Match[str]) -> str:
        mark, target, label, link, title = match.groups()
        if mark == "@":
            return f"@{label or next(iter(users.names.get(target, [])), target)}"
        if mark:
            return f"{'#' if mark == '#' else '@'}{label or target.partition('^')[0]}"
        return f"{title} ({link})" if title and title != link else str(link)

    return html.unescape(_MENTION.sub(shown, text))


def _seconds(stamp: object) -> float:
    try:
        return float(stamp) if isinstance(stamp, str | int | float) else 0.0
    except ValueError:
        return 0.0


def _json(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
