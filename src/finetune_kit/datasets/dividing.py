"""Choosing among the rows of a dataset: parts, samples, orders and mixtures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from finetune_kit.datasets.rows import parse_row
from finetune_kit.datasets.split import (
    grouped_parts,
    random_parts,
    seeded_order,
    split_sizes,
    stratified_parts,
    stratified_sample,
)
from finetune_kit.datasets.split_stable import said_key
from finetune_kit.datasets.view import View
from finetune_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from finetune_kit.datasets.balance import To
    from finetune_kit.datasets.labels import Key
    from finetune_kit.datasets.split_stable import Instant
    from finetune_kit.types.examples import Example

__all__ = ["Dividing"]


class Dividing(View):
    """What chooses and orders rows; every result looks at the same rows."""

    @overload
    def split(
        self,
        test: float = ...,
        *,
        validation: None = ...,
        seed: int = ...,
        stratify: Key | None = ...,
        group: Key | None = ...,
    ) -> tuple[Self, Self]: ...

    @overload
    def split(
        self,
        test: float = ...,
        *,
        validation: float,
        seed: int = ...,
        stratify: Key | None = ...,
        group: Key | None = ...,
    ) -> tuple[Self, Self, Self]: ...

    def split(
        self,
        test: float = 0.2,
        *,
        validation: float | None = None,
        seed: int = 0,
        stratify: Key | None = None,
        group: Key | None = None,
    ) -> tuple[Self, ...]:
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
    ) -> tuple[Self, ...]:
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
    ) -> tuple[Self, ...]:
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

    def balance(self, by: Key = "assistant", *, to: To = "median", seed: int = 0) -> Self:
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

    def shuffle(self, seed: int = 0) -> Self:
        """Return the examples in random order; the same seed gives the same order everywhere."""
        return self._view(seeded_order(len(self), seed), f"shuffle seed={seed}")

    def filter(
        self,
        keep: Callable[[Example], bool] | None = None,
        *,
        where: Callable[[dict[str, Any]], bool] | None = None,
    ) -> Self:
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

    def take(self, n: int) -> Self:
        """Return the first `n` examples, or all if there are fewer."""
        return self._view(range(min(max(n, 0), len(self))), f"take {n}")

    def sample(self, n: int, *, seed: int = 0, stratify: Key | None = None) -> Self:
        """Return `n` examples chosen at random, in their order; with `stratify`, in proportion to that key."""
        if not 0 < n <= len(self):
            raise ConfigurationError(f"cannot sample {n} of {len(self)} examples: give a count from 1 to {len(self)}")
        chosen = sorted(seeded_order(len(self), seed)[:n])
        if stratify is not None:
            chosen = stratified_sample(self._keys(stratify), n, seed)
        return self._view(chosen, f"sample {n} seed={seed}")
