"""Cleaning a dataset: mending, duplicates, contamination, personal data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune_kit.datasets.checking import Checking
from finetune_kit.datasets.removed import Removals

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Self

    from finetune_kit.datasets.audit import AuditSettings
    from finetune_kit.datasets.chosen import Keep
    from finetune_kit.datasets.decontaminate import Contamination
    from finetune_kit.datasets.deduplicate import By, Of
    from finetune_kit.datasets.diff import DatasetDiff
    from finetune_kit.datasets.fixes import FixReport
    from finetune_kit.datasets.view import View

__all__ = ["Cleaning"]


class Cleaning(Checking):
    """What takes out or mends what should not be trained on, and tells what it did."""

    def fix(self) -> tuple[Self, FixReport]:
        """Mend what is mechanically wrong, and report what was changed and what is left.

        Mended is how something is written, never what it says: byte order marks, CR LF and
        blank lines, several objects on a line, dicts as Python prints them, other names of
        roles, weights and arguments of the wrong type, arguments encoded twice, a system
        message that is not the first, the role of instructions that the method asks for,
        prompt and completion, numbers as content, halves of characters, invisible
        characters. Keys that the format does not have are moved beside their row. No row is
        dropped, and special tokens stay: only their author knows what to write instead.
        """
        from finetune_kit.datasets.fixes import fix_rows

        before = self.validate()
        fixed = fix_rows(self._rows, self._picks, self._method, before)
        if not fixed.counts:
            return self, fixed.report(before)
        data = self._rewritten(fixed.rows, f"fix: {sum(fixed.counts.values())} changes")
        return data, fixed.report(data.validate())

    def redact(
        self,
        kinds: Collection[str] | None = None,
        *,
        replacement: str | None = None,
        settings: AuditSettings | None = None,
    ) -> Self:
        """Replace personal data and credentials in all texts, tool calls and results, and the columns beside the rows.

        Strings of JSON stay JSON, and what is redacted already stays as it is. The history
        says how much of what was replaced. Names and addresses are found only by the words
        before them: read the result before you call it anonymous.

        Args:
            kinds: What to replace, such as {"email", "phone", "secret"}; by default all kinds.
            replacement: What to write instead: "[{kind}]" by default; "[{kind}_{number}]"
                gives the same value the same number in the whole dataset.
            settings: Its regions are those whose national telephone numbers are looked for.

        Raises:
            ConfigurationError: A kind does not exist, or the replacement cannot be filled in.
            MissingExtraError: The extra `audit` is not installed.

        Example:
            >>> from finetune_kit import Dataset
            >>> rows = [{"q": "I am at ana@mail.pt, call +351 912 345 678.", "a": "Thank you."}]
            >>> Dataset.read(rows, user="q", assistant="a").redact()[0].messages[0].content
            'I am at [EMAIL], call [PHONE].'
        """
        from finetune_kit.datasets.audit import AuditSettings
        from finetune_kit.datasets.redact import Redactor, redact_rows

        self._rows.check_unchanged()
        regions = (settings or AuditSettings()).regions
        redacted = redact_rows(self._rows, self._picks, Redactor(kinds, replacement, regions))
        return self._rewritten(redacted.rows, redacted.step())

    def deduplicate(
        self,
        *,
        by: By = "exact",
        of: Of = "row",
        keep: Keep = "first",
        jaccard: float = 0.7,
        ratio: float = 0.9,
    ) -> Self:
        """Return the dataset without rows that are like another that stays; `removed` tells which, and like which.

        Args:
            by: "exact": the same JSON value. "normalised": the same words, whatever the case, white space
                and punctuation. "near" (extra `audit`): nearly the same words, under the same instructions.
            of: "row": what is asked and what is answered, both. "input": what a model would be given.
                Or a function of the example that returns the text to compare.
            keep: Which of them stays, the "first" or the "last".
            jaccard: With "near", the least Jaccard similarity (5-character shingles) of texts of 60 characters or more.
            ratio: With "near", the least rapidfuzz ratio of shorter texts.

        Raises:
            MissingExtraError: "near" needs the extra `audit`.
            FormatError: A row cannot be read (with by="exact" and of="row", none needs to be).

        Example:
            >>> from finetune_kit import Dataset
            >>> rows = [{"q": text, "a": "tracking"} for text in ("Where is it?", "where is it", "Where is it?")]
            >>> data = Dataset.read(rows, user="q", assistant="a")
            >>> len(data.deduplicate()), len(data.deduplicate(by="normalised"))
            (2, 1)
            >>> print(data.deduplicate().removed[0])
            line 3: like line 1 (1.00, deduplicate by=exact of=row keep=first)
        """
        from finetune_kit.datasets.deduplicate import Likeness, duplicates

        self._rows.check_unchanged()
        like = Likeness(by, of, jaccard, ratio).check()
        step = f"deduplicate {like} keep={keep}"
        taken = duplicates(self._rows, self._picks, self._method, like, keep)
        indexes = ((self._picks[one], self._picks[other], similarity) for one, other, similarity in taken)
        removed = Removals.of(self._rows, self._rows, indexes, step=step)
        return self._without([one.position for one in taken], removed, step)

    def contamination(
        self, test: View, *, by: By = "normalised", of: Of = "input", jaccard: float = 0.7, ratio: float = 0.9
    ) -> Contamination:
        """Return which examples are like which of a test dataset, by default by what they ask.

        System prompts and tools are not looked at: a question is known under other instructions, too.
        The arguments are those of `deduplicate`.
        """
        from finetune_kit.datasets.decontaminate import contamination
        from finetune_kit.datasets.deduplicate import Likeness

        return contamination(self._part, test._part, Likeness(by, of, jaccard, ratio).check())

    def decontaminate(
        self, test: View, *, by: By = "normalised", of: Of = "input", jaccard: float = 0.7, ratio: float = 0.9
    ) -> Self:
        """Return the dataset without the rows that are like one of a test dataset; `removed` tells which.

        The arguments are those of `contamination`, which lists both sides and takes nothing out.
        """
        from finetune_kit.datasets.decontaminate import contaminated_pairs
        from finetune_kit.datasets.deduplicate import Likeness

        like = Likeness(by, of, jaccard, ratio).check()
        pairs = contaminated_pairs(self._part, test._part, like)
        nearest = {pair.first: pair for pair in sorted(pairs, key=lambda pair: (pair.similarity, -pair.second))}
        gone = sorted(nearest)
        step = f"decontaminate from {test.source} {like}"
        taken = ((self._picks[at], test._picks[nearest[at].second], nearest[at].similarity) for at in gone)
        return self._without(gone, Removals.of(self._rows, test._rows, taken, step=step), step)

    def diff(self, new: View) -> DatasetDiff:
        """Return what a newer version added, removed, moved or answers otherwise, by the numbers of the examples."""
        from finetune_kit.datasets.diff import diff_parts

        return diff_parts(self._part, new._part)
