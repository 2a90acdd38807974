"""All strategies over several tasks at once: the diagram of mean ranks and the performance profile.

With one task there is neither; the tests behind the ranks are `statistics.ranks`'s.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hpo.figures.figure import Axis, Figure, Series, View
from hpo.report.analysis.phrases import count, listing, number
from hpo.report.analysis.records import Experiment
from hpo.report.analysis.regrets import Scale, regrets
from hpo.report.document.content import Block, Text
from hpo.statistics.ranks import Ranking, cliques


def build_ranking(experiment: Experiment, ranking: Ranking) -> list[Block]:
    """Returns mean ranks over tasks with groups that Nemenyi's test cannot tell apart, if Friedman's test can."""
    if len(experiment.tasks) < 2 or not ranking.means or ranking.critical is None:
        return []
    order = sorted(zip(ranking.means, ranking.strategies, strict=True))
    groups = cliques(ranking)
    places = dict(zip(ranking.strategies, ranking.means, strict=True))
    series = [
        Series(
            f"not told apart: {listing(group)}",
            "step",
            [places[group[0]], places[group[-1]]],
            [group[0], group[0]],
            in_legend=False,
        )
        for group in groups
    ]
    series += [Series(name, "points", [mean], [name], name, in_legend=False) for mean, name in order]
    view = View("mean rank", Axis("mean rank (1 is best)"), Axis("strategy", categories=[n for _, n in order]), series)
    joined = (
        "a grey line reaches from the first of a group to the rank of the last it cannot be told apart from"
        if groups
        else "no groups are drawn, since no two can be told apart or Friedman's test finds nothing"
    )
    caption = (
        f"Further left is better: mean rank over {count(ranking.n, 'task')}; Nemenyi's critical difference is "
        f"{number(ranking.critical)} ranks, {joined}."
    )
    blocks: list[Block] = [Figure("statistics-ranks", "Mean ranks over tasks", caption, [view])]
    if groups:
        together = "; ".join(listing(group) for group in groups)
        blocks.append(Text(f"Within one critical difference of each other (exploratory): {together}."))
    return blocks


def build_profile(experiment: Experiment, known: Mapping[str, Scale]) -> list[Block]:
    """Returns the share of (task, seed) with at most a certain final regret (Dolan & Moré 2002)."""
    of = regrets(experiment, known) if len(experiment.tasks) > 1 else None
    if of is None:
        return []
    finals = {
        name: np.sort([row[-1] for row in rows.values() if np.isfinite(row[-1])]) for name, rows in of.rows.items()
    }
    end = max((float(values[-1]) for values in finals.values() if values.size), default=1.0)
    series = []
    for name, values in finals.items():
        if not values.size:
            continue
        x, counts = np.unique(values, return_counts=True)
        y = np.cumsum(counts) / values.size
        tail = [end] if end > x[-1] else []
        series.append(Series(name, "step", [*map(float, x), *tail], [*map(float, y), *(1.0 for _ in tail)], name))
    axes = Axis("final normalised regret tau (no unit)", is_log=True), Axis("share of (task, seed) with regret ≤ tau")
    caption = "Higher is better at any tau: the share of a strategy's (task, seed) whose final regret is at most tau."
    return [Figure("statistics-profile", "Performance profile", caption, [View("profile", *axes, series)])]
