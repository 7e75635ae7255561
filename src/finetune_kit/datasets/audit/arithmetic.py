"""Sums that a text writes out, and the answer that it ends with."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final

from finetune_kit.datasets.normalise import normalised

__all__ = ["final_number", "same_answer", "wrong_equations"]

_NUMBER: Final = r"\d+(?:,\d{3})*(?:\.\d+)?"
# Two operands only, with nothing before the first that would make it part of a longer sum.
_EQUATION: Final = re.compile(
    rf"(?<![\d.,+*/x\u00d7\u00f7%=(-])(?<![+*/x\u00d7\u00f7,-]\s)\$?({_NUMBER})\s*([-+*/x\u00d7\u00f7])\s*\$?({_NUMBER})\s*=\s*\$?({_NUMBER})"
    r"(?![\d,]*\d|\s*[-+*/x\u00d7\u00f7%=])"
)
_BEFORE: Final = re.compile(r"[-+*/x\u00d7\u00f7]\s*\$?$")
_ANNOTATION: Final = re.compile(r"<<[^<>]*>>")
_ANY_NUMBER: Final = re.compile(rf"-?{_NUMBER}")
_MARKED: Final = re.compile(rf"(?:^|\n)\s*(?:#{{2,}}|A:|Answer:)\s*\$?(-?{_NUMBER})", re.IGNORECASE)


def wrong_equations(text: str) -> int | None:
    """Return how many of the sums of two numbers in a text are wrong; None if it has none.

    Example:
        >>> wrong_equations("3 + 4 = 7, and 7 * 2 = 15"), wrong_equations("none here")
        (1, None)
    """
    plain = _ANNOTATION.sub("", text)
    found = [match for match in _EQUATION.finditer(plain) if not _BEFORE.search(plain, 0, match.start())]
    return sum(not _holds(*match.groups()) for match in found) if found else None


def final_number(text: str) -> Decimal | None:
    """Return the number that a text ends with, or marks as its answer as GSM8K does."""
    marked = _MARKED.findall(text) or _ANY_NUMBER.findall(_ANNOTATION.sub("", text))
    return _decimal(marked[-1]) if marked else None


def same_answer(text: str, reference: str) -> bool:
    """Tell whether a text gives the reference answer: the same final number, or for words, the reference in it."""
    expected = final_number(reference)
    if expected is not None and (_decimal(reference.strip(" $.")) is not None or _MARKED.search(reference)):
        return final_number(text) == expected
    return f" {normalised(reference)} " in f" {normalised(text)} "


def _holds(one: str, sign: str, other: str, result: str) -> bool:
    first, second, said = (_decimal(part) for part in (one, other, result))
    if first is None or second is None or said is None:
        return True
    return any(_fits(result, said) for result in _results(first, sign, second))


def _results(first: Decimal, sign: str, second: Decimal) -> tuple[Decimal, ...]:
    match sign:
        case "+":
            return (first + second,)
        case "-":
            # Who subtracts the larger number means the difference.
            return (first - second, second - first)
        case "/" | "\u00f7":
            return (first / second,) if second else ()
        case _:
            return (first * second,)


def _fits(result: Decimal, said: Decimal) -> bool:
    """Tell whether a result is the one said, or was rounded or cut to as many places."""
    exponent = said.as_tuple().exponent
    unit = Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0)
    return result == said or (result % unit != 0 and abs(result - said) < unit)


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None
