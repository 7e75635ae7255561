"""Rewriting a dataset for another method, tool or library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from finetune_kit.datasets.jsonl import write_lines
from finetune_kit.datasets.validate import known_method
from finetune_kit.datasets.view import View

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Self

    import datasets
    import pandas as pd
    import polars as pl

    from finetune_kit.datasets.convert import ConversionReport

__all__ = ["Converting"]


class Converting(View):
    """What writes a dataset otherwise."""

    def convert(
        self,
        to: str,
        *,
        reference: str = "reference_answer",
        rejected: Callable[[dict[str, Any]], str] | None = None,
    ) -> tuple[Self, ConversionReport]:
        """Rewrite the examples for another method, and report what that cannot hold.

        Preferences become chats that end with the preferred answer, or prompts with it as the
        reference; chats become prompts with their last answer as the reference; prompts become
        chats that are answered by the reference. Examples that have no form for the method are
        left out and named in the report.

        Args:
            to: "supervised", "dpo" (also "preference") or "reinforcement".
            reference: The key that holds the answer in reinforcement rows.
            rejected: For preferences: a function of the row that returns the answer that is not preferred.

        Raises:
            ConfigurationError: The method is unknown, or preferences are wanted without `rejected`.
            DatasetError: No example has a form for the method.
        """
        from finetune_kit.datasets.convert import convert_rows
        from finetune_kit.datasets.method_conversions import method_conversion

        method = known_method("dpo" if to == "preference" else to)
        conversion = method_conversion(self._method, method, reference=reference, rejected=rejected)
        rows, report = convert_rows(self._rows, self._picks, self._method, conversion, to=method)
        step = f"convert to {method}: {len(rows)} of {len(self)} rows"
        return self._rewritten(rows, step, method=method), report

    def export(
        self,
        path: str | Path,
        format: str,  # noqa: A002 - the word for it
        *,
        reference: str = "reference_answer",
    ) -> ConversionReport:
        """Write the examples in the shape of another tool or service, and report what that cannot hold.

        Args:
            path: A JSONL file, which appears whole or not at all.
            format: "alpaca", "bedrock", "completion", "fireworks", "nebius", "sharegpt", "together",
                "trl" or "vertex".
            reference: The key that holds the answer in reinforcement rows, for "bedrock".

        Raises:
            ConfigurationError: The format is unknown, or has no shape for examples of this method.
            DatasetError: No example has a form in the format, or the file cannot be written.
        """
        from finetune_kit.datasets.convert import convert_rows
        from finetune_kit.datasets.foreign_formats import foreign_conversion

        conversion = foreign_conversion(self._method, format, reference=reference)
        rows, report = convert_rows(self._rows, self._picks, self._method, conversion, to=format)
        write_lines(path, (rows.raw(index) + b"\n" for index in range(len(rows))))
        return report

    def to_pandas(self) -> pd.DataFrame:
        """Return the rows as a frame of pandas, with what is kept beside them; `Dataset.read` takes it back."""
        from finetune_kit.datasets.sources.frames import records_of, to_pandas

        return to_pandas(records_of(self._rows, self._picks, self._method))

    def to_polars(self) -> pl.DataFrame:
        """Return the rows as a frame of polars; what has no one type in its column, such as tools, is JSON in text."""
        from finetune_kit.datasets.sources.frames import records_of, to_polars

        return to_polars(records_of(self._rows, self._picks, self._method))

    def to_hugging_face(self) -> datasets.Dataset:
        """Return the rows as a dataset of Hugging Face, in the columns of `to_polars`."""
        from finetune_kit.datasets.sources.frames import records_of, to_hugging_face

        return to_hugging_face(records_of(self._rows, self._picks, self._method))
