"""Strategies on many tasks in groups: in the order of their mean ranks, those together that nobody told apart.

The words rest on the same tests as those of single pairs.
"""

from __future__ import annotations

import math

from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.claims import Comparison
from hpo.report.analysis.phrases import listing
from hpo.report.document.content import Claim
from hpo.statistics.paired import Ranking


def group_claims(analysis: Analysis) -> list[Claim]:
    """Returns one sentence a group, the best first; none where the strategies are not ranked over many tasks."""
    look = analysis.looks[0]
    if not analysis.experiment.has_many_tasks or look.ranking is None or not look.ranking.means:
        return []
    called = {frozenset((c.pair.first, c.pair.second)): (c, name) for c, name in look.compared}
    groups = _groups(look.ranking, {pair for pair, (_, name) in called.items() if name})
    claims = []
    for place, group in enumerate(groups):
        later = [name for others in groups[place + 1 :] for name in others]
        beaten = [
            [called[frozenset((name, other))][0] for other in later if called[frozenset((name, other))][1] == name]
            for name in group
        ]
        claims.append(_claim(analysis, look.ranking, group, place + 1, beaten))
    return claims


def _groups(ranking: Ranking, told_apart: set[frozenset[str]]) -> list[list[str]]:
    """Returns the strategies by mean rank, cut where one was told apart from any of the group before it."""
    groups: list[list[str]] = []
    for _, name in sorted(zip(ranking.means, ranking.strategies, strict=True)):
        if groups and not any(frozenset((name, other)) in told_apart for other in groups[-1]):
            groups[-1].append(name)
        else:
            groups.append([name])
    return groups


def _claim(analysis: Analysis, ranking: Ranking, group: list[str], place: int, beaten: list[list[Comparison]]) -> Claim:
    ranks = dict(zip(ranking.strategies, ranking.means, strict=True))
    first, last = ranks[group[0]], ranks[group[-1]]
    span = f"mean rank {first:.1f}" if len(group) == 1 else f"mean ranks {first:.1f} to {last:.1f}"
    words = f"Group {place}: {listing(group)} ({span} of {len(ranks)})"
    apart = ", not told apart from one another" if len(group) > 1 else ""
    lost_to_all = set.intersection(*(set(_losers(name, of)) for name, of in zip(group, beaten, strict=True)))
    order = [name for name in sorted(ranks, key=lambda name: ranks[name]) if name in lost_to_all]
    each = "each " if len(group) > 1 else ""
    better = f", {each}better than {listing(order)}" if order else ""
    sizes = [abs(c.shift) for of in beaten for c in of if {c.pair.first, c.pair.second} & lost_to_all]
    by = f": by {min(sizes):.2g} to {max(sizes):.2g} {analysis.experiment.quantity}" if sizes and order else ""
    is_finite = all(math.isfinite(size) for size in sizes)
    return Claim(f"{words}{apart}{better}{by if is_finite else ''}.", "better" if order else "undecided")


def _losers(name: str, of: list[Comparison]) -> list[str]:
    return [c.pair.second if c.pair.first == name else c.pair.first for c in of]
