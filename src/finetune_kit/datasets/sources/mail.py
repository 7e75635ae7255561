"""E-mail: mailboxes and messages, a thread a conversation."""

from __future__ import annotations

import email
import re
import zlib
from dataclasses import dataclass, replace
from email.errors import MessageError
from email.policy import compat32
from email.utils import parseaddr
from typing import TYPE_CHECKING, Final

from finetune_kit.datasets.sources.formats import FileFormat
from finetune_kit.datasets.sources.found import Found, Lost, UnusableError
from finetune_kit.datasets.sources.mime import body_text, header, sent_at
from finetune_kit.datasets.sources.quotes import said_anew
from finetune_kit.datasets.sources.speakers import KNOWN_SPEAKERS, Speakers, conversation
from finetune_kit.datasets.sources.texts import read_bytes
from finetune_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from email.message import Message
    from pathlib import Path

    from finetune_kit.datasets.sources.found import Options

__all__ = ["Mail"]

_ID: Final = re.compile(r"<[^<>\s]+>")
_FROM: Final = b"From "
_ESCAPED_FROM: Final = re.compile(rb"^>(>*From )", re.MULTILINE)
_WHO: Final = "say who answers: assistant='support@example.com' or its domain, assistant='example.com'"
_ATTACHED: Final = "attachments left out"


@dataclass(frozen=True, slots=True)
class Mail(FileFormat):
    """Mailboxes (.mbox) and messages (.eml): each thread is a conversation, told by its headers.

    `assistant` is the address, or the domain, of those who answer. Quoted text,
    signatures after "-- " and attachments are left out.
    """

    suffixes = (".mbox", ".eml", ".mbx")
    takes = frozenset({"assistant", "roles"})

    def read_file(self, path: Path, options: Options) -> Iterator[Found | Lost]:
        """Yield the threads of a file."""
        yield from _found(_letters(path.suffix.lower(), read_bytes(path)), path.name, _speakers(options))

    def read_files(self, path: Path, options: Options) -> Iterator[tuple[Path, Iterator[Found | Lost]]]:
        """Yield the threads of a file, or of a directory whose messages may answer each other across files."""
        if not path.is_dir():
            yield path, self.read_file(path, options)
            return
        speakers = _speakers(options)
        names = [file for file in sorted(path.rglob("*")) if file.is_file() and _is_mail(path, file)]
        letters = (letter for file in names for letter in _letters(file.suffix.lower(), read_bytes(file)))
        yield path, _found(_renumbered(letters), path.name, speakers)


@dataclass(frozen=True, slots=True)
class _Letter:
    """A message: where it begins, whom it is from, what it says anew, and the ids that tie it to its thread."""

    line: int
    sender: str
    text: str
    subject: str
    seconds: float | None
    date: str
    ids: tuple[str, ...]
    is_attached: bool


def _speakers(options: Options) -> Speakers:
    speakers = Speakers.of(options)
    if speakers.roles is KNOWN_SPEAKERS:
        raise ConfigurationError(f"nobody is the assistant. Remedy: {_WHO}")
    return Speakers({name.removeprefix("@"): role for name, role in speakers.roles.items()}, speakers.others)


def _is_mail(folder: Path, file: Path) -> bool:
    # A Maildir keeps its messages in `cur` and `new`, under names without an ending.
    return file.suffix.lower() in Mail.suffixes or file.relative_to(folder).parent.name in ("cur", "new")


def _letters(suffix: str, raw: bytes) -> Iterator[_Letter | Lost]:
    is_box = suffix != ".eml" and raw.startswith(_FROM)
    for line, part in _divided(raw) if is_box else [(1, raw)]:
        try:
            yield _letter(part, line)
        except UnusableError as error:
            yield Lost(line, error.reason, error.remedy)


def _renumbered(letters: Iterable[_Letter | Lost]) -> Iterator[_Letter | Lost]:
    """Yield the messages of many files with their numbers for lines."""
    for number, letter in enumerate(letters, 1):
        if isinstance(letter, Lost):
            yield letter._replace(line=number)
        else:
            yield replace(letter, line=number)


def _divided(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the messages of a mailbox, each with its line: "From " at the start, or after a blank line, begins one."""
    start, line = 0, 1
    for match in re.finditer(rb"\n\r?\nFrom ", raw):
        end = match.end() - len(_FROM)
        yield line, _unescaped(raw[start:end])
        line += raw.count(b"\n", start, end)
        start = end
    yield line, _unescaped(raw[start:])


def _unescaped(part: bytes) -> bytes:
    return _ESCAPED_FROM.sub(rb"\1", part.partition(b"\n")[2])


def _letter(raw: bytes, line: int) -> _Letter:
    try:
        message = email.message_from_bytes(raw, policy=compat32)
        sender = parseaddr(header(message, "From"))[1].casefold()
        text, is_attached = body_text(message)
    except (MessageError, ValueError, LookupError, TypeError, AssertionError, RecursionError) as error:
        if isinstance(error, UnusableError):
            raise
        raise UnusableError(f"the message cannot be read: {type(error).__name__}", "export it again") from None
    if "@" not in sender:
        raise UnusableError("the message has no sender", "export it with its headers")
    new = said_anew(text)
    if not new.strip():
        raise UnusableError("the message says nothing of its own beside quotes and signature", "nothing needed")
    date, seconds = sent_at(message)
    return _Letter(line, sender, new, header(message, "Subject"), seconds, date, _ids(message), is_attached)


def _ids(message: Message) -> tuple[str, ...]:
    names = ("Message-ID", "In-Reply-To", "References")
    found = [_ID.findall(str(message.get(name, ""))) for name in names]
    # A message without an id of its own still belongs to the thread that it answers.
    own = found[0][:1] or [f"<{zlib.crc32(message.as_bytes()):08x}@no.id>"]
    return tuple(dict.fromkeys((*own, *found[1], *found[2])))


def _found(letters: Iterable[_Letter | Lost], file: str, speakers: Speakers) -> Iterator[Found | Lost]:
    read: dict[str, _Letter] = {}
    for letter in letters:
        name = next(iter(letter.ids), f"line {letter.line}") if isinstance(letter, _Letter) else ""
        if isinstance(letter, Lost):
            yield letter
        elif name in read:
            yield Lost(letter.line, f"the message stands already on line {read[name].line}", "nothing needed")
        else:
            read[name] = letter
    for thread in _threads(read):
        first = thread[0]
        extra = {"file": file, "thread": next(iter(first.ids), ""), "subject": first.subject, "date": first.date}
        try:
            found = conversation(
                speakers.turns([(_who(letter, speakers), letter.text) for letter in thread]), first.line, extra
            )
        except UnusableError as error:
            yield Lost(first.line, f"a thread of {len(thread)} messages: {error.reason}", _WHO)
            continue
        has_attached = any(letter.is_attached for letter in thread)
        yield found._replace(notes=(*found.notes, *((_ATTACHED,) * has_attached)))


def _who(letter: _Letter, speakers: Speakers) -> str:
    """Return the address of the sender, or the domain where that is what the speakers are known by."""
    domain = letter.sender.rpartition("@")[2]
    is_known_by_domain = not speakers.knows(letter.sender) and speakers.knows(domain)
    return domain if is_known_by_domain else letter.sender


def _threads(letters: Mapping[str, _Letter]) -> list[list[_Letter]]:
    """Return the messages that name each other, directly or through others, each thread in the order of time."""
    leaders: dict[str, str] = {}

    def leader(name: str) -> str:
        while leaders.setdefault(name, name) != name:
            leaders[name] = leaders[leaders[name]]
            name = leaders[name]
        return name

    for name, letter in letters.items():
        for other in letter.ids[1:]:
            leaders[leader(other)] = leader(name)
    threads: dict[str, list[_Letter]] = {}
    for name, letter in letters.items():
        threads.setdefault(leader(name), []).append(letter)
    return [sorted(thread, key=lambda letter: _order(letter, letters)) for thread in threads.values()]


def _order(letter: _Letter, letters: Mapping[str, _Letter]) -> tuple[float, bool, int]:
    """Return what a message is ordered by: its time, or where it has none that of the last message it answers."""
    if letter.seconds is not None:
        return letter.seconds, False, letter.line
    answered = (letters[name].seconds for name in letter.ids[1:] if name in letters)
    return max((seconds for seconds in answered if seconds is not None), default=0.0), True, letter.line
