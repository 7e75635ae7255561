"""Plain transcripts: lines of "Speaker: text", several conversations in a file."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from finetune_kit.datasets.sources.formats import FileFormat
from finetune_kit.datasets.sources.found import Found, Lost, UnusableError
from finetune_kit.datasets.sources.speakers import KNOWN_SPEAKERS, Speakers, conversation
from finetune_kit.datasets.sources.texts import SAVE_AS_UTF8, is_decoded, read_text, undecodable_byte

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from finetune_kit.datasets.sources.found import Options

__all__ = ["Transcript", "is_transcript"]

_DATE: Final = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}"
_TIME: Final = r"\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,6})?(?:\s?[AaPp]\.?[Mm]\.?)?(?:Z|\s?[+-]\d{2}:?\d{2})?"
_STAMP: Final = rf"(?:{_DATE}(?:[,T ]\s*{_TIME})?|{_TIME})"
# With the apostrophe of typesetters, U+2019.
_SPEAKER: Final = r"[^\W_][\w .,'\u2019&/#()-]{0,38}"
_BEFORE: Final = rf"^[\s>*•-]{{0,3}}(?P<before>[\[(]?{_STAMP}[\])]?\s*[-\u2013\u2014|:]?\s*)"
_TURN: Final = re.compile(
    rf"(?:{_BEFORE}|^[\s>*•-]{{0,3}})"
    rf"[*_<]{{0,2}}(?P<speaker>{_SPEAKER}?)[*_>]{{0,2}}"
    # The wide colon of Chinese and Japanese has no space after it.
    rf"\s*(?P<after>[\[(]{_STAMP}[\])])?\s*(?::[*_]{{0,2}}(?=\s|$)|\uff1a)\s*(?P<text>.*)$"
)
_STAMPED: Final = re.compile(rf"{_BEFORE}\S")
_MARKED: Final = re.compile(r"[\[(/.|\u2013\u2014-]")
_NEVER_IN_PLAIN_NAMES: Final = re.compile(r"[,()]")
_RULE: Final = re.compile(r"^\s*(?:-{3,}|={3,}|\*{3,}|_{3,}|#{3,}|\f)\s*$")
_TITLE: Final = re.compile(
    r"^\s*(?:#{1,6}\s*|[*=-]{2,}\s*)?(?:conversation|transcript|chat|dialogue|dialog|call|ticket|session|case)"
    r"(?:\s+(?:id|no\.?|number))?\s*[:#]?\s*#?(?P<id>[\w-]*\d[\w-]*)\s*[:*=-]*\s*$",
    re.IGNORECASE,
)
# What begins a line with a colon, and is no speaker.
_LABELS: Final = frozenset((
    "note", "notes", "warning", "important", "ps", "p.s", "edit", "update", "subject", "re", "fwd", "tip", "error",
    "example", "step", "address", "email", "e-mail", "phone", "username", "password", "order", "number", "reference",
    "date", "time", "total", "price", "http", "https", "link", "url", "today", "tomorrow", "status", "reason",
    "question", "summary", "account", "name",
))  # fmt: skip
_HEADER: Final = "text before the first speaker left out"
_EVENTS: Final = "lines with a time and no speaker left out"
_NO_TURNS: Final = 'write each turn as "Speaker: text" on a line of its own'
_FEWEST: Final = 2
_MOST_WORDS: Final = 3
_ALL_BUT_FEW: Final = 0.8


@dataclass(frozen=True, slots=True)
class Transcript(FileFormat):
    """Conversations in plain text, each turn begun by its speaker and a colon.

    Timestamps around the speaker are left out. A line without a speaker goes on with the
    turn before. Conversations are divided by a line of dashes (or the like), a title such
    as "Conversation 12", two blank lines, or one if every block then is a conversation.
    Name both sides in `roles` and no other word before a colon is taken for a speaker.
    """

    suffixes = (".txt", ".log", ".text", ".md")
    takes = frozenset({"assistant", "roles"})

    def read_file(self, path: Path, options: Options) -> Iterator[Found | Lost]:
        """Yield a chat for each conversation."""
        lines = read_text(path).splitlines()
        speakers = Speakers.of(options)
        begins = _Beginnings(lines, speakers)
        for number, block in enumerate(_blocks(lines, begins), 1):
            extra = {"file": path.name, "conversation": block.title or number}
            try:
                yield _found(block, begins, speakers, extra)
            except UnusableError as error:
                yield Lost(block.first, error.reason, error.remedy)


def is_transcript(text: str, options: Options) -> bool:
    """Tell whether a text is a transcript beyond doubt.

    Nearly every line is a turn of a speaker whose role is known; or the caller names
    speakers, and the assistant is among those who speak.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    speakers = Speakers.of(options)
    begins = _Beginnings(lines, speakers)
    turns = [turn for turn in map(begins.turn, lines) if turn is not None]
    names = {turn.speaker.casefold() for turn in turns}
    if options.roles or options.assistants:
        return len(names) >= _FEWEST and any(speakers.knows(name) for name in names)
    are_known = len(names) >= _FEWEST and all(speakers.knows(name) for name in names)
    return are_known and len(turns) >= _ALL_BUT_FEW * len(lines)


class _Turn(NamedTuple):
    speaker: str
    text: str


class _Block(NamedTuple):
    """The lines of one conversation, the number of the first, and what its title calls it."""

    first: int
    lines: list[str]
    title: str | None


class _Beginnings:
    """Which lines begin a turn."""

    def __init__(self, lines: Sequence[str], speakers: Speakers) -> None:
        self._speakers = speakers
        matches = [match for match in map(_TURN.match, lines) if match]
        stamped = [match for match in matches if match["before"] or match["after"]]
        # Where the turns have times, a line without one goes on with the turn before.
        self._needs_stamp = len(stamped) >= _FEWEST and 2 * len(stamped) > len(matches)
        self._stamps = {_shape(match["before"]) for match in matches if match["before"]}
        self._counts = Counter(match["speaker"].strip().casefold() for match in matches)

    def turn(self, line: str) -> _Turn | None:
        """Return the turn that a line begins, None for a line that begins none."""
        match = _TURN.match(line)
        if match is None:
            return None
        speaker = match["speaker"].strip()
        if not self._is_speaker(speaker, is_stamped=bool(match["before"] or match["after"])):
            return None
        return _Turn(speaker, match["text"] or "")

    def is_event(self, line: str) -> bool:
        """Tell whether a line has the time that turns have, and no speaker: nobody says it."""
        match = _STAMPED.match(line) if self._needs_stamp else None
        # A bare time may begin what somebody goes on to say.
        return match is not None and bool(_MARKED.search(match["before"])) and _shape(match["before"]) in self._stamps

    def _is_speaker(self, name: str, *, is_stamped: bool) -> bool:
        if self._speakers.knows(name):
            return True
        if self._speakers.are_complete or (self._needs_stamp and not is_stamped):
            return False
        words = name.split()
        if not words or len(words) > _MOST_WORDS or words[0].casefold() in _LABELS:
            return False
        if words[0].casefold() in KNOWN_SPEAKERS:
            return True
        if is_stamped:
            return True
        # A name begins with a capital, if its script has any; a word that stands once before a colon may be anything.
        is_name = name[0].isalpha() and not name[0].islower() and not _NEVER_IN_PLAIN_NAMES.search(name)
        return is_name and self._counts[name.casefold()] >= _FEWEST


def _shape(stamp: str) -> str:
    return re.sub(r"\d+", "0", stamp)


def _found(block: _Block, begins: _Beginnings, speakers: Speakers, extra: Mapping[str, object]) -> Found:
    broken = next((n for n, line in enumerate(block.lines) if not is_decoded(line)), None)
    if broken is not None:
        reason = f"line {block.first + broken} has the byte {undecodable_byte(block.lines[broken])}, not UTF-8"
        raise UnusableError(reason, SAVE_AS_UTF8)
    turns, notes = _turns(block.lines, begins)
    if not turns:
        raise UnusableError("no line begins with a speaker", _NO_TURNS)
    found = conversation(speakers.turns(turns), block.first, extra)
    return found._replace(notes=(*found.notes, *notes))


def _turns(lines: list[str], begins: _Beginnings) -> tuple[list[tuple[str, str]], set[str]]:
    """Return speakers with all the lines of each turn, and what was left out."""
    turns: list[tuple[str, list[str]]] = []
    notes: set[str] = set()
    for line in lines:
        turn = begins.turn(line)
        if turn is not None:
            turns.append((turn.speaker, [turn.text]))
        elif turns and begins.is_event(line):
            notes.add(_EVENTS)
        elif turns:
            turns[-1][1].append(line.rstrip())
        elif line.strip():
            notes.add(_HEADER)
    return [(speaker, "\n".join(said)) for speaker, said in turns], notes


def _blocks(lines: list[str], begins: _Beginnings) -> Iterator[_Block]:
    if any(_divides(line) for line in lines):
        yield from _divided(lines)
        return
    for blank in (2, 1):
        blocks = list(_apart(lines, blank))
        if len(blocks) > 1 and all(_is_conversation(block, begins) for block in blocks):
            yield from blocks
            return
    yield from (block for block in _apart(lines, len(lines) + 1) if block.lines)


def _divides(line: str) -> bool:
    return _RULE.match(line) is not None or _TITLE.match(line) is not None


def _divided(lines: list[str]) -> Iterator[_Block]:
    block = _Block(1, [], None)
    for number, line in enumerate(lines, 1):
        if not _divides(line):
            block.lines.append(line)
            continue
        if any(map(str.strip, block.lines)):
            yield block
            block = _Block(number + 1, [], None)
        title = _TITLE.match(line)
        block = _Block(number + 1, [], title["id"] if title else block.title)
    if any(map(str.strip, block.lines)):
        yield block


def _apart(lines: list[str], n_blank: int) -> Iterator[_Block]:
    """Yield the blocks of lines between `n_blank` or more blank ones."""
    block = _Block(1, [], None)
    blank = 0
    for number, line in enumerate(lines, 1):
        blank = 0 if line.strip() else blank + 1
        if line.strip() and not any(map(str.strip, block.lines)):
            block = _Block(number, [line], None)
        else:
            block.lines.append(line)
        if blank == n_blank and any(map(str.strip, block.lines)):
            yield block
            block = _Block(number + 1, [], None)
    if any(map(str.strip, block.lines)):
        yield block


def _is_conversation(block: _Block, begins: _Beginnings) -> bool:
    turns = [begins.turn(line) for line in block.lines if line.strip()]
    return turns[0] is not None and len({turn.speaker.casefold() for turn in turns if turn}) >= _FEWEST
