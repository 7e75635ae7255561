"""The check for credentials, and the search for them in one text."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Final

from finetune_kit.datasets.audit.check import AuditRule, Check, Hit
from finetune_kit.datasets.audit.spans import Span, identifiers, without_overlaps
from finetune_kit.datasets.audit.values import row_values
from finetune_kit.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kingfisher_sdk.scanner import Scanner

    from finetune_kit.datasets.audit.check import AuditSettings
    from finetune_kit.datasets.audit.row import AuditRow

__all__ = ["CHECKS", "Secrets", "find_secrets"]

# What the scanner's rules leave out, each by the form its issuer gives it.
_OWN: Final = (
    re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
    re.compile(r"\bhf_[A-Za-z0-9]{30,40}\b"),
    re.compile(r"\bsk-(?:proj-|ant-|or-|svcacct-|admin-)?[A-Za-z0-9_-]{20,}"),
    re.compile(r"\b(?:[rs]k|whsec)_(?:live|test)_[A-Za-z0-9]{16,}\b|\bwhsec_[A-Za-z0-9+/=]{24,}"),
    re.compile(
        r"\b(?:gh[opusr]|github_pat|glpat|gldt|glrt|glsa|npm|pypi|dop_v1|doo_v1|dp\.pt|shpat|shpss|shpca|lin_api|sq0(?:atp|csp)|rk_live|xai|gsk|nvapi|pplx|r8|fw|tgp_v1)[_-][A-Za-z0-9_-]{20,}"
    ),
    # No list of issuers is whole: a short name, then a long run of mixed letters and digits.
    re.compile(
        r"(?<![\w/.-])[a-z][a-z0-9]{1,8}[_-](?:[a-z]{1,8}[_-])?(?=[A-Za-z0-9]*\d)(?=[A-Za-z0-9]*[a-z])(?=[A-Za-z0-9]*[A-Z])[A-Za-z0-9]{24,}(?![\w-])"
    ),
    re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    re.compile(r"\bAIza[A-Za-z0-9_-]{35}|\bya29\.[A-Za-z0-9_-]{20,}|\bGOCSPX-[A-Za-z0-9_-]{20,}"),
    re.compile(
        r"\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{30,60}|\bSK[0-9a-f]{32}\b|\bkey-[0-9a-f]{32}\b|\b[0-9a-f]{32}-us\d{1,2}\b"
    ),
    re.compile(r"\b\d{8,10}:AA[A-Za-z0-9_-]{32,34}"),
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    re.compile(
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
        r"(?:.*?-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|.*)",
        re.DOTALL,
    ),
    re.compile(
        r"\bhttps://(?:hooks\.slack\.com/services|(?:\w+\.)?discord(?:app)?\.com/api/webhooks|\w+\.webhook\.office\.com)/\S{20,}"
    ),
    re.compile(r"\b(?:AccountKey|SharedAccessKey|sig)=[A-Za-z0-9+/%]{30,}={0,2}"),
)
_URL_PASSWORD: Final = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@'\"<>]{0,64}:(?P<value>[^\s/@'\"<>]{3,128})@[\w.\[-]"
)
_NAMED: Final = re.compile(
    rf"(?<![A-Za-z])(?:{identifiers()['credential']['password']}|{identifiers()['credential']['key']})"
    r"[\"']?\s?(?P<sign>:=|=>|[:=\uff1a]|\b(?:is(?: now)?:?|ist|est|es|è|é)\b|は|是|는)"
    r"\s*[\"'`]?(?P<value>[^\s\"'`,;<>(){}\[\]]{6,200})",
    re.IGNORECASE,
)
_BEARER: Final = re.compile(
    r"\b(?:bearer|basic|token|key|secret|credentials?|password)\s+[\"'`]?(?P<value>[A-Za-z0-9_.~+/-]{16,}={0,2})",
    re.IGNORECASE,
)
_SAMPLE: Final = re.compile(
    r"example|placeholder|your[_-]|x{4}|\*\*\*|\.\.\.|…|redacted|changeme|<|\$\{|\{\{|insert|_here\b|os\.environ|getenv|process\.env",
    re.IGNORECASE,
)
_SHORT_SAMPLE: Final = re.compile(
    r"sample|dummy|fake|your|xxx|test_?key|not[_-]?a|foo|bar|abc123|123456789|todo", re.IGNORECASE
)
_LONG: Final = 24
_HAS_RUN: Final = re.compile(r"[^\s]{16}|[:=]\s?\S{6}")
_NAMES: Final = re.compile(identifiers()["credential"]["gate"], re.IGNORECASE)
_STRONG_PASSWORD: Final = 3


class Secrets(Check):
    """Keys, tokens and passwords: whoever samples the tuned model may read them."""

    id: ClassVar[str] = "secrets"
    method: ClassVar[str] = (
        "the rules of kingfisher, without its validation (nothing leaves the machine), and forms that they leave out"
    )
    rules: ClassVar[Mapping[str, AuditRule]] = {
        "secret": AuditRule(
            "error",
            "https://github.com/mongodb/kingfisher",
            "revoke it where it was issued, then redact it: Dataset.redact(), or drop the example",
        )
    }

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        _scanner()

    def see(self, row: AuditRow) -> Iterator[Hit]:
        """Search every text and every argument of a tool call."""
        for value in row_values(row):
            self.n_examined += 1
            if spans := _spans(value.text):
                yield Hit("secret", f"{len(spans)} of the kind: key, token or password", row, value.pointer)


def find_secrets(text: str) -> list[Span]:
    """Find credentials in a text: where they stand, in order and without overlaps.

    Raises:
        MissingExtraError: The scanner of the extra `audit` is not installed.
    """
    _scanner()
    return _spans(text)


def _spans(text: str) -> list[Span]:
    if not _HAS_RUN.search(text) and not _NAMES.search(text):
        return []
    return without_overlaps(span for span in [*_scanned(text), *_own(text)] if _is_real(text[span.start : span.end]))


def _scanned(text: str) -> Iterator[Span]:
    encoded = text.encode("utf-8", "replace")
    for finding in _scanner().scan(encoded):
        if finding.visible or finding.rule_id.endswith("secret-access-key"):
            place = finding.location
            start = len(encoded[: place["start_offset"]].decode("utf-8", "ignore"))
            end = len(encoded[: place["end_offset"]].decode("utf-8", "ignore"))
            yield Span(start, end, "secret", 0.9)


def _own(text: str) -> Iterator[Span]:
    for pattern in _OWN:
        for match in pattern.finditer(text):
            if any(letter.isdigit() for letter in match.group()) or "PRIVATE KEY" in match.group():
                yield Span(*match.span(), "secret", 0.95)
    for match in _URL_PASSWORD.finditer(text) if "://" in text else ():
        yield Span(*match.span("value"), "secret", 0.9)
    if _NAMES.search(text):
        for match in (*_NAMED.finditer(text), *_BEARER.finditer(text)):
            value = match.group("value").rstrip(".!?")
            if _is_password(value, assigned=match.groupdict().get("sign", " ") in (":=", "=>", "=", ":", "\uff1a")):
                yield Span(match.start("value"), match.start("value") + len(value), "secret", 0.8)


def _is_password(value: str, *, assigned: bool) -> bool:
    """Tell whether a value looks chosen or made as a password: several kinds of characters, no word of prose."""
    kinds = (
        any(letter.islower() for letter in value)
        + any(letter.isupper() for letter in value)
        + any(letter.isdigit() for letter in value)
        + any(not letter.isalnum() for letter in value)
    )
    has_odd = any(letter.isdigit() for letter in value) or any(letter in "!@#$%^&*+~?|" for letter in value)
    return (
        has_odd
        and kinds
        >= (_STRONG_PASSWORD - 1 if assigned or any(letter.isdigit() for letter in value) else _STRONG_PASSWORD)
        and not _is_common(value)
    )


def _is_common(value: str) -> bool:
    """Tell whether it is a date, an amount, a path or a call: what stands behind "is" and "=" in prose and code."""
    return (
        re.fullmatch(
            r"[\d.,:/%$€£-]+|[A-Za-z]+[.,:;!?-]?|.*\(.*|https?:.*|[\w.]+\.[a-z_]+|[a-z]+(?:[-/][a-z]+)+\d?|\d+[a-z]{1,8}|[a-z]+_[a-z_0-9]+",
            value,
        )
        is not None
    )


def _is_real(value: str) -> bool:
    is_sample = _SAMPLE.search(value) or (len(value) < _LONG and _SHORT_SAMPLE.search(value))
    return not is_sample and len(set(value)) > _STRONG_PASSWORD


@cache
def _scanner() -> Scanner:
    try:
        from kingfisher_sdk.rules import Rules
        from kingfisher_sdk.scanner import Scanner
    except ImportError as error:
        raise MissingExtraError("finding credentials", "audit", package="kingfisher-secret-scanner") from error
    return Scanner(Rules())


CHECKS: Final[tuple[type[Check], ...]] = (Secrets,)
