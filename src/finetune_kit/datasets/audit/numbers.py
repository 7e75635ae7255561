"""Personal numbers in texts: telephones, cards, accounts, addresses of machines, numbers of the state."""

from __future__ import annotations

import importlib
import ipaddress
import re
from functools import cache
from typing import TYPE_CHECKING, Final

from finetune_kit.datasets.audit.spans import Span, context, identifiers
from finetune_kit.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

__all__ = ["find_accounts", "find_cards", "find_machines", "find_national_ids", "find_phones", "require_libraries"]

_PHONE: Final = re.compile(
    r"(?<![A-Za-z0-9_.,@/=#€$£<>*-])(?:\+|00(?=[1-9]))?\(?\+?\d(?:[\s().\-/\u2013]{0,3}\d){6,14}(?![A-Za-z0-9_%€$£]|[.,-]\d|\s?[=*+<>/])"
)
_DATE: Final = re.compile(
    r"(?:19|20)\d\d[-/. ]\d{1,2}[-/. ]\d{1,2}(?!\d)|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}"
    r"|(?:(?:1[5-9]|20)\d\d\s?[-\u2013/]\s?)+(?:1[5-9]|20)\d\d$"
)
_CARD: Final = re.compile(r"(?<![A-Za-z0-9_.,-])\d(?:[ -]?\d){11,18}(?![A-Za-z0-9_]|[.,-]\d)")
_CARD_GROUPS: Final = re.compile(r"\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|\d{4}([ -])\d{6}\2\d{4,5}|\d{12,19}")
# Ranges of issuers (ISO/IEC 7812): Visa, Mastercard, American Express, Discover, JCB, Diners, Maestro, UnionPay, Mir.
_ISSUERS: Final = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12,15}|35(?:2[89]|[3-8]\d)\d{12,15}|3(?:0[0-5]\d|095|[689]\d\d)\d{10,15}"
    r"|(?:2131|1800)\d{11}|(?:5[0678]\d\d|6[0-9]\d\d)\d{8,15}|62\d{14,17}|220[0-4]\d{12}"
)
_IBAN: Final = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}(?![A-Za-z0-9])")
_IPV4: Final = re.compile(r"(?<![A-Za-z0-9_.-])(?:\d{1,3}\.){3}\d{1,3}(?![A-Za-z0-9_-]|\.\d)")
_IPV6: Final = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{0,4})(?![\w:])")
_VERSION: Final = re.compile(r"(?:version|ver\.?|build|release|\bv)\s*$")
_MAC: Final = re.compile(r"(?<![\w:-])(?:[0-9A-Fa-f]{2}([:-]))(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?![\w:-])")
_BITCOIN: Final = re.compile(r"\b(?:bc1[a-z0-9]{25,60}|[13][a-km-zA-HJ-NP-Z1-9]{25,34})\b")
_ETHEREUM: Final = re.compile(r"\b0x[0-9a-fA-F]{40}\b")
_NUMBERED: Final = re.compile(
    r"(?<![A-Za-z0-9_.,€$£-])[A-Z]{0,6}\d(?:[A-Z0-9]|[ ./-](?=[A-Z]{0,3}\d)){4,20}[A-Z]?(?![A-Za-z0-9_]|[.,]\d)"
)
_DIGITS: Final = re.compile(r"\D+")
_WIDE_DIGITS: Final = str.maketrans("\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19", "0123456789")
_SMALL_PART: Final = 40
_FEWEST_DIGITS: Final = 5


def require_libraries() -> None:
    """Raise MissingExtraError unless the libraries that know numbers are installed."""
    for name, package in (("phonenumbers", "phonenumbers"), ("stdnum", "python-stdnum")):
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise MissingExtraError("finding personal data", "audit", package=package) from error


def find_phones(text: str, regions: tuple[str, ...]) -> Iterator[Span]:
    """Yield telephone numbers: international, of the regions, or with a word such as "call" before."""
    text = text.translate(_WIDE_DIGITS)
    for match in _PHONE.finditer(text):
        number = match.group()
        if _DATE.match(number) or _IPV4.fullmatch(number):
            continue
        is_named = context(text, match.start(), "phone")
        if not is_named and context(text, match.start(), "not_personal"):
            continue
        if (confidence := _phone_confidence(number, regions, is_named=is_named)) is not None:
            yield Span(*match.span(), "phone", confidence)


def _phone_confidence(number: str, regions: tuple[str, ...], *, is_named: bool) -> float | None:
    """Return how sure it is that this is a telephone number, None if it is none."""
    if number.startswith(("+", "(+", "00")):
        return 0.95 if _is_international(number, named=is_named) else None
    if any(_is_grouped(number, region) for region in regions):
        return 0.9
    return 0.8 if is_named else None


def _is_international(number: str, *, named: bool) -> bool:
    import phonenumbers

    plus = "+" + _DIGITS.sub("", number).removeprefix("00")
    try:
        parsed = phonenumbers.parse(plus)
    except phonenumbers.NumberParseException:
        return False
    can_be = phonenumbers.is_possible_number(parsed) or named
    return can_be if "+" in number else phonenumbers.is_valid_number(parsed) or named


@cache
def _is_grouped(number: str, region: str) -> bool:
    """Tell whether a national number is valid and written in the groups of its country, with some separator."""
    import phonenumbers

    if number.isdigit():
        return False
    matches = phonenumbers.PhoneNumberMatcher(number, region, phonenumbers.Leniency.STRICT_GROUPING)
    return any(match.end - match.start == len(number) for match in matches)


def find_cards(text: str) -> Iterator[Span]:
    """Yield payment cards: the checksum and the range of an issuer, or the checksum and a word such as "card"."""
    from stdnum import luhn

    text = text.translate(_WIDE_DIGITS)
    for match in _CARD.finditer(text):
        digits = _DIGITS.sub("", match.group())
        if len(set(digits)) == 1 or not luhn.is_valid(digits):
            continue
        if context(text, match.start(), "card"):
            yield Span(*match.span(), "card", 0.99)
        elif _is_issued(match.group(), digits) and not context(text, match.start(), "not_personal"):
            yield Span(*match.span(), "card", 0.85)


def _is_issued(written: str, digits: str) -> bool:
    return _CARD_GROUPS.fullmatch(written) is not None and _ISSUERS.fullmatch(digits) is not None


def find_accounts(text: str) -> Iterator[Span]:
    """Yield bank accounts (IBAN by checksum, others by the words before), identity papers, wallets."""
    from stdnum import bitcoin

    for match in _IBAN.finditer(text):
        if (length := _iban_length(match.group())) is not None:
            yield Span(match.start(), match.start() + length, "iban", 0.99)
        elif "iban" in text[max(match.start() - 24, 0) : match.start()].lower():
            yield Span(*match.span(), "iban", 0.7)
    for match in _BITCOIN.finditer(text):
        if bitcoin.is_valid(match.group()):
            yield Span(*match.span(), "crypto", 0.99)
    for match in _ETHEREUM.finditer(text):
        yield Span(*match.span(), "crypto", 0.9)


def _iban_length(written: str) -> int | None:
    """Return how many characters of what was written are a valid IBAN; words may follow it."""
    from stdnum import iban

    for length in range(len(written), 14, -1):
        at_end = length == len(written) or not written[length].isalnum()
        if at_end and iban.is_valid(written[:length], check_country=False):
            return length
    return None


def find_machines(text: str) -> Iterator[Span]:
    """Yield addresses of machines: IP 4 and 6, MAC; numbers of versions are none."""
    for match in _IPV4.finditer(text):
        if (confidence := _ipv4_confidence(text, match)) is not None:
            yield Span(*match.span(), "ip", confidence)
    for match in _IPV6.finditer(text) if text.count(":") > 1 else ():
        if _is_ipv6(match.group()):
            yield Span(*match.span(), "ip", 0.95)
    for match in _MAC.finditer(text):
        yield Span(*match.span(), "mac", 0.9)


def _ipv4_confidence(text: str, match: re.Match[str]) -> float | None:
    try:
        address = ipaddress.IPv4Address(match.group())
    except ValueError:
        return None
    if address.is_loopback or address.is_unspecified or match.group().startswith("255."):
        return None
    is_named = context(text, match.start(), "ip")
    if not is_named and context(text, match.start(), "version"):
        return None
    if not is_named and all(int(part) < _SMALL_PART for part in match.group().split(".")):
        return None
    if _VERSION.search(text[: match.start()].lower()):
        return None
    return 0.5 if address.is_private else 0.9


def _is_ipv6(written: str) -> bool:
    try:
        address = ipaddress.IPv6Address(written)
    except ValueError:
        return False
    groups = [group for group in written.split(":") if group]
    return len(groups) > 2 and not address.is_loopback  # noqa: PLR2004 - "a::b" is code


def find_national_ids(text: str) -> Iterator[Span]:
    """Yield numbers that a state, a bank or an office gave to somebody."""
    for found in _any_shape().finditer(text):
        for pattern, module, needed in _shapes():
            match = pattern.match(text, found.start())
            if match is None or (needed is not None and needed.search(_before(text, match.start())) is None):
                continue
            if module.is_valid(match.group()) and not context(text, match.start(), "not_personal"):
                yield Span(*match.span(), "national_id", 0.9)
    for match in _NUMBERED.finditer(text):
        number = match.group()
        n_digits = sum(letter.isdigit() for letter in number)
        if n_digits >= _FEWEST_DIGITS and not (_DATE.match(number) or _IPV4.fullmatch(number)):
            yield from _named_number(text, match)


def _named_number(text: str, match: re.Match[str]) -> Iterator[Span]:
    """Yield the number if the words before say what it is."""
    for kind in ("national_id", "document", "account"):
        if context(text, match.start(), kind):
            yield Span(*match.span(), kind, 0.75)
            return


def _before(text: str, start: int) -> str:
    return text[max(start - 48, 0) : start].lower()


_NOT_INSIDE: Final = r"(?<![A-Za-z0-9_.,/€$£-])"
_NOT_GOING_ON: Final = r"(?![A-Za-z0-9_€$£]|[.,/-]\d)"


@cache
def _any_shape() -> re.Pattern[str]:
    """Return one pattern that begins where any of the shapes may: one pass over the text instead of thirty."""
    shapes = "|".join(entry["pattern"] for entry in identifiers()["national"])
    return re.compile(rf"{_NOT_INSIDE}(?=[A-Za-z]{{0,6}}\d)(?:{shapes}){_NOT_GOING_ON}")


@cache
def _shapes() -> list[tuple[re.Pattern[str], ModuleType, re.Pattern[str] | None]]:
    found = []
    for entry in identifiers()["national"]:
        pattern = re.compile(rf"{_NOT_INSIDE}(?:{entry['pattern']}){_NOT_GOING_ON}")
        needed = re.compile(entry["context"]) if "context" in entry else None
        found.append((pattern, importlib.import_module(f"stdnum.{entry['module']}"), needed))
    return found
