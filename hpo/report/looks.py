"""The looks of the verdict in their fixed order, and which strategies may be called better at each.

The order and the gates keep "better" believable: a look only repeats what every look before it said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpo.report.claims import Comparison, compare
from hpo.report.friedman import rank
from hpo.report.intervals import Resampling
from hpo.report.pairs import Pair, block_losses, pair_up, rope_of
from hpo.report.primary import Endpoint, endpoints
from hpo.report.records import Experiment
from hpo.report.scale import Scale


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
