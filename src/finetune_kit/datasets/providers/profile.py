"""The shape of a provider's rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from finetune_kit.datasets.encodings import base_model

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

    from finetune_kit.datasets.rules import MethodName

__all__ = ["CHECKED", "Basis", "ModelRules", "Profile"]

CHECKED: Final = "2026-11-22"
"""When the sources of the rules were last read."""


class Basis(NamedTuple):
    """Where a rule comes from: an address or the name of a document, and whether it says so in so many words."""

    source: str
    verified: bool = True
    checked: str = CHECKED

    def __str__(self) -> str:
        return f"{self.source} ({self.checked}{'' if self.verified else ', unverified'})"


class ModelRules(NamedTuple):
    """What a provider trains models of one name for; `sees` tells whether they are tuned with images."""

    pattern: re.Pattern[str]
    methods: tuple[MethodName, ...]
    sees: bool | None
    basis: Basis
    closed: str | None = None
    """The date from which no new job is taken; None while jobs are."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The rules of one provider, as data.

    A breach of a rule is refused if the rule is in `refuses`, and is none if it is in `takes`.
    What is in neither, and is no matter of JSON, is not established.
    """

    name: str
    title: str
    formats: Basis
    """Where the provider describes its training data."""
    methods: Mapping[MethodName, Basis]
    """The methods that it trains by; a file for another one is refused."""
    refuses: Mapping[str, Basis] = field(default_factory=lambda: MappingProxyType({}))
    takes: Mapping[str, Basis] = field(default_factory=lambda: MappingProxyType({}))
    fewest: tuple[int, Basis] | None = None
    """The fewest examples of a file; None where that is not established."""
    most: tuple[int, Basis] | None = None
    """The most examples of a file; None where no limit is known."""
    most_bytes: tuple[int, Basis] | None = None
    """The most bytes of a file; None where no limit is known."""
    models: tuple[ModelRules, ...] = ()
    all_models: bool = False
    """Whether `models` has all that the provider tunes, so that any other is refused."""
    open_methods: Mapping[MethodName, str] = field(default_factory=lambda: MappingProxyType({}))
    """Methods of which it is not established whether the provider trains by them, and why."""
    notes: tuple[str, ...] = ()
    """What is worth knowing beside the rules."""

    def model_rules(self, model: str) -> ModelRules | None:
        """Return what is known of a model, or of the base of one that is tuned already; else None."""
        base = base_model(model)
        return next((rules for rules in self.models if rules.pattern.fullmatch(base)), None)
