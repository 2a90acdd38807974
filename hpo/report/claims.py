"""What may be said of two strategies at one endpoint: test, effect and interval, and the word they allow.

The sequence of endpoints and its gates are in `looks`; sentences are in `verdict`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hpo.report.intervals import Interval, Resampling, mean_difference_interval
from hpo.report.pairs import Pair, without_rounding
from hpo.report.signed_rank import ALPHA, FEWEST, detectable_difference, hodges_lehmann, holm, signed_rank_p

Kind = Literal["better", "equivalent", "undecided", "underpowered"]


@dataclass(frozen=True)
class Comparison:
    """A pair, compared. All differences are losses, first - second: negative where the first is better.

    Attributes:
        pair: What was compared.
        p, adjusted: Of the exact paired Wilcoxon test: raw, and Holm-adjusted over all pairs at this endpoint.
        shift: Hodges-Lehmann estimate of the difference; the effect that is held against the ROPE. Infinite where
            so many studies have nothing to show that no difference of values is typical.
        mean, interval: Mean of the filled differences and its 95 % interval, resampled in pairs.
        detectable: Smallest shift found with 80 % power; None where none can be.
        kind: The word this endpoint alone allows.
    """

    pair: Pair
    p: float
    adjusted: float
    shift: float
    mean: float
    interval: Interval
    detectable: float | None
    kind: Kind

    @property
    def ahead(self) -> str | None:
        """The strategy with the lower loss, by the effect; None when level."""
        return None if self.shift == 0 else self.pair.first if self.shift < 0 else self.pair.second

    @property
    def wins(self) -> int:
        return int(np.sum(self.pair.differences < 0))

    @property
    def defeats(self) -> int:
        return int(np.sum(self.pair.differences > 0))

    @property
    def ties(self) -> int:
        return self.pair.n - self.wins - self.defeats


def compare(
    pairs: Sequence[Pair], *, rope: float, source: Resampling, omnibus: float | None = None
) -> list[Comparison]:
    """Returns the comparison of each pair; p-values are adjusted over all of them.

    Args:
        pairs: What is compared.
        rope: Differences up to this do not matter.
        source: Of the bootstrap.
        omnibus: p of Friedman's test over all strategies; unless it is below .05 no pair is told apart. None without.
    """
    is_open = omnibus is None or omnibus < ALPHA
    raw = [signed_rank_p(pair.differences) for pair in pairs]
    return [
        _comparison(pair, (p, adjusted), rope=rope, n_tests=len(pairs), source=source, is_open=is_open)
        for pair, p, adjusted in zip(pairs, raw, holm(raw), strict=True)
    ]


def _comparison(
    pair: Pair, p_values: tuple[float, float], *, rope: float, n_tests: int, source: Resampling, is_open: bool
) -> Comparison:
    differences = pair.filled_differences
    interval = mean_difference_interval(pair.filled[0], pair.filled[1], source=source)
    effect = np.array(hodges_lehmann(pair.differences))
    shift = float(without_rounding(effect, np.max(np.abs(pair.filled), initial=0.0)))
    return Comparison(
        pair=pair,
        p=p_values[0],
        adjusted=p_values[1],
        shift=shift,
        mean=float(np.mean(differences)) if pair.n else 0.0,
        interval=interval,
        detectable=detectable_difference(differences, n_tests=n_tests),
        kind=_kind(pair, adjusted=p_values[1] if is_open else 1.0, shift=shift, interval=interval, rope=rope),
    )


def _kind(pair: Pair, *, adjusted: float, shift: float, interval: Interval, rope: float) -> Kind:
    if pair.n < FEWEST:
        return "underpowered"
    if adjusted < ALPHA and abs(shift) > rope:
        return "better"
    return "equivalent" if pair.is_whole and rope > 0 and interval.is_within(rope) else "undecided"
