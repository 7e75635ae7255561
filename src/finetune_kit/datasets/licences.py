"""Licences of data: their SPDX ids, and what they ask of whoever trains on the data."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

__all__ = ["Terms", "terms_of"]


class Terms(NamedTuple):
    """What a licence says, as far as it bears on training a model.

    Example:
        >>> terms_of("CC BY-NC-SA 4.0")
        Terms(spdx='CC-BY-NC-SA-4.0', non_commercial=True, no_derivatives=False, share_alike=True)
    """

    spdx: str | None
    """Id or expression of https://spdx.org/licenses; None where the text names none that is known here."""
    non_commercial: bool = False
    no_derivatives: bool = False
    share_alike: bool = False
    """Works made of the data must carry the same licence."""


# Ids as of SPDX license list 3.27 (https://spdx.org/licenses), those that data and documents come with.
_PERMISSIVE: Final = (
    "0BSD", "AFL-3.0", "Apache-1.1", "Apache-2.0", "Artistic-2.0", "BSD-1-Clause", "BSD-2-Clause", "BSD-3-Clause",
    "BSD-3-Clause-Clear", "BSD-4-Clause", "BSL-1.0", "C-UDA-1.0", "CC-PDDC", "CC-PDM-1.0", "CC0-1.0",
    "CDLA-Permissive-1.0", "CDLA-Permissive-2.0", "DL-DE-BY-2.0", "DL-DE-ZERO-2.0", "ECL-2.0", "ISC", "MIT", "MIT-0",
    "NLOD-1.0", "NLOD-2.0", "ODC-By-1.0", "OGL-Canada-2.0", "OGL-UK-1.0", "OGL-UK-2.0", "OGL-UK-3.0", "PDDL-1.0",
    "PostgreSQL", "PSF-2.0", "Unicode-3.0", "Unlicense", "UPL-1.0", "W3C", "WTFPL", "Zlib", "etalab-2.0",
    "LicenseRef-Public-Domain",
)  # fmt: skip
_SHARE_ALIKE: Final = (
    "AGPL-3.0-only", "AGPL-3.0-or-later", "CDLA-Sharing-1.0", "EPL-1.0", "EPL-2.0", "EUPL-1.1", "EUPL-1.2",
    "GFDL-1.1-only", "GFDL-1.1-or-later", "GFDL-1.2-only", "GFDL-1.2-or-later", "GFDL-1.3-only", "GFDL-1.3-or-later",
    "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later", "LGPL-2.1-only", "LGPL-2.1-or-later",
    "LGPL-3.0-only", "LGPL-3.0-or-later", "MPL-2.0", "ODbL-1.0", "OSL-3.0",
)  # fmt: skip
_ALIASES: Final = {
    "apache": "Apache-2.0", "apache-2": "Apache-2.0", "asl-2-0": "Apache-2.0", "expat": "MIT",
    "cc0": "CC0-1.0", "cc-0": "CC0-1.0", "cc-zero": "CC0-1.0", "cc-zero-1-0": "CC0-1.0", "cc-0-1-0": "CC0-1.0",
    "public-domain": "LicenseRef-Public-Domain", "pd": "LicenseRef-Public-Domain",
    "public-domain-mark-1-0": "CC-PDM-1.0", "public-domain-dedication-1-0": "PDDL-1.0",
    "pddl": "PDDL-1.0", "odbl": "ODbL-1.0", "odc-odbl": "ODbL-1.0", "open-database-1-0": "ODbL-1.0",
    "odc-by": "ODC-By-1.0", "open-data-commons-attribution-1-0": "ODC-By-1.0", "etalab": "etalab-2.0",
    "gpl-2-0": "GPL-2.0-only", "gpl-3-0": "GPL-3.0-only", "gplv3": "GPL-3.0-only", "gplv2": "GPL-2.0-only",
    "agpl-3-0": "AGPL-3.0-only", "lgpl-3-0": "LGPL-3.0-only", "lgpl-2-1": "LGPL-2.1-only",
    "gfdl": "GFDL-1.3-only", "gfdl-1-3": "GFDL-1.3-only", "gfdl-1-2": "GFDL-1.2-only", "new-bsd": "BSD-3-Clause",
    "3-clause-bsd": "BSD-3-Clause", "2-clause-bsd": "BSD-2-Clause", "ogl-3-0": "OGL-UK-3.0",
}  # fmt: skip

_LATER: Final = re.compile(r"\s+or\s+later\b", re.IGNORECASE)
_OPERATOR: Final = re.compile(r"(\s+(?:and|or)\s+|\s+/\s+|\s*;\s*)", re.IGNORECASE)

_CC_WORDS: Final = (
    (r"creative ?commons", "cc"),
    (r"non[- ]?commercial", "nc"),
    (r"no[- ]?deriv(?:ative|ate)?s?(?: works)?", "nd"),
    (r"share[- ]?alike", "sa"),
    (r"attribution", "by"),
)
_NOISE: Final = re.compile(r"\b(?:the|licen[cs]e[ds]?|version|international|unported|universal|generic|deed)\b")
_CC: Final = re.compile(r"cc-by(?P<parts>(?:-nc|-nd|-sa)*)(?:-(?P<major>\d)-(?P<minor>\d))?(?:-[a-z]{2,3})?")
_CC_INSIDE: Final = re.compile(r"\bcc-by(?P<parts>(?:-nc|-nd|-sa)*)-(?P<major>\d)-(?P<minor>\d)\b")
_CC_URL: Final = re.compile(r"creativecommons\.org/licenses/(?P<parts>[a-z-]+)/(?P<version>\d\.\d)")
_ZERO_URL: Final = re.compile(r"creativecommons\.org/publicdomain/zero")
_APACHE_URL: Final = re.compile(r"apache\.org/licenses/license-2\.0")
_SPDX_URL: Final = re.compile(
    r"(?:spdx|opensource)\.org/licen[cs]es?/(?P<id>[\w.+-]+?)(?:\.html|\.json|-license\.php)?/?$"
)
_CC_VERSIONS: Final = ("1.0", "2.0", "2.5", "3.0", "4.0")

_SAYS_NON_COMMERCIAL: Final = re.compile(
    r"non[- ]?commercial|(?:research|academic|educational)(?: use| purposes)? only|\bnc\b"
)
_SAYS_NO_DERIVATIVES: Final = re.compile(r"no[- ]?deriv|\bnd\b")
_SAYS_SHARE_ALIKE: Final = re.compile(r"share[- ]?alike|copyleft|\bsa\b")


@lru_cache(maxsize=1024)
def terms_of(licence: str) -> Terms:
    """Return the terms of a licence, given as SPDX id or expression, by its usual name, or by its address.

    Of a licence that is not known here, what its text says by itself is kept: "research
    only" is no commercial use. A choice ("MIT OR GPL-3.0-only") asks what all of it asks.
    """
    parts = _OPERATOR.split(_LATER.sub("-or-later", licence.strip()))
    each = [_single(part.strip(" ()")) for part in parts[::2]]
    operators = ["AND" if part.strip() in "/;" else part.strip().upper() for part in parts[1::2]]
    ids = [terms.spdx for terms in each]
    combine = all if set(operators) == {"OR"} else any
    return Terms(
        " ".join(filter(None, _interleaved(ids, operators))) if all(ids) else None,
        combine(terms.non_commercial for terms in each),
        combine(terms.no_derivatives for terms in each),
        combine(terms.share_alike for terms in each),
    )


def _interleaved(ids: list[str | None], operators: list[str]) -> list[str | None]:
    return [ids[0], *(word for pair in zip(operators, ids[1:], strict=True) for word in pair)]


def _single(text: str) -> Terms:
    lowered = text.lower()
    if (url := _CC_URL.search(lowered)) is not None:
        lowered = f"cc-{url['parts']}-{url['version']}"
    elif _ZERO_URL.search(lowered):
        lowered = "cc0"
    elif _APACHE_URL.search(lowered):
        lowered = "apache-2.0"
    elif (url := _SPDX_URL.search(lowered)) is not None:
        lowered = url["id"]
    key = _key(lowered)
    if (found := _CC.fullmatch(key) or _CC_INSIDE.search(key)) is not None:
        return _creative_commons(found)
    spdx = _IDS.get(key)
    if spdx is None and text.startswith("LicenseRef-"):
        spdx = text
    if spdx in _PERMISSIVE or spdx in _SHARE_ALIKE:
        return Terms(spdx, share_alike=spdx in _SHARE_ALIKE)
    words = lowered.replace("_", " ").replace("-", " ")
    return Terms(
        spdx,
        bool(_SAYS_NON_COMMERCIAL.search(words)),
        bool(_SAYS_NO_DERIVATIVES.search(words)),
        bool(_SAYS_SHARE_ALIKE.search(words)),
    )


def _creative_commons(found: re.Match[str]) -> Terms:
    parts = [part for part in ("nc", "nd", "sa") if f"-{part}" in found["parts"]]
    version = f"{found['major']}.{found['minor']}" if found["major"] else None
    spdx = "-".join(["CC-BY", *map(str.upper, parts), version]) if version in _CC_VERSIONS and version else None
    return Terms(spdx, "nc" in parts, "nd" in parts, "sa" in parts)


def _key(text: str) -> str:
    """Return a name of a licence without what differs from writer to writer."""
    text = text.lower()
    for pattern, word in _CC_WORDS:
        text = re.sub(pattern, word, text)
    text = re.sub(r"\bv\.?(?=\d)", "", _NOISE.sub(" ", text))
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")


_IDS: Final = {_key(spdx): spdx for spdx in (*_PERMISSIVE, *_SHARE_ALIKE)} | _ALIASES
