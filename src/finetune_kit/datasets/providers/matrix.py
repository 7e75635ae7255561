"""Which providers would take a dataset, and why the others would not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from finetune_kit.datasets.findings import Finding
    from finetune_kit.datasets.providers.profile import Profile
    from finetune_kit.datasets.rules import MethodName

__all__ = ["ProviderVerdict", "ValidationMatrix"]

_SHOWN_FINDINGS: Final = 5


@dataclass(frozen=True, slots=True)
class ProviderVerdict:
    """What one provider would say to a dataset.

    `findings` and the counts are as in a ValidationReport: the first thousand of each
    rule are kept, all are counted. Findings that the provider takes without a word are
    left out; the `source` of a finding says where the provider's rule stands.
    """

    profile: Profile
    method: MethodName
    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    """How many findings there are of each rule in truth."""
    refused: Mapping[str, int]
    """How many of them the provider refuses the data for, by rule."""
    not_run: tuple[str, ...]
    """What could not be checked or is not established, each with its reason: neither passed nor failed."""

    @property
    def provider(self) -> str:
        """The provider's name, such as "together"."""
        return self.profile.name

    @property
    def ok(self) -> bool:
        """Whether the provider trains by the method, and nothing was found that it refuses the data for."""
        return not self.refused and self.method in self.profile.methods

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """The findings that the provider refuses the data for."""
        return tuple(finding for finding in self.findings if finding.refused)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings of severity error: refused, or taken and learnt otherwise than was meant."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def unverified(self) -> tuple[str, ...]:
        """The rules among `refused` that no source states in so many words."""
        refuses = self.profile.refuses
        return tuple(rule for rule in self.refused if rule in refuses and not refuses[rule].verified)

    @property
    def why_not(self) -> str:
        """The rules that the data is refused for, with how often; empty if it would be taken."""
        marked = set(self.unverified)
        return ", ".join(f"{rule} {n:,}{' (unverified)' if rule in marked else ''}" for rule, n in self.refused.items())

    @property
    def wrong_signal(self) -> str:
        """The rules of severity error that the provider takes, with how often: it would learn something else."""
        taken = Counter(finding.rule for finding in self.errors if not finding.refused)
        return ", ".join(f"{rule} {self.counts[rule]:,}" for rule in taken)

    def __str__(self) -> str:
        verdict = "takes it" if self.ok else f"refuses it: {self.why_not}" if self.refused else "may take it"
        signal = f"; learns otherwise than meant: {self.wrong_signal}" if self.wrong_signal else ""
        return f"{self.provider}: {verdict}{signal}"


@dataclass(frozen=True, slots=True, repr=False)
class ValidationMatrix(Mapping[str, ProviderVerdict]):
    """The verdicts of several providers on one dataset, by their names.

    Example:
        >>> from finetune_kit import Dataset
        >>> rows = [{"q": f"What is {n} + 1?", "a": str(n + 1)} for n in range(20)]
        >>> matrix = Dataset.read(rows, user="q", assistant="a").validate(against=["openai", "bedrock"])
        >>> matrix["openai"].ok, matrix["bedrock"].why_not
        (True, 'n_examples 1')
    """

    path: str | None
    method: MethodName
    n_examples: int
    verdicts: tuple[ProviderVerdict, ...]

    def __getitem__(self, provider: str) -> ProviderVerdict:
        for verdict in self.verdicts:
            if verdict.provider == provider:
                return verdict
        raise KeyError(provider)

    def __iter__(self) -> Iterator[str]:
        return (verdict.provider for verdict in self.verdicts)

    def __len__(self) -> int:
        return len(self.verdicts)

    @property
    def ok(self) -> bool:
        """Whether every provider that was asked about would take the data."""
        return all(verdict.ok for verdict in self.verdicts)

    @property
    def takers(self) -> tuple[str, ...]:
        """The providers that would take the data."""
        return tuple(verdict.provider for verdict in self.verdicts if verdict.ok)

    def __repr__(self) -> str:
        takers = ", ".join(self.takers) or "none"
        return f"ValidationMatrix({self.n_examples} {self.method} examples; taken by {takers} of {len(self)})"

    def __str__(self) -> str:
        lines = [self._summary()]
        for verdict in self.verdicts:
            lines.append(f"  {verdict}")
            lines += [f"    {finding}" for finding in verdict.refusals[:_SHOWN_FINDINGS]]
            lines += [f"    not checked: {reason}" for reason in verdict.not_run]
            lines += [f"    note: {note}" for note in verdict.profile.notes]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        heading = ("provider", "would take it", "why not", "learns otherwise than meant", "not checked", "to know")
        head = "".join(f'<th scope="col">{cell}</th>' for cell in heading)
        body = "".join(f"<tr>{''.join(_cells(verdict))}</tr>" for verdict in self.verdicts)
        return f"<p>{escape(self._summary())}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _summary(self) -> str:
        return f"{self.path or 'dataset'}: {self.n_examples} {self.method} examples against {len(self)} provider(s)"


def _cells(verdict: ProviderVerdict) -> Iterator[str]:
    examples = "; ".join(str(finding) for finding in verdict.refusals[:_SHOWN_FINDINGS])
    yield f'<th scope="row">{escape(verdict.profile.title)}</th>'
    yield f"<td>{'yes' if verdict.ok else 'no' if verdict.refused else 'not established'}</td>"
    yield f'<td title="{escape(examples)}">{escape(verdict.why_not)}</td>'
    yield f"<td>{escape(verdict.wrong_signal)}</td>"
    yield f"<td>{escape('; '.join(verdict.not_run))}</td>"
    yield f"<td>{escape('; '.join(verdict.profile.notes))}</td>"
