"""A check for rows that are more like the rows of another label than like those of their own."""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from finetune_kit.datasets.audit.check import AuditRule, AuditSettings, Check, Hit
from finetune_kit.datasets.audit.classification import LONGEST_LABEL, folded, is_classification
from finetune_kit.datasets.audit.sides import Spot, sides, spot
from finetune_kit.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from finetune_kit.datasets.audit.row import AuditRow

__all__ = ["CHECKS", "Mislabel"]

_NEEDED: Final = ("numpy", "sklearn")
_ROWS_OF_A_LABEL: Final = 5
_MOST_CELLS: Final = 200_000_000
_MOST_FEATURES: Final = 50_000
_SHOWN_CHARACTERS: Final = 40


class _Labelled(NamedTuple):
    spot: Spot
    asked: str
    label: str


class Mislabel(Check):
    """Rows of a classification that seem to have the wrong label."""

    id = "mislabel"
    method = (
        "cosine similarity of TF-IDF vectors (2 to 4 characters) to the centroid of each label, the row itself left "
        "out; reported where another label is nearer by `margin` times what is usual for the own one, or by `most`, "
        "if the nearest centroid is right by `skill` of what always guessing the most frequent label leaves"
    )
    rules: ClassVar[Mapping[str, AuditRule]] = MappingProxyType(
        {
            "mislabel": AuditRule(
                "hint",
                "Rocchio 1971 (centroids); Northcutt et al. 2021, Pervasive Label Errors in Test Sets",
                "read the row, and correct its label if the other one is right; the most suspicious rows come first",
            ),
        }
    )
    defaults: ClassVar[Mapping[str, float]] = MappingProxyType({"margin": 1.5, "most": 0.35, "skill": 0.4})
    applies_to = ("supervised",)

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        for package in _NEEDED:
            if find_spec(package) is None:
                raise MissingExtraError("looking for wrong labels", "labels", package=package)
        self._rows: list[_Labelled] = []

    def see(self, row: AuditRow) -> Iterable[Hit]:
        """Keep a row with a short answer."""
        said = sides(row)
        if said.asked.strip() and 0 < len(said.taught.strip()) <= LONGEST_LABEL:
            self._rows.append(_Labelled(spot(row), said.asked, said.taught.strip()))
        return ()

    def finish(self) -> Iterator[Hit]:
        """Yield the rows that look like another label, the most suspicious first."""
        if not is_classification(row.label for row in self._rows):
            self.why_not_run = "this is no classification: the answers are not short and given again and again"
            return
        counts = Counter(folded(row.label) for row in self._rows)
        rows = [row for row in self._rows if counts[folded(row.label)] >= _ROWS_OF_A_LABEL]
        names = {folded(row.label): row.label for row in reversed(rows)}
        if len(rows) * len(names) > _MOST_CELLS:
            self.why_not_run = f"{len(rows):,} rows with {len(names):,} labels are too many: audit a sample"
            return
        self.n_examined = len(rows)
        labels = list(names)
        numbers = {label: number for number, label in enumerate(labels)}
        suspects = _suspects([row.asked for row in rows], [numbers[folded(row.label)] for row in rows], self.thresholds)
        if suspects is None:
            self.n_examined = 0
            self.why_not_run = "the words of the inputs do not tell the labels apart"
            return
        for row, other in suspects:
            here = rows[row].spot
            reason = f"the row is more like those with label {names[labels[other]][:_SHOWN_CHARACTERS]!r}"
            yield Hit("mislabel", reason, place=here.place, example=here.number)


def _suspects(
    texts: Sequence[str], labels: Sequence[int], thresholds: Mapping[str, float]
) -> list[tuple[int, int]] | None:
    """Return the rows that are much nearer to another label, each with that label; None if too many are nearer."""
    import numpy as np

    own_labels = np.asarray(labels)
    nearness = _nearness(texts, own_labels)
    rows = np.arange(len(texts))
    own = nearness[rows, own_labels]
    nearness[rows, own_labels] = -np.inf
    other = nearness.argmax(axis=1)
    ahead = own - nearness[rows, other]
    guessed = float(np.bincount(own_labels).max() / len(texts))
    if (ahead > 0).mean() - guessed < thresholds["skill"] * (1 - guessed):
        return None
    usual = float(np.median(ahead[ahead > 0]))
    # Where labels are far apart, a multiple of what is usual would be more than two cosines can differ by.
    least = min(thresholds["margin"] * usual, thresholds["most"])
    order = np.argsort(ahead, kind="stable")
    return [(int(row), int(other[row])) for row in order if ahead[row] < -least]


def _nearness(texts: Sequence[str], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the cosine of each text (about the mean of all) to the centroid of each label, itself left out.

    With the sum s of the n centred rows of a label, the centroid without row x points along s - x.
    """
    import numpy as np

    text = import_module("sklearn.feature_extraction.text")
    vectorizer = text.TfidfVectorizer(
        analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, max_features=_MOST_FEATURES
    )
    rows = vectorizer.fit_transform(texts)
    every = np.arange(len(texts))
    mean = np.asarray(rows.mean(axis=0)).ravel()
    counts = np.bincount(labels)
    sums = np.vstack([rows[labels == label].sum(axis=0) for label in range(len(counts))])
    sums = np.asarray(sums) - counts[:, None] * mean
    squares = np.asarray(rows.multiply(rows).sum(axis=1)).ravel() - 2 * (rows @ mean) + mean @ mean
    dots = np.asarray(rows @ sums.T) - sums @ mean
    lengths = (sums**2).sum(axis=1)
    nearness = dots / np.sqrt(np.maximum(lengths, _TINY))
    own = dots[every, labels]
    without = np.maximum(lengths[labels] - 2 * own + squares, _TINY)
    nearness[every, labels] = (own - squares) / np.sqrt(without)
    return np.asarray(nearness / np.sqrt(np.maximum(squares, _TINY))[:, None])


# Keeps a text that is the mean of all, or a label of one text, from dividing by zero.
_TINY: Final = 1e-12

CHECKS: Final[tuple[type[Check], ...]] = (Mislabel,)
