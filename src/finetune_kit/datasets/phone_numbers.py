"""A phone number, looked for in texts however it is written."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["phone_pattern"]

_PHONE: Final = re.compile(r"\+?[\d\s().\-/]+")
_FEWEST_DIGITS: Final = 7
_MARK: Final = r"[\s().\-/]"
_BETWEEN_DIGITS: Final = rf"(?:\(0\)|{_MARK})*"
# ITU-T E.164, list of assigned country codes: these have one or two digits, all others three.
_COUNTRY: Final = re.compile(
    r"[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3}",
)


def phone_pattern(identifier: str) -> re.Pattern[str] | None:
    """Return what finds a phone number with and without its country's code and the 0 before it; None for no number.

    A number given without the code of its country is found after any.
    """
    digits = re.sub(r"\D", "", identifier.replace("(0)", ""))
    if len(digits) < _FEWEST_DIGITS or not _PHONE.fullmatch(identifier):
        return None
    country, own = _divided(digits, is_international=identifier.startswith(("+", "00")))
    # The first digit comes before what may stand before it, so that the search can jump from digit to digit.
    first = f"{own[0]}(?:{'|'.join(_ahead(country, own[0]))})"
    return re.compile(_BETWEEN_DIGITS.join([first, *own[1:]]) + r"(?!\d)")


def _divided(digits: str, *, is_international: bool) -> tuple[str, str]:
    """Return the code of the country, if it is known, and the digits that all spellings of the number have."""
    whole = digits.removeprefix("00") if is_international else digits
    code = _COUNTRY.match(whole) if is_international else None
    own = whole[code.end() :] if code else digits.removeprefix("0")
    if len(own) < _FEWEST_DIGITS:
        return "", whole
    return code.group() if code else "", own


def _ahead(country: str, first: str) -> list[str]:
    """Return conditions, one of which holds at the first digit: what stands before is no part of another number."""
    # Another country's code may stand before a mark or two.
    others = [rf"(?<!\+{digits}{_MARK}{{{n}}}{first})" for digits in (r"\d", r"\d\d", r"\d\d\d") for n in (1, 2)]
    apart = "".join([rf"(?<!\d{first})", *(others if country else ())])
    codes = [country] if country else [r"\d", r"\d\d", r"\d\d\d"]
    attached = [rf"(?<=\+{code}{zero}{first})" for code in codes for zero in ("", "0")]
    attached += [rf"(?<=00{code}{first})(?<!\d00{code}{first})" for code in codes]
    own = [rf"(?<=\+{country}{_MARK}{{{n}}}{first})" for n in (1, 2)] if country else []
    bare = [rf"(?<={country}{first})(?<!\d{country}{first})"] if country else []
    return [apart, rf"(?<=0{first})(?<!\d0{first})", *attached, *own, *bare]
