"""Documenting a dataset: where its rows come from, and its card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune_kit.datasets.view import View

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from finetune_kit.datasets.provenance import Provenance, Said, SourceCount

__all__ = ["Documenting"]


class Documenting(View):
    """What says where a dataset comes from."""

    def with_provenance(
        self,
        beside: str | Path | None = None,
        *,
        source: Said | None = None,
        licence: Said | None = None,
        url: Said | None = None,
        collected: Said | None = None,
        consent: Said | None = None,
        annotators: Said | None = None,
    ) -> Self:
        """Return the dataset with facts about where its rows come from beside each.

        They are kept through views, splits and joins, and are never part of what is trained
        on. Columns with usual names, such as "source", "license" and "date", count without
        being named here; a fact that is given replaces them. Each is a text for all rows, or
        a function of the columns beside a row.

        Args:
            beside: A file that `write(path, provenance=True)` has made, to begin with.
            source: The collection, system or publication.
            licence: Best the SPDX id, such as "CC-BY-4.0".
            url: Where it can be looked up.
            collected: When: a date, a month or a year.
            consent: What allows the use, such as a contract or an opt-in.
            annotators: Who wrote or labelled the rows.

        Raises:
            ConfigurationError: Nothing is given, or a text is empty.
            DatasetError: The file cannot be read, or is about other rows; FormatError where it is malformed.
        """
        from finetune_kit.datasets.provenance import document, document_from

        said = {
            "source": source, "licence": licence, "url": url,
            "collected": collected, "consent": consent, "annotators": annotators,
        }  # fmt: skip
        rows = self._rows if beside is None else document_from(self._rows, self._picks, beside)
        if beside is None or any(said.values()):
            rows = document(rows, self._picks, said)
        step = f"with_provenance: {', '.join([fact for fact, value in said.items() if value] or ['from a file'])}"
        return self._rewritten(rows, step, picks=self._picks)

    def provenance(self, position: int) -> Provenance:
        """Return where one row comes from, as far as its columns or `with_provenance` say."""
        from finetune_kit.datasets.provenance import row_provenance

        return row_provenance(self._rows, self._picks[position], self._method)

    def sources(self) -> tuple[SourceCount, ...]:
        """Return how many rows come from which source under which licence, most rows first."""
        from finetune_kit.datasets.provenance import summarise

        return summarise(self.provenance(position) for position in range(len(self))).sources
