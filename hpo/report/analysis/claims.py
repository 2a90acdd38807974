"""What may be said of two strategies at one endpoint: test, effect and interval, and the word they allow.

The sequence of endpoints and its gates are in `claims`; sentences are in `verdict`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hpo.report.analysis.endpoints import Endpoint, endpoints
from hpo.report.analysis.pairs import Pair, block_losses, pair_up, rope_of, without_rounding
from hpo.report.analysis.records import Experiment
from hpo.report.analysis.scale import Scale
from hpo.statistics.bootstrap import Interval, Resampling, mean_difference_interval
from hpo.statistics.paired import ALPHA, FEWEST, detectable_difference, hodges_lehmann, holm, signed_rank_p
from hpo.statistics.ranks import rank

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


@dataclass(frozen=True)
class Look:
    """All pairs at one endpoint.

    Attributes:
        endpoint: Where.
        omnibus: p of Friedman's test over all strategies; None with fewer than three, or when not all have the same
            seeds (tasks).
        comparisons: One a pair.
        called: For each pair the strategy called better, after the gates; None without.
    """

    endpoint: Endpoint
    omnibus: float | None
    comparisons: Sequence[Comparison]
    called: Sequence[str | None]

    def winner(self, strategies: Sequence[str]) -> str | None:
        """Returns the strategy that was called better than every other."""
        n_called = {name: sum(called == name for called in self.called) for name in strategies}
        needed = len(strategies) - 1
        return next((name for name, count in n_called.items() if needed and count == needed), None)


def take_looks(experiment: Experiment, scales: Mapping[str, Scale], *, source: Resampling) -> list[Look]:
    """Returns the looks in the order in which they are tested, the primary endpoint first.

    At each look Friedman's test over all strategies comes first (with three or more), then p-values are Holm-adjusted
    over all pairs (Demšar 2006), and a pair may be called better only in the direction in
    which it was called better at every look before (fixed-sequence gatekeeping; Westfall & Krishen 2001). The
    probability of any false call in the whole sequence is at most 5 % as long as two strategies that are equal at one
    look are equal at the looks tested before it; each look on its own is held at 5 % whatever is true.
    """
    looks: list[Look] = []
    rope = rope_of(experiment, scales)
    for endpoint in endpoints(experiment, scales):
        pairs = pair_up(experiment, endpoint, scales)
        omnibus = _omnibus(experiment, endpoint, scales, pairs)
        comparisons = compare(pairs, rope=rope, source=source, omnibus=omnibus)
        called = [comparison.ahead if comparison.kind == "better" else None for comparison in comparisons]
        if looks:
            called = [name if name == before else None for name, before in zip(called, looks[-1].called, strict=True)]
        looks.append(Look(endpoint, omnibus, comparisons, called))
    return looks


def _omnibus(
    experiment: Experiment, endpoint: Endpoint, scales: Mapping[str, Scale], pairs: Sequence[Pair]
) -> float | None:
    units, ranked, _ = block_losses(experiment, endpoint, scales, experiment.strategies)
    is_balanced = all(pair.n == len(units) for pair in pairs)
    return rank(experiment.strategies, ranked).p if is_balanced else None
