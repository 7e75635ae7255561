"""The check for personal data, and the search for it in one text."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Final

from finetune_kit.datasets.audit.check import AuditRule, AuditSettings, Check, Hit
from finetune_kit.datasets.audit.numbers import (
    find_accounts,
    find_cards,
    find_machines,
    find_national_ids,
    find_phones,
    require_libraries,
)
from finetune_kit.datasets.audit.people import find_addresses, find_births, find_emails, find_persons
from finetune_kit.datasets.audit.spans import Span, without_overlaps
from finetune_kit.datasets.audit.values import row_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from finetune_kit.datasets.audit.row import AuditRow, Text
    from finetune_kit.datasets.rules import Severity

__all__ = ["CHECKS", "KINDS", "PersonalData", "find_spans"]

KINDS: Final[Mapping[str, str]] = {
    "email": "mail address",
    "phone": "telephone number",
    "card": "payment card",
    "iban": "bank account (IBAN)",
    "account": "bank account",
    "ip": "IP address",
    "mac": "MAC address",
    "national_id": "national identity number",
    "document": "number of an identity paper",
    "crypto": "wallet",
    "birth": "date of birth",
    "address": "postal address",
    "street": "street with a number",
    "person": "name of a person",
}
"""The kinds of personal data that can be found, and what each is."""

_SURE: Final = 0.55
_REMEMBERED: Final = 2048
_GDPR: Final = "Regulation (EU) 2016/679, Article 4(1)"
_FIX: Final = "redact it: Dataset.redact(), or drop the example"
_OF_BUSINESSES: Final = frozenset({"phone", "address", "street", "email"})
_BEFORE: Final = 60
_OF_A_PLACE: Final = re.compile(
    r"\b(?:their|its|the (?:\w+ )?(?:phone|telephone|contact|number|address|location|venue|restaurant|hotel|salon"
    r"|office|shop|store|place)|(?:call|reach|contact) them|located at|it is at|it's at|is on|dial)\b[^.!?\n]{0,40}$"
)
_LIGHT: Final = frozenset({"person", "street", "mac"})
_HAS_DIGITS: Final = re.compile(r"\d")
_DEFAULT: Final = AuditSettings()


def find_spans(text: str, regions: tuple[str, ...] = _DEFAULT.regions) -> list[Span]:
    """Find personal data in a text: where it stands and of what kind, in order and without overlaps.

    Example:
        >>> find_spans("Write to ana.silva@mail.pt or call +351 912 345 678.")
        [Span(start=9, end=26, kind='email', confidence=0.99), Span(start=35, end=51, kind='phone', confidence=0.95)]

    Args:
        text: What to search.
        regions: Countries whose national telephone numbers are looked for; others are found by "+".

    Raises:
        MissingExtraError: The libraries of the extra `audit` are not installed.
    """
    require_libraries()
    return _spans(text, regions)


def _spans(text: str, regions: tuple[str, ...]) -> list[Span]:
    found = [*find_emails(text), *find_persons(text)]
    if _HAS_DIGITS.search(text) or not text.isascii():
        for detect in (find_cards, find_accounts, find_national_ids, find_births, find_addresses):
            found += detect(text)
        found += find_phones(text, regions)
    if "." in text or ":" in text or "-" in text:
        found += find_machines(text)
    return without_overlaps(found)


class PersonalData(Check):
    """Data by which a person can be found."""

    id: ClassVar[str] = "pii"
    method: ClassVar[str] = (
        "phonenumbers, the checksums of python-stdnum, ipaddress, and what the words before say (names and addresses:"
        " only so)"
    )
    rules: ClassVar[Mapping[str, AuditRule]] = {
        f"pii_{kind}": AuditRule("hint" if kind in _LIGHT else "warning", _GDPR, _FIX) for kind in KINDS
    }

    def __init__(self, settings: AuditSettings) -> None:
        require_libraries()
        super().__init__(settings)
        # Instructions and set answers come again and again.
        self._search = lru_cache(maxsize=_REMEMBERED)(_spans)

    def see(self, row: AuditRow) -> Iterator[Hit]:
        """Search every text and every argument of a tool call."""
        found: dict[str, tuple[str, Counter[str]]] = {}
        for value in row_values(row):
            self.n_examined += 1
            for span in self._search(value.text, self.settings.regions):
                pointer, counts = found.setdefault(span.kind, (value.pointer, Counter()))
                is_light = span.confidence <= _SURE or is_public(row, value, span)
                counts["unsure" if is_light else "sure"] += 1
        for kind, (pointer, counts) in found.items():
            severity: Severity | None = None if counts["sure"] else "hint"
            reason = f"{counts.total()} of the kind: {KINDS[kind]}"
            yield Hit(f"pii_{kind}", reason, row, pointer, severity=severity)


def is_public(row: AuditRow, value: Text, span: Span) -> bool:
    """Tell whether a telephone or an address is that of a business: from a tool, or said of a place by the assistant.

    What the user has said is never public.
    """
    if span.kind not in _OF_BUSINESSES or value.role == "user":
        return False
    said = value.text[span.start : span.end]
    if any(text.role == "user" and said in text.text for text in row.texts):
        return False
    if value.role == "tool" or any(text.role == "tool" and said in text.text for text in row.texts):
        return True
    return _OF_A_PLACE.search(value.text[max(span.start - _BEFORE, 0) : span.start].lower()) is not None


CHECKS: Final[tuple[type[Check], ...]] = (PersonalData,)
