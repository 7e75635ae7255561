"""Checking a dataset: by the rules of its format, by audit, by its length in tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, overload

from finetune_kit.datasets.jsonl import JsonlFile
from finetune_kit.datasets.rows import JoinedRows, numbered_lines, parse_row
from finetune_kit.datasets.validate import validate_file, validate_parts
from finetune_kit.datasets.view import View
from finetune_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from finetune_kit.datasets.audit import AuditReport, AuditSettings
    from finetune_kit.datasets.audit.row import AuditRow
    from finetune_kit.datasets.findings import ValidationReport
    from finetune_kit.datasets.own_tokenizers import Tokenizer
    from finetune_kit.datasets.providers import ValidationMatrix
    from finetune_kit.datasets.tokens import TokenCount

__all__ = ["Checking"]


class Checking(View):
    """What tells how good a dataset is."""

    @overload
    def validate(
        self, model: str | None = ..., *, against: None = ..., tokens: bool = ..., processes: int = ...
    ) -> ValidationReport: ...

    @overload
    def validate(self, model: str | None = ..., *, against: str | Sequence[str]) -> ValidationMatrix: ...

    def validate(
        self,
        model: str | None = None,
        *,
        against: str | Sequence[str] | None = None,
        tokens: bool = False,
        processes: int = 1,
    ) -> ValidationReport | ValidationMatrix:
        """Check every row by the rules of the fine-tuning format, and by the limit of tokens of the model.

        Without a model, that is the largest limit of any model that can be tuned.

        With `against`, the names of providers such as ["openai", "together"], tell for each
        of them whether it would take the data, and why not; the rows are read once for all.
        With `tokens`, the tokens for the model are counted on the way, into `report.tokens`.
        With `processes`, a JSONL file that was read as it is is checked by that many new
        interpreters at once; a program that asks for it has to begin with
        `if __name__ == "__main__":`.

        Raises:
            ConfigurationError: A provider is unknown, or `tokens` comes without a model.
        """
        rows = self._rows
        rows.check_unchanged()
        if against is not None:
            if tokens or processes != 1:
                raise ConfigurationError("against goes without tokens and processes: validate twice")
            from finetune_kit.datasets.providers.check import validate_against

            return validate_against(rows, self._picks, against, method=self._method, model=model)
        if isinstance(rows, JsonlFile) and self._picks == range(len(rows)) and rows.is_at_path():
            return validate_file(rows.path, method=self._method, model=model, tokens=tokens, processes=processes)
        path = rows.place(self._picks[0])[0] if self._picks and not isinstance(rows, JoinedRows) else None
        parts = numbered_lines(rows, self._picks)
        report = validate_parts(parts, path=path, method=self._method, model=model, tokens=tokens)
        return replace(report, skipped=rows.skipped)

    def audit(
        self,
        *,
        held_out: View | None = None,
        settings: AuditSettings | None = None,
        only: Collection[str] | None = None,
        skip: Collection[str] = (),
    ) -> AuditReport:
        """Look for what makes a dataset bad: duplicates, leaks, wrong labels, personal data, refusals, bias and more.

        Includes `validate`. Each check says whether it found something, was clean, or did
        not run and why; those that need a library are in the extras `audit`, `pii` and
        `labels`.

        Args:
            held_out: The test (or validation) examples, none of which may be in this dataset.
            settings: Thresholds, severities, and what the audit should know about the data.
            only: The ids of the checks to run; all by default.
            skip: The ids of checks to leave out.

        Raises:
            ConfigurationError: A check, rule or threshold that is named does not exist.
        """
        from finetune_kit.datasets.audit import AuditSettings
        from finetune_kit.datasets.audit.run import audit_rows, numbered_rows

        def rows_of(data: View) -> Iterator[AuditRow]:
            return numbered_rows(data._rows, data._picks, data._method)

        return audit_rows(
            rows_of(self),
            held_out=() if held_out is None else rows_of(held_out),
            method=self._method,
            validation=self.validate(),
            settings=settings or AuditSettings(),
            only=only,
            skip=skip,
        )

    def tokens(self, model: str, *, tokenizer: Tokenizer | None = None) -> TokenCount:
        """Count the tokens of every example as a model reads them.

        Args:
            model: The model, tuned or not.
            tokenizer: For models with a tokenizer of their own: a tokenizer.json, a directory
                with one, or a function of a text. How such a model joins messages is estimated.

        Raises:
            ConfigurationError: The encoding's table is not on this machine and cannot be fetched.
            FormatError: A row is not a JSON object.
        """
        from finetune_kit.datasets.tokens import count_tokens

        self._rows.check_unchanged()
        rows = (parse_row(self._rows, index, self._method) for index in self._picks)
        return count_tokens(rows, model, tokenizer=tokenizer)
