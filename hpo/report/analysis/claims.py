"""What may be said of two strategies: which studies are paired, their test, effect, interval and the word they allow.

One task: the unit is the seed. Several tasks: the unit is the task, its seeds averaged as normalised regret. Sentences
are in `verdict`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hpo.report.analysis.endpoints import Endpoint, endpoints
from hpo.report.analysis.records import Experiment, Place
from hpo.report.analysis.regrets import Scale
from hpo.statistics.equality import exceeds, levelled_differences
from hpo.statistics.interval import Interval
from hpo.statistics.paired import Ranking, holm, rank
from hpo.statistics.signed_rank import (
    ALPHA,
    FEWEST,
    detectable_difference,
    hodges_lehmann,
    signed_rank_interval,
    signed_rank_p,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Blocks:
    """Losses of some strategies in the units that all of them have; shapes are (n_strategies, n_units).

    Attributes:
        units: Names of what is paired: seeds or tasks.
        ranked: Infinite where a study had nothing to show: worse than any value.
        filled: The same with the worst value seen on the task in the place of infinite ones.
        sizes: The largest magnitude each loss was computed from, in its units: what is equal depends on it.
    """

    units: tuple[str, ...]
    ranked: Floats
    filled: Floats
    sizes: Floats

    def ranking(self, strategies: Sequence[str]) -> Ranking:
        """Returns the strategies ranked within each unit."""
        return rank(strategies, self.ranked, self.sizes)


@dataclass(frozen=True)
class Pair:
    """Two strategies at one endpoint.

    Attributes:
        first, second: Their names.
        blocks: Their losses.
        left_out: (task, seed) only one of both has a loss for.
        is_whole: Whether every study behind it has something to show: nothing is filled.
    """

    first: str
    second: str
    blocks: Blocks
    left_out: tuple[Place, ...]
    is_whole: bool

    @property
    def n(self) -> int:
        return len(self.blocks.units)

    @cached_property
    def differences(self) -> Floats:
        """first - second, negative where the first is better; 0 where neither had anything to show."""
        first, second = self.blocks.ranked
        with np.errstate(invalid="ignore"):
            exact = np.nan_to_num(first - second, nan=0.0, posinf=np.inf, neginf=-np.inf)
        return levelled_differences(exact, self.blocks.sizes.max(axis=0))

    @cached_property
    def filled_differences(self) -> Floats:
        """The same of filled losses: all finite."""
        first, second = self.blocks.filled
        return levelled_differences(first - second, self.blocks.sizes.max(axis=0))


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
) -> Blocks:
    """Returns the losses of strategies in the places all of them share; over several tasks seeds are averaged."""
    places = common_places(experiment, endpoint, strategies)
    ranked = np.array([[endpoint.losses[s][place] for place in places] for s in strategies], float)
    ranked = ranked.reshape(len(strategies), len(places))
    filled = np.where(np.isfinite(ranked), ranked, [endpoint.worst.get(task, 0.0) for task, _ in places])
    if len(experiment.tasks) == 1:
        return Blocks(tuple(f"seed {seed}" for _, seed in places), ranked, filled, np.abs(filled))
    tasks = tuple(dict.fromkeys(task for task, _ in places))
    means = np.full((len(strategies), len(tasks)), np.nan)
    sizes, failed = np.zeros_like(means), np.zeros_like(means, bool)
    for column, task in enumerate(tasks):
        own = [index for index, place in enumerate(places) if place[0] == task]
        scale = scales[task]
        best = scale.best if math.isfinite(scale.best) else 0.0
        means[:, column] = (filled[:, own].mean(axis=1) - best) / scale.span
        sizes[:, column] = np.maximum(np.abs(filled[:, own]).max(axis=1), abs(best)) / scale.span
        failed[:, column] = np.isinf(ranked[:, own]).all(axis=1)
    return Blocks(tasks, np.where(failed, np.inf, means), means, sizes)


def _pair(experiment: Experiment, endpoint: Endpoint, scales: Mapping[str, Scale], names: tuple[str, str]) -> Pair:
    blocks = block_losses(experiment, endpoint, scales, names)
    places = dict.fromkeys((s.task, s.seed) for s in experiment.studies if s.strategy in names)
    both = set(common_places(experiment, endpoint, names))
    left_out = tuple(place for place in places if place not in both)
    is_whole = all(math.isfinite(endpoint.losses[name][place]) for name in names for place in both)
    return Pair(*names, blocks, left_out, is_whole)


Kind = Literal["better", "equivalent", "undecided", "underpowered"]


@dataclass(frozen=True)
class Comparison:
    """A pair, compared. All differences are losses, first - second: negative where the first is better.

    Attributes:
        pair: What was compared.
        p, adjusted: Of the exact paired Wilcoxon test: raw, and Holm-adjusted over all pairs at this endpoint. None
            where the comparison stops when it is decided: `sequential` says then what was tested.
        shift: Hodges-Lehmann estimate of the difference: the one effect. Infinite where so many studies have nothing
            to show that no difference of values is typical.
        interval: The 95 % interval that belongs to both: it excludes 0 exactly when `p` is below .05. One that holds at
            every look where the comparison stops when it is decided.
        detectable: Smallest shift found with 80 % power; None where that cannot be computed.
        is_open: Whether Friedman's test over all strategies lets pairs be told apart.
        kind: The word this endpoint alone allows.
    """

    pair: Pair
    p: float | None
    adjusted: float | None
    shift: float
    interval: Interval
    detectable: float | None
    is_open: bool
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


def compare(pairs: Sequence[Pair], *, rope: float, omnibus: float | None = None) -> list[Comparison]:
    """Returns the comparison of each pair; p-values are adjusted over all of them.

    Args:
        pairs: What is compared.
        rope: Differences up to this do not matter.
        omnibus: p of Friedman's test over all strategies; unless it is below .05 no pair is told apart. None without.
    """
    is_open = omnibus is None or omnibus < ALPHA
    raw = [signed_rank_p(pair.differences) for pair in pairs]
    comparisons = []
    for pair, p, adjusted in zip(pairs, raw, holm(raw), strict=True):
        interval, shift = signed_rank_interval(pair.differences), hodges_lehmann(pair.differences)
        detectable = detectable_difference(pair.filled_differences, n_tests=len(pairs))
        kind = _kind(pair, adjusted=adjusted if is_open else 1.0, shift=shift, interval=interval, rope=rope)
        comparisons.append(Comparison(pair, p, adjusted, shift, interval, detectable, is_open, kind))
    return comparisons


def _kind(pair: Pair, *, adjusted: float, shift: float, interval: Interval, rope: float) -> Kind:
    if pair.n < FEWEST:
        return "underpowered"
    if adjusted < ALPHA and exceeds(abs(shift), rope):
        return "better"
    return "equivalent" if pair.is_whole and rope > 0 and interval.is_within(rope) else "undecided"


@dataclass(frozen=True)
class Look:
    """All pairs at one endpoint.

    Attributes:
        endpoint: Where.
        ranking: All strategies ranked, with Friedman's test; None when not all have the same seeds (tasks).
        comparisons: One a pair.
        called: For each pair the strategy called better, after the gates; None without.
    """

    endpoint: Endpoint
    ranking: Ranking | None
    comparisons: Sequence[Comparison]
    called: Sequence[str | None]

    @property
    def omnibus(self) -> float | None:
        """p of Friedman's test over all strategies; None with fewer than three, or without a ranking of all."""
        return self.ranking.p if self.ranking else None

    @property
    def compared(self) -> Iterator[tuple[Comparison, str | None]]:
        """Each comparison and the strategy called better in it."""
        return zip(self.comparisons, self.called, strict=True)

    def winner(self, strategies: Sequence[str]) -> str | None:
        """Returns the strategy that was called better than every other."""
        n_called = {name: sum(called == name for called in self.called) for name in strategies}
        needed = len(strategies) - 1
        return next((name for name, count in n_called.items() if needed and count == needed), None)


def take_looks(experiment: Experiment, scales: Mapping[str, Scale]) -> list[Look]:
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
        ranking = _ranking(experiment, endpoint, scales, pairs)
        comparisons = compare(pairs, rope=rope, omnibus=ranking.p if ranking else None)
        called = [comparison.ahead if comparison.kind == "better" else None for comparison in comparisons]
        if looks:
            called = [name if name == before else None for name, before in zip(called, looks[-1].called, strict=True)]
        looks.append(Look(endpoint, ranking, comparisons, called))
    return looks


def _ranking(
    experiment: Experiment, endpoint: Endpoint, scales: Mapping[str, Scale], pairs: Sequence[Pair]
) -> Ranking | None:
    blocks = block_losses(experiment, endpoint, scales, experiment.strategies)
    is_balanced = all(pair.n == len(blocks.units) for pair in pairs)
    return blocks.ranking(experiment.strategies) if is_balanced else None
