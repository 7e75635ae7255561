"""A dataset: an immutable sequence of examples that stay bytes until somebody asks."""

from __future__ import annotations

import functools
import hashlib
import operator
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from finetune_kit.datasets.findings import Place
from finetune_kit.datasets.jsonl import JsonlFile, write_lines
from finetune_kit.datasets.labels import Key, row_keys
from finetune_kit.datasets.readers import Format, Source, read_source
from finetune_kit.datasets.removed import Removals, Removed
from finetune_kit.datasets.rows import JoinedRows, Rows, build_example, guess_method, numbered_lines, parse_row
from finetune_kit.datasets.sources.found import OnError, Options, Roles
from finetune_kit.datasets.split import (
    grouped_parts,
    random_parts,
    seeded_order,
    split_sizes,
    stratified_parts,
    stratified_sample,
)
from finetune_kit.datasets.split_stable import said_key
from finetune_kit.datasets.validate import known_method, validate_file, validate_parts
from finetune_kit.errors import ConfigurationError, DatasetError
from finetune_kit.types.examples import Example

if TYPE_CHECKING:
    from pathlib import Path

    import datasets
    import pandas as pd
    import polars as pl

    from finetune_kit.datasets.audit import AuditReport, AuditSettings
    from finetune_kit.datasets.audit.row import AuditRow
    from finetune_kit.datasets.balance import To
    from finetune_kit.datasets.card import DatasetCard, Statements
    from finetune_kit.datasets.chosen import Keep
    from finetune_kit.datasets.convert import ConversionReport
    from finetune_kit.datasets.decontaminate import Contamination, Part
    from finetune_kit.datasets.deduplicate import By, Of
    from finetune_kit.datasets.diff import DatasetDiff
    from finetune_kit.datasets.findings import ValidationReport
    from finetune_kit.datasets.fixes import FixReport
    from finetune_kit.datasets.forget import Forgotten
    from finetune_kit.datasets.own_tokenizers import Tokenizer
    from finetune_kit.datasets.provenance import Provenance, Said, SourceCount
    from finetune_kit.datasets.providers import ValidationMatrix
    from finetune_kit.datasets.rows import Skipped
    from finetune_kit.datasets.rules import MethodName
    from finetune_kit.datasets.split_stable import Instant
    from finetune_kit.datasets.templates import Text
    from finetune_kit.datasets.tokens import TokenCount
    from finetune_kit.datasets.versions import Version

__all__ = ["Dataset"]

_SHOWN_DIGITS = 12
_FINGERPRINTED_TO_SHOW = 10_000


class Dataset(Sequence[Example]):
    """An immutable sequence of examples for one method.

    Made by `Dataset.read`; every operation returns a new dataset that looks at the same
    rows. Its repr and its errors never show what an example says.

    Example:
        >>> rows = [{"text": f"Where is order {n}?", "label": "tracking"} for n in range(10)]
        >>> data = Dataset.read(rows, user="text", assistant="label", system="Name the category.")
        >>> data[0].messages[2].content
        'tracking'
        >>> train, test = data.split(test=0.2, seed=7)
        >>> len(train), len(test)
        (8, 2)
    """

    def __init__(
        self,
        rows: Rows,
        picks: Sequence[int],
        *,
        method: MethodName,
        source: str,
        history: tuple[str, ...],
        removed: Removals | None = None,
        parents: tuple[Dataset, ...] = (),
    ) -> None:
        self._rows = rows
        self._picks = picks
        self._method = method
        self._source = source
        self._history = history
        self._removed = Removals() if removed is None else removed
        self._parents = parents

    @classmethod
    def read(
        cls,
        source: Source,
        *,
        user: Text | None = None,
        assistant: Text | Collection[str] | None = None,
        system: Text | None = None,
        method: str | None = None,
        format: Format | None = None,  # noqa: A002 - the word that everybody looks for
        roles: Roles | None = None,
        on_error: OnError = "skip",
    ) -> Dataset:
        """Read a dataset from a file or directory, a list of dicts or examples, or a frame of pandas or polars.

        Tables and records are .jsonl, .ndjson, .json, .csv, .tsv, .xlsx or .parquet (the
        last two need the extra `tables`); transcripts, mailboxes, exports of chats and help
        desks, logs, documents and more are told apart by their form, or by `format` where
        that leaves a doubt. A dataset of Hugging Face is read like a frame. Rows in
        the protocol's shapes are taken as they are. Of any other table, `user` and
        `assistant` name what the messages are made of, and `system` what stands before:
        the name of a column; a template such as "Order {order_id}: {text}", where
        "{column!j}" is the value as JSON (`'{{"intent": {category!j}}}'`); or a function of
        the row. With method="reinforcement" all columns stay beside the messages, for
        graders; else those that are no message by themselves are kept for `split` and the
        like, and not written.

        What cannot be used is left out and told: see `skipped`. A JSONL file of rows is
        mapped, not loaded, and its broken lines stay: `validate` names them, and using such
        a row raises FormatError.

        Args:
            source: A path, rows, or a frame.
            user: The question.
            assistant: The answer to learn; of conversations, the speaker (or speakers) to learn from, such as
                "Agent" or, of e-mail, "example.com".
            system: The instruction, for rows that have none; without a column in it, the same for all.
            method: "supervised", "dpo" or "reinforcement"; by default what the first rows look like.
            format: The name of a format, such as "transcript", or a format with its settings, such as `Mail()`.
            roles: The role of each speaker of conversations; None leaves the speaker's turns out.
            on_error: "skip" leaves out what cannot be used; "raise" stops at the first.

        Raises:
            DatasetError: There is no such file, it cannot be read, or it has no rows.
            FormatError: Nothing can be used, or with on_error="raise" something cannot; names the line.
            ConfigurationError: A column that is named is not there, or the format is in doubt; names the choice.
        """
        chosen = None if method is None else known_method(method)
        reading = read_source(source, Options(user, assistant, system, chosen, roles), format, on_error)
        rows = reading.rows
        found = chosen or guess_method(rows.raw(index) for index in range(len(rows)))
        left_out = f", {len(rows.skipped)} skipped" if rows.skipped else ""
        history = (f"read {reading.name}: {len(rows)} rows{left_out}", *(f"reading: {note}" for note in reading.notes))
        return cls(rows, range(len(rows)), method=found, source=reading.name, history=history)

    @property
    def method(self) -> MethodName:
        """What the examples are for: "supervised", "dpo" or "reinforcement"."""
        return self._method

    @property
    def source(self) -> str:
        """Where the rows were read from."""
        return self._source

    @property
    def history(self) -> tuple[str, ...]:
        """What made this dataset, from what, step by step."""
        return self._history

    @property
    def removed(self) -> Sequence[Removed]:
        """The rows that `deduplicate` and `decontaminate` took out on the way to this dataset, each with its like."""
        return self._removed

    def lineage(self) -> tuple[Version, ...]:
        """Return the versions that led to this dataset, each with its fingerprint; reads the rows of each once."""
        from finetune_kit.datasets.versions import versions_of

        return versions_of(self, [parent.lineage() for parent in self._parents])

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What of the source did not become rows, each with its place, the reason and the remedy; never what it says.

        A part of a dataset has all that its source left out.
        """
        return self._rows.skipped

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256, in hexadecimal, of the rows in their order: that of the file that `write` makes."""
        digest = hashlib.sha256()
        for block in self._blocks():
            digest.update(block)
        return digest.hexdigest()

    @cached_property
    def nbytes(self) -> int:
        """The size in bytes of the file that `write` makes."""
        self._rows.check_unchanged()
        if isinstance(self._rows, JsonlFile):
            return self._rows.n_bytes(self._picks)
        return sum(map(len, self.lines()))

    def lines(self) -> Iterator[bytes]:
        """Iterate over the rows as lines of JSONL: UTF-8, each ended by LF, no byte order mark."""
        self._rows.check_unchanged()
        raw = self._rows.raw
        return (raw(index) + b"\n" for index in self._picks)

    def places(self) -> Iterator[Place]:
        """Iterate over where the rows stand: path of the file and line."""
        return (Place(*self._rows.place(index)) for index in self._picks)

    def write(self, path: str | Path, *, provenance: bool = False) -> None:
        """Write the rows to a JSONL file, which appears whole or not at all.

        Args:
            path: The file.
            provenance: Write where each row comes from, too: to "train.provenance.jsonl" beside
                "train.jsonl", which `with_provenance` reads.

        Raises:
            DatasetError: The disk is full, or the directory missing or closed to writing.
        """
        self._rows.check_unchanged()
        if isinstance(self._rows, JsonlFile):
            self._rows.write(self._picks, path)
        else:
            write_lines(path, self.lines())
        if provenance:
            from finetune_kit.datasets.provenance import provenance_lines, provenance_path

            write_lines(provenance_path(path), provenance_lines(self._rows, self._picks, self._method))

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
        """Check every row by the rules of the fine-tuning format; with a model, its limit of tokens, too.

        With `against`, the names of providers such as ["openai", "together"], tell for each
        of them whether it would take the data, and why not; the rows are read once for all.
        With `tokens`, the tokens for the model are counted on the way, into `report.tokens`.
        With `processes`, a JSONL file that was read as it is is checked by that many new
        interpreters at once; a program that asks for it has to begin with
        `if __name__ == "__main__":`.

        Raises:
            ConfigurationError: A provider is unknown.
        """
        rows = self._rows
        rows.check_unchanged()
        if against is not None:
            from finetune_kit.datasets.providers.check import validate_against

            return validate_against(rows, self._picks, against, method=self._method, model=model)
        if isinstance(rows, JsonlFile) and self._picks == range(len(rows)) and rows.is_at_path():
            return validate_file(rows.path, method=self._method, model=model, tokens=tokens, processes=processes)
        path = rows.place(self._picks[0])[0] if self._picks and not isinstance(rows, JoinedRows) else None
        parts = numbered_lines(rows, self._picks)
        report = validate_parts(parts, path=path, method=self._method, model=model, tokens=tokens)
        return replace(report, skipped=rows.skipped)

    def fix(self) -> tuple[Dataset, FixReport]:
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
        step = f"fix: {sum(fixed.counts.values())} changes"
        history = (*self._history, step)
        data = Dataset(
            fixed.rows,
            range(len(fixed.rows)),
            method=self._method,
            source=self._source,
            history=history,
            removed=self._removed,
            parents=(self,),
        )
        return data, fixed.report(data.validate())

    def convert(
        self,
        to: str,
        *,
        reference: str = "reference_answer",
        rejected: Callable[[dict[str, Any]], str] | None = None,
    ) -> tuple[Dataset, ConversionReport]:
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
        history = (*self._history, f"convert to {method}: {len(rows)} of {len(self)} rows")
        data = Dataset(
            rows,
            range(len(rows)),
            method=method,
            source=self._source,
            history=history,
            removed=self._removed,
            parents=(self,),
        )
        return data, report

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

    def audit(
        self,
        *,
        held_out: Dataset | None = None,
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

        def rows_of(data: Dataset) -> Iterator[AuditRow]:
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
    ) -> Dataset:
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
        return Dataset(
            rows,
            self._picks,
            method=self._method,
            source=self._source,
            history=(*self._history, step),
            removed=self._removed,
            parents=(self,),
        )

    def provenance(self, position: int) -> Provenance:
        """Return where one row comes from, as far as its columns or `with_provenance` say."""
        from finetune_kit.datasets.provenance import row_provenance

        return row_provenance(self._rows, self._picks[position], self._method)

    def sources(self) -> tuple[SourceCount, ...]:
        """Return how many rows come from which source under which licence, most rows first."""
        from finetune_kit.datasets.provenance import summarise

        return summarise(self.provenance(position) for position in range(len(self))).sources

    def card(
        self,
        name: str,
        *,
        version: str | None = None,
        statements: Statements | None = None,
        audit: AuditReport | None = None,
        tokens: TokenCount | None = None,
        splits: Mapping[str, Dataset] | None = None,
        jobs: Sequence[str] = (),
    ) -> DatasetCard:
        """Return the card of this version of the dataset: a record to keep, publish and show to an auditor.

        Args:
            name: What the dataset is called.
            version: Such as "1.2.0".
            statements: What only people know: purpose, collection, consent, limitations.
            audit: What `audit` returned for this dataset.
            tokens: What `tokens` returned for it.
            splits: The parts that it was divided into, by name.
            jobs: Ids of the fine-tuning jobs that used it.

        Raises:
            ConfigurationError: The name is empty, or the audit or the token count is of other rows.
        """
        from finetune_kit.datasets.card import make_card

        return make_card(
            self, name, version=version, statements=statements, audit=audit, tokens=tokens, splits=splits, jobs=jobs
        )

    def redact(
        self,
        kinds: Collection[str] | None = None,
        *,
        replacement: str | None = None,
        settings: AuditSettings | None = None,
    ) -> Dataset:
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
            >>> rows = [{"q": "I am at ana@mail.pt, call +351 912 345 678.", "a": "Thank you."}]
            >>> Dataset.read(rows, user="q", assistant="a").redact()[0].messages[0].content
            'I am at [EMAIL], call [PHONE].'
        """
        from finetune_kit.datasets.audit import AuditSettings
        from finetune_kit.datasets.redact import Redactor, redact_rows

        self._rows.check_unchanged()
        regions = (settings or AuditSettings()).regions
        redacted = redact_rows(self._rows, self._picks, Redactor(kinds, replacement, regions))
        history = (*self._history, redacted.step())
        rows = redacted.rows
        return Dataset(
            rows,
            range(len(rows)),
            method=self._method,
            source=self._source,
            history=history,
            removed=self._removed,
            parents=(self,),
        )

    def forget(self, *identifiers: str, allow_ambiguous: bool = False) -> tuple[Dataset, Forgotten]:
        """Return the rows that do not name a person, and what was dropped.

        Give every form that identifies the person: addresses, the full name, phone and
        customer numbers. Messages, names, tool calls and results, all other keys and the
        columns beside the rows are searched, whatever the case, width, dashes and escapes.
        What files, jobs and models saw the rows, `client.lineage.exposure` finds out.

        Args:
            identifiers: What identifies the person.
            allow_ambiguous: Take single words and short numbers, which others may share.

        Raises:
            ConfigurationError: An identifier is too short, or would be found in rows about others.

        Example:
            >>> rows = [{"q": f"It is {name} here.", "a": "Hello!"} for name in ("Anna Meyer", "Joanna Meyer")]
            >>> remaining, forgotten = Dataset.read(rows, user="q", assistant="a").forget("anna meyer")
            >>> len(remaining), [mention.place.line for mention in forgotten.mentions]
            (1, [1])
        """
        from finetune_kit.datasets.forget import forgotten_rows, search_rows
        from finetune_kit.datasets.subject import Subject

        self._rows.check_unchanged()
        subject = Subject(identifiers, allow_ambiguous=allow_ambiguous)
        search = search_rows(self._rows, self._picks, subject)
        named = [mention.example - 1 for mention in search.mentions]
        dropped = frozenset(named)
        kept = [position for position in range(len(self)) if position not in dropped]
        step = f"forget by {len(subject)} identifiers"
        return self._view(kept, step), forgotten_rows(self._view(named, f"{step}, dropped"), search, subject)

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

    @overload
    def split(
        self,
        test: float = ...,
        *,
        validation: None = ...,
        seed: int = ...,
        stratify: Key | None = ...,
        group: Key | None = ...,
    ) -> tuple[Dataset, Dataset]: ...

    @overload
    def split(
        self,
        test: float = ...,
        *,
        validation: float,
        seed: int = ...,
        stratify: Key | None = ...,
        group: Key | None = ...,
    ) -> tuple[Dataset, Dataset, Dataset]: ...

    def split(
        self,
        test: float = 0.2,
        *,
        validation: float | None = None,
        seed: int = 0,
        stratify: Key | None = None,
        group: Key | None = None,
    ) -> tuple[Dataset, ...]:
        """Divide into train and test, or train, validation and test; every row is in exactly one.

        Sizes are fractions (0.2) or counts (50), kept to the row unless `group` is given. The
        same seed gives the same parts in every version of Python; each part keeps the order.

        Args:
            test: Size of the test part.
            validation: Size of the validation part; None for no such part.
            seed: Chooses the rows.
            stratify: Keep the proportions of this key, and at least one row of each in train:
                "assistant" (the text of the answer), a key of the rows, or a function of the example.
            group: Never divide rows with the same key, such as those of one customer.

        Raises:
            DatasetError: There are too few rows for these sizes.
        """
        if stratify is not None and group is not None:
            raise ConfigurationError("give stratify or group, not both: groups cannot be divided to keep proportions")
        sizes = split_sizes(len(self), test, validation)
        if group is not None:
            parts = grouped_parts(self._keys(group), sizes, seed)
        elif stratify is not None:
            parts = stratified_parts(self._keys(stratify), sizes, seed)
        else:
            parts = random_parts(len(self), sizes, seed)
        train, valid, tested = (
            self._view(part, f"split seed={seed}: {name}")
            for part, name in zip(parts, ("train", "validation", "test"), strict=True)
        )
        return (train, tested) if validation is None else (train, valid, tested)

    def stable_split(
        self, test: float = 0.2, *, validation: float | None = None, seed: int = 0, group: Key | None = None
    ) -> tuple[Dataset, ...]:
        """Divide so that rows which are added later move no row from its part.

        The part of a row depends on a hash of what it says (after normalisation, so that
        copies are never divided) or of its group, and on the seed: on no other row. The sizes,
        in all and of each label, are therefore kept in expectation only; `split` keeps them to the row.

        Args:
            test: Size of the test part, a fraction.
            validation: Size of the validation part, a fraction; None for no such part.
            seed: Chooses the rows.
            group: Never divide rows with the same key: "input" (what is asked), or a key as in `split`.

        Raises:
            DatasetError: A part would be empty.
        """
        from finetune_kit.datasets.deduplicate import Likeness, row_identities
        from finetune_kit.datasets.split_stable import stable_parts

        self._rows.check_unchanged()
        if group is None or group == "input":
            like = Likeness("normalised", "row" if group is None else "input")
            keys = row_identities(self._rows, self._picks, self._method, like)
        else:
            keys = iter(self._keys(group))
        parts = stable_parts(keys, test=test, validation=validation, seed=seed)
        sizes = f"test={test} validation={validation} seed={seed} group={said_key(group)}"
        return self._parts(parts, f"stable_split {sizes}", with_validation=validation is not None)

    def split_by_time(
        self,
        key: Key,
        *,
        test: float = 0.2,
        validation: float | None = None,
        since: Instant | None = None,
    ) -> tuple[Dataset, ...]:
        """Divide by time: the newest rows are tested on, those before validate, the oldest train.

        Rows of the same moment are never divided. With `since`, all rows from that moment on
        are tested on, and rows which are added later move no other.

        Args:
            key: Where the time stands: ISO 8601 text or a Unix time, or a function that returns a date.
            test: Size of the test part, a fraction or a count of rows.
            validation: Size of the validation part; None for no such part.
            since: The moment that begins the test part, in place of the sizes.

        Raises:
            ConfigurationError: A row has no time there; names its place.
            DatasetError: A part would be empty.
        """
        from finetune_kit.datasets.split_stable import newest_parts, parts_since, row_times

        if since is not None and validation is not None:
            raise ConfigurationError("give since or validation, not both: a moment divides in two")
        times = row_times(self._keys(key), self.places(), said_key(key))
        if since is not None:
            return self._parts(parts_since(times, since), f"split_by_time {said_key(key)} since={since}")
        parts = newest_parts(times, test=test, validation=validation)
        step = f"split_by_time {said_key(key)} test={test} validation={validation}"
        return self._parts(parts, step, with_validation=validation is not None)

    def deduplicate(
        self,
        *,
        by: By = "exact",
        of: Of = "row",
        keep: Keep = "first",
        jaccard: float = 0.7,
        ratio: float = 0.9,
    ) -> Dataset:
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
        self, test: Dataset, *, by: By = "normalised", of: Of = "input", jaccard: float = 0.7, ratio: float = 0.9
    ) -> Contamination:
        """Return which examples are like which of a test dataset, by default by what they ask.

        System prompts and tools are not looked at: a question is known under other instructions, too.
        The arguments are those of `deduplicate`.
        """
        from finetune_kit.datasets.decontaminate import contamination
        from finetune_kit.datasets.deduplicate import Likeness

        return contamination(self._part, test._part, Likeness(by, of, jaccard, ratio).check())

    def decontaminate(
        self, test: Dataset, *, by: By = "normalised", of: Of = "input", jaccard: float = 0.7, ratio: float = 0.9
    ) -> Dataset:
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

    def balance(self, by: Key = "assistant", *, to: To = "median", seed: int = 0) -> Dataset:
        """Return as many examples of each label, some left out at random, some repeated; `history` tells how many.

        Copies of an example stand side by side: shuffle before training. Balance the training
        part only, after splitting: copies in both parts would be tested on what was learned.

        Args:
            by: The label: "assistant" (the text of the answer), a key of the rows, or a function of the example.
            to: How many of each: "min", "median" or "max" of what there is, or a count.
            seed: Chooses the rows.
        """
        from finetune_kit.datasets.balance import balanced

        done = balanced(self._keys(by), to, seed)
        return self._view(done.positions, f"balance by={said_key(by)} to={to} seed={seed} ({done})")

    @classmethod
    def mix(
        cls,
        parts: Mapping[str, tuple[Dataset, float]] | Sequence[Dataset],
        *,
        weights: Sequence[float] | None = None,
        n: int | None = None,
        seed: int = 0,
    ) -> Dataset:
        """Mix datasets by weight, in random order.

        Args:
            parts: Datasets with their weights by name, or a list of datasets.
            weights: The weight of each dataset of a list; by default all the same.
            n: How many rows in all; a dataset that is too small for its share is repeated. By default as
                many as there can be while no row comes twice.
            seed: Chooses the rows and their order.

        Raises:
            ConfigurationError: A weight is missing or not above 0.
            DatasetError: The datasets are of different methods.
        """
        from finetune_kit.datasets.mixing import mixed_picks, mixed_sizes, named_parts

        named = named_parts(parts, weights)
        sizes = mixed_sizes([len(part.data) for part in named], [part.weight for part in named], n)
        views = []
        for number, (part, size) in enumerate(zip(named, sizes, strict=True)):
            data: Dataset = part.data
            picks = mixed_picks(len(data), size, seed + number)
            views.append(data._view(picks, f"mix in {part.name} weight={part.weight} seed={seed}"))
        joined: Dataset = functools.reduce(operator.add, views)
        return joined._view(seeded_order(len(joined), seed), f"mix of {len(named)} datasets seed={seed}")

    def diff(self, new: Dataset) -> DatasetDiff:
        """Return what a newer version added, removed, moved or answers otherwise, by the numbers of the examples."""
        from finetune_kit.datasets.diff import diff_parts

        return diff_parts(self._part, new._part)

    def shuffle(self, seed: int = 0) -> Dataset:
        """Return the examples in random order; the same seed gives the same order everywhere."""
        return self._view(seeded_order(len(self), seed), f"shuffle seed={seed}")

    def filter(
        self,
        keep: Callable[[Example], bool] | None = None,
        *,
        where: Callable[[dict[str, Any]], bool] | None = None,
    ) -> Dataset:
        """Return the examples for which `keep` is true of the typed example, or `where` of the row as a dict.

        A row is much sooner made into a dict than into a typed example, which is checked: on
        large data take `where`.

        Raises:
            ConfigurationError: Neither is given, or both are.
            FormatError: A row is no JSON object; with `keep`, no example of its method.
        """
        if (keep is None) == (where is None):
            raise ConfigurationError("give keep, a function of the typed example, or where, one of the row as a dict")
        if keep is not None:
            return self._view([position for position, example in enumerate(self) if keep(example)], "filter")
        self._rows.check_unchanged()
        rows = (parse_row(self._rows, index, self._method) for index in self._picks)
        return self._view([position for position, row in enumerate(rows) if where and where(row)], "filter")

    def take(self, n: int) -> Dataset:
        """Return the first `n` examples, or all if there are fewer."""
        return self._view(range(min(max(n, 0), len(self))), f"take {n}")

    def sample(self, n: int, *, seed: int = 0, stratify: Key | None = None) -> Dataset:
        """Return `n` examples chosen at random, in their order; with `stratify`, in proportion to that key."""
        if not 0 < n <= len(self):
            raise ConfigurationError(f"cannot sample {n} of {len(self)} examples: give a count from 1 to {len(self)}")
        chosen = sorted(seeded_order(len(self), seed)[:n])
        if stratify is not None:
            chosen = stratified_sample(self._keys(stratify), n, seed)
        return self._view(chosen, f"sample {n} seed={seed}")

    @overload
    def __getitem__(self, index: int) -> Example: ...

    @overload
    def __getitem__(self, index: slice) -> Dataset: ...

    def __getitem__(self, index: int | slice) -> Example | Dataset:
        if isinstance(index, slice):
            return self._view(range(len(self))[index], "slice")
        self._rows.check_unchanged()
        return build_example(self._rows, self._picks[index], self._method)

    def __iter__(self) -> Iterator[Example]:
        self._rows.check_unchanged()
        for index in self._picks:
            yield build_example(self._rows, index, self._method)

    def __len__(self) -> int:
        return len(self._picks)

    def __add__(self, other: Dataset) -> Dataset:
        if not isinstance(other, Dataset):
            return NotImplemented
        if other.method != self._method:
            raise DatasetError(f"cannot join a {self._method} dataset and a {other.method} one: they train differently")
        rows = JoinedRows([(self._rows, self._picks), (other._rows, other._picks)])
        source = self._source if self._source == other.source else f"{self._source} and {other.source}"
        history = (*self._history, *other.history, f"join: {len(rows)} rows")
        return Dataset(
            rows,
            range(len(rows)),
            method=self._method,
            source=source,
            history=history,
            removed=self._removed + other._removed,
            parents=(self, other),
        )

    def __repr__(self) -> str:
        left_out = f", {len(self.skipped)} skipped" if self.skipped else ""
        # Showing a dataset is no reason to read gigabytes.
        known = "fingerprint" in self.__dict__ or len(self) <= _FINGERPRINTED_TO_SHOW
        prefix = f", fingerprint {self.fingerprint[:_SHOWN_DIGITS]}" if known else ""
        return f"Dataset({len(self)} {self._method} examples from {self._source!r}{left_out}{prefix})"

    def _blocks(self) -> Iterable[bytes | memoryview]:
        self._rows.check_unchanged()
        return self._rows.blocks(self._picks) if isinstance(self._rows, JsonlFile) else self.lines()

    def _view(self, positions: Sequence[int], step: str, removed: Removals | None = None) -> Dataset:
        whole = self._picks == range(len(self._rows))
        picks = array("Q", positions if whole else map(self._picks.__getitem__, positions))
        return Dataset(
            self._rows,
            picks,
            method=self._method,
            source=self._source,
            history=(*self._history, f"{step}: {len(picks)} of {len(self)} rows"),
            removed=self._removed + removed if removed else self._removed,
            parents=(self,),
        )

    def _without(self, positions: Sequence[int], removed: Removals, step: str) -> Dataset:
        gone = set(positions)
        return self._view([position for position in range(len(self)) if position not in gone], step, removed)

    def _parts(
        self, parts: tuple[list[int], list[int], list[int]], step: str, *, with_validation: bool = False
    ) -> tuple[Dataset, ...]:
        names = ("train", "validation", "test")
        train, valid, test = (self._view(part, f"{step}: {name}") for part, name in zip(parts, names, strict=True))
        return (train, valid, test) if with_validation else (train, test)

    @property
    def _part(self) -> Part:
        from finetune_kit.datasets.decontaminate import Part

        self._rows.check_unchanged()
        return Part(self._rows, self._picks, self._method)

    def _keys(self, key: Key) -> list[object]:
        self._rows.check_unchanged()
        return row_keys(self._rows, self._picks, self._method, key)
