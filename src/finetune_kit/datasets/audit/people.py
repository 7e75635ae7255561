"""Persons in texts: mail addresses, names that they give, where they live, when they were born."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from finetune_kit.datasets.audit.spans import Span, context, identifiers

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["find_addresses", "find_births", "find_emails", "find_persons"]

# Letters and digits, but of no writing that sets no spaces: there a word would run into the address.
_SIGN: Final = r"[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]"
_EMAIL: Final = re.compile(
    rf"(?<![A-Za-z0-9_.+-])(?:{_SIGN}|[!#$%&*+=?^{{|}}~])(?:{_SIGN}|[.!#$%&'*+/=?^{{|}}~-]){{0,63}}"
    rf"@(?:{_SIGN}(?:{_SIGN}|-){{0,61}}\.)+(?:(?![\d_]){_SIGN}){{2,24}}(?![A-Za-z0-9_-]|\.[A-Za-z0-9])"
)
_SPELLED: Final = re.compile(
    r"(?<!\w)[a-z0-9][\w.+-]{1,40}(?:\s?(?:\(at\)|\[at\]|\{at\})\s?|\sat\s)"
    r"(?:[a-z0-9-]{2,40}(?:\s?(?:\(dot\)|\[dot\]|\{dot\})\s?|\sdot\s))+[a-z]{2,6}(?!\w)",
    re.IGNORECASE,
)
_FILES: Final = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".py", ".js")
# RFC 2606 sets these names apart for documentation.
_DOCUMENTATION: Final = re.compile(
    r"@(?:[\w-]+\.)*(?:example\.(?:com|org|net)|[\w-]+\.(?:example|test|invalid|localhost))$|@example\.\w+$"
)
_ROLES: Final = re.compile(identifiers()["person"]["offices"], re.IGNORECASE)
_MONTH: Final = identifiers()["person"]["months"]
_BIRTH_DATE: Final = re.compile(
    rf"\b(?:\d{{1,2}}(?:st|nd|rd|th|º|er)?[./ -]+(?:de |of )?(?:\d{{1,2}}|{_MONTH})[./ ,-]+(?:de |del )?\d{{2,4}}"
    rf"|\d{{4}}[-/. ]\d{{1,2}}[-/. ]\d{{1,2}}|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}"
    r"|\d{4}年\d{1,2}月\d{1,2}日|\d{4}년 ?\d{1,2}월 ?\d{1,2}일)(?!\d)",
    re.IGNORECASE,
)
_HAS_DATE: Final = re.compile(r"\d{4}|\d[./-]\d")
_CAPITAL: Final = r"[^\W\d_a-z\u0430-\u044f\u00df-\u00f6\u00f8-\u00ff]"
_NAME: Final = (
    rf"(?:{_CAPITAL}\.|{_CAPITAL}(?= {_CAPITAL})|{_CAPITAL}['\u2019][^\W\d_]+"
    rf"|{_CAPITAL}[^\W\d_]+(?:['\u2019-][^\W\d_]+)*)"
)
_TITLE: Final = r"(?:Mr|Mrs|Ms|Miss|Dr|Prof|Herrn?|Frau|Señora?|Sra?|Monsieur|Madame|Mme|Signora?|Sig|Dott|Pani?)\.?"
_PARTICLE: Final = r"(?:(?:van|von|de|der|den|del|della|di|da|do|dos|la|le|al|el|bin|ibn|ter|ten|zu) ){0,2}"
_NAMES: Final = re.compile(rf"[\s:,]{{1,3}}(?:{_TITLE} )?({_NAME}(?: {_PARTICLE}{_NAME}){{0,3}})")
_TITLED: Final = re.compile(
    rf"\b{_TITLE} ({_NAME} {_PARTICLE}{_NAME}(?: {_NAME})?)"
    rf"|(?:{identifiers()['person']['greetings']}) {_TITLE} ({_NAME})"
)

_SPEAKING: Final = re.compile(
    rf"(?:^|[.!?,] |\n)({_NAME} {_PARTICLE}{_NAME}) (?:here|speaking|calling)(?=[.,!]| (?:from|about)|$)"
)

_SWALLOWED: Final = 5
_ABBREVIATION: Final = 4


def find_emails(text: str) -> Iterator[Span]:
    """Yield mail addresses of persons; those of offices and of documentation are less sure."""
    if "@" in text:
        for match in _EMAIL.finditer(text):
            address = match.group()
            if address.lower().endswith(_FILES) or _in_url(text, match.start()):
                continue
            is_role = _ROLES.match(address) is not None
            if is_role and (_DOCUMENTATION.search(address.lower()) or address.lower().startswith("git@")):
                continue
            yield Span(*match.span(), "email", 0.6 if is_role or _DOCUMENTATION.search(address.lower()) else 0.99)
    if " at " in text or "at)" in text or "at]" in text or "at}" in text:
        for match in _SPELLED.finditer(text):
            yield Span(*match.span(), "email", 0.8)


def _in_url(text: str, start: int) -> bool:
    """Tell whether it is the password and host of a link, such as "secret@host.org" in https://me:secret@host.org."""
    word = text[max(start - 80, 0) : start].rpartition(" ")[2]
    return "://" in word


def find_births(text: str) -> Iterator[Span]:
    """Yield dates with words such as "born on" before them."""
    for match in _BIRTH_DATE.finditer(text) if _HAS_DATE.search(text) else ():
        if context(text, match.start(), "birth", end=match.end()):
            yield Span(*match.span(), "birth", 0.9)


def find_addresses(text: str) -> Iterator[Span]:
    """Yield where somebody lives ("address"), and other streets with a number ("street")."""
    for pattern in _patterns("street"):
        for match in pattern.finditer(text):
            # Where no spaces are set, the words before may be in the match.
            is_home = any(context(text, match.start() + shift, "address") for shift in (0, _SWALLOWED))
            yield Span(*match.span(), "address" if is_home else "street", 0.8 if is_home else 0.6)
    for pattern in _patterns("loose"):
        for match in pattern.finditer(text):
            if context(text, match.start(), "address"):
                yield Span(match.start(), match.start() + len(match.group().rstrip()), "address", 0.7)


def find_persons(text: str) -> Iterator[Span]:
    """Yield names that persons give for themselves, or that follow a title."""
    before, after, native = _person_patterns()
    lower = text.lower()
    for match in before.finditer(text) if any(stem in lower for stem in identifiers()["person"]["gate"]) else ():
        if (names := _NAMES.match(text, match.end())) is not None and _is_name(names.group(1)):
            is_sure = " " in names.group(1)
            spoken = after.match(text, names.end()) is not None
            if spoken or _says_name(match.group()) or (is_sure and _is_whole(text, names)):
                yield Span(*names.span(1), "person", 0.8 if is_sure else 0.6)
    for match in _TITLED.finditer(text):
        group = match.lastindex or 1
        if _is_name(match.group(group)):
            yield Span(*match.span(group), "person", 0.6)
    for match in _SPEAKING.finditer(text):
        if _is_name(match.group(1)):
            yield Span(*match.span(1), "person", 0.8)
    for match in native.finditer(text) if not text.isascii() else ():
        group = match.lastindex or 0
        yield Span(*match.span(group), "person", 0.8)


def _says_name(words: str) -> bool:
    said = words.lower()
    return any(
        sign in said
        for sign in (
            "name",
            "nom",
            "call me",
            "heiß",
            "heiss",
            "appelle",
            "llamo",
            "chiam",
            "cham",
            "heet",
            "nazyw",
            "heter",
            "hedder",
            "зовут",
            "звати",
            "имя",
            "jmenuj",
            "numesc",
            "λένε",
            "ad\u0131m",
            "ismim",
            "tên",
            "nama",
            "nimeni",
            "nevem",
        )
    )


def _is_whole(text: str, names: re.Match[str]) -> bool:
    """Tell whether a clause ends after the name: "I'm Ana Silva." is one, "I'm Happy With This" none."""
    return (
        re.match(
            r"\s*(?:[.,;!?)\n]|$|and\b|und\b|et\b|y\b|e\b|from\b|speaking\b|here\b|aus\b|de\b|calling\b|with\b)",
            text[names.end() :],
        )
        is not None
    )


def _is_name(words: str) -> bool:
    unlikely = _not_names()
    parts = [part.strip(".") for part in words.split()]
    # Only the first word decides: "An" and "May" end names of persons, too.
    return parts[0] not in unlikely and not (words.isupper() and len(parts) == 1 and len(words) <= _ABBREVIATION)


@cache
def _not_names() -> frozenset[str]:
    return frozenset(identifiers()["person"]["not_names"].split())


@cache
def _patterns(kind: str) -> list[re.Pattern[str]]:
    return [re.compile(pattern) for pattern in identifiers()["address"][kind]]


@cache
def _person_patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    table = identifiers()["person"]
    return (
        re.compile("|".join(table["before"])),
        re.compile("|".join(table["after"])),
        re.compile("|".join(table["native"])),
    )
