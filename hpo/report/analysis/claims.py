"""What may be said of two strategies: which studies are paired, their test, effect, interval and the word they allow.

One task: the unit is the seed. Several tasks: the unit is the task, its seeds averaged as normalised regret. Sentences
are in `verdict`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hpo.report.analysis.endpoints import Endpoint, endpoints
from hpo.report.analysis.records import Experiment, Place
from hpo.report.analysis.regrets import Scale
from hpo.statistics.bootstrap import Interval, Resampling, mean_difference_interval
from hpo.statistics.paired import ALPHA, FEWEST, detectable_difference, hodges_lehmann, holm, rank, signed_rank_p

Floats = NDArray[np.float64]
ROUNDING = 1e-12  # relative: a mean of a few values is off by a few 1e-16


@dataclass(frozen=True)
class Pair:
    """Two strategies at one endpoint.

    Attributes:
        first, second: Their names.
        units: Names of what is paired: seeds or tasks.
        ranked: Losses of both, shape (2, n); infinite where a study had nothing to show: worse than any value.
        filled: The same with the worst value seen on the task in the place of infinite ones, for means and intervals.
        left_out: (task, seed) only one of both has a loss for.
        is_whole: Whether every study behind it has something to show: nothing is filled.
    """

    first: str
    second: str
    units: tuple[str, ...]
    ranked: Floats
    filled: Floats
    left_out: tuple[Place, ...]
    is_whole: bool

    @property
    def n(self) -> int:
        return len(self.units)

    @property
    def differences(self) -> Floats:
        """first - second, negative where the first is better; 0 where neither had anything to show."""
        with np.errstate(invalid="ignore"):
            exact = np.nan_to_num(self.ranked[0] - self.ranked[1], nan=0.0, posinf=np.inf, neginf=-np.inf)
        return without_rounding(exact, self.filled)

    @property
    def filled_differences(self) -> Floats:
        return without_rounding(self.filled[0] - self.filled[1], self.filled)


def without_rounding(differences: Floats, values: Floats) -> Floats:
    """Returns differences with those that rounding alone explains set to 0: a tie must not count as a win."""
    size = np.max(np.abs(values), axis=0, initial=0.0)
    return np.where(np.abs(differences) <= ROUNDING * size, 0.0, differences)


def pair_up(experiment: Experiment, endpoint: Endpoint, scales: Mapping[str, Scale]) -> list[Pair]:
    """Returns all pairs of strategies, in the order of the design."""
    pairs = combinations(experiment.strategies, 2)
    return [_pair(experiment, endpoint, scales, names) for names in pairs]


def rope_of(experiment: Experiment, scales: Mapping[str, Scale]) -> float:
    """Returns the region of practical equivalence in the units of the differences.

    Over several tasks it is the mean of rope / (f_ref - f*).
    """
    if len(experiment.tasks) == 1:
        return experiment.rope
    return (
        float(np.mean([experiment.rope / scales[task].span for task in experiment.tasks])) if experiment.tasks else 0.0
    )


def common_places(experiment: Experiment, endpoint: Endpoint, strategies: Sequence[str]) -> list[Place]:
    """Returns the (task, seed) all of these strategies have a loss for, in the order of the design."""
    order = dict.fromkeys((study.task, study.seed) for study in experiment.studies)
    return [place for place in order if all(place in endpoint.losses[strategy] for strategy in strategies)]


def block_losses(
    experiment: Experiment, endpoint: Endpoint, scales: Mapping[str, Scale], strategies: Sequence[str]
) -> tuple[tuple[str, ...], Floats, Floats]:
    """Returns units and their losses, ranked and filled, shape (n_strategies, n_units), of the places all share."""
    places = common_places(experiment, endpoint, strategies)
    ranked = np.array([[endpoint.losses[s][place] for place in places] for s in strategies], float)
    ranked = ranked.reshape(len(strategies), len(places))
    filled = np.where(np.isfinite(ranked), ranked, [endpoint.worst.get(task, 0.0) for task, _ in places])
    if len(experiment.tasks) == 1:
        return tuple(f"seed {seed}" for _, seed in places), ranked, filled
    tasks = tuple(dict.fromkeys(task for task, _ in places))
    means = np.full((len(strategies), len(tasks)), np.nan)
    failed = np.zeros_like(means, bool)
    for column, task in enumerate(tasks):
        own = [index for index, place in enumerate(places) if place[0] == task]
        scale = scales[task]
        best = scale.best if math.isfinite(scale.best) else 0.0
        means[:, column] = (filled[:, own].mean(axis=1) - best) / scale.span
        failed[:, column] = np.isinf(ranked[:, own]).all(axis=1)
    return tasks, np.where(failed, np.inf, means), means


def _pair(experiment: Experiment, endpoint: Endpoint, scales: Mapping[str, Scale], names: tuple[str, str]) -> Pair:
    units, ranked, filled = block_losses(experiment, endpoint, scales, names)
    places = dict.fromkeys((s.task, s.seed) for s in experiment.studies if s.strategy in names)
    both = set(common_places(experiment, endpoint, names))
    left_out = tuple(place for place in places if place not in both)
    is_whole = all(math.isfinite(endpoint.losses[name][place]) for name in names for place in both)
    return Pair(*names, units, ranked, filled, left_out, is_whole)


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
    def name(self) -> str:
        """The difference in words."""
        return f"{self.pair.first} − {self.pair.second}"

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
    comparisons = []
    for pair, p, adjusted in zip(pairs, raw, holm(raw), strict=True):
        differences = pair.filled_differences
        interval = mean_difference_interval(pair.filled[0], pair.filled[1], source=source)
        effect = np.array(hodges_lehmann(pair.differences))
        shift = float(without_rounding(effect, np.max(np.abs(pair.filled), initial=0.0)))
        mean = float(np.mean(differences)) if pair.n else 0.0
        detectable = detectable_difference(differences, n_tests=len(pairs))
        kind = _kind(pair, adjusted=adjusted if is_open else 1.0, shift=shift, interval=interval, rope=rope)
        comparisons.append(Comparison(pair, p, adjusted, shift, mean, interval, detectable, kind))
    return comparisons


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

    @property
    def compared(self) -> Iterator[tuple[Comparison, str | None]]:
        """Each comparison and the strategy called better in it."""
        return zip(self.comparisons, self.called, strict=True)

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
