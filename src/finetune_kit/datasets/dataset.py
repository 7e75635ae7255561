"""A dataset: an immutable sequence of examples that stay bytes until somebody asks."""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING

from finetune_kit.datasets.cleaning import Cleaning
from finetune_kit.datasets.converting import Converting
from finetune_kit.datasets.dividing import Dividing
from finetune_kit.datasets.documenting import Documenting
from finetune_kit.datasets.readers import Format, Source, read_source
from finetune_kit.datasets.rows import guess_method
from finetune_kit.datasets.sources.found import OnError, Options, Roles
from finetune_kit.datasets.split import seeded_order
from finetune_kit.datasets.validate import known_method

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from finetune_kit.datasets.audit import AuditReport
    from finetune_kit.datasets.card import DatasetCard, Statements
    from finetune_kit.datasets.forget import Forgotten
    from finetune_kit.datasets.templates import Text
    from finetune_kit.datasets.tokens import TokenCount

__all__ = ["Dataset"]


class Dataset(Cleaning, Dividing, Converting, Documenting):
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
