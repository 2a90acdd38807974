"""Every pair of strategies at the primary endpoint: its tests, its intervals, its effect sizes.

The words for them are the verdict's; the comparisons themselves come from `claims`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpo.figures.figure import Axis, Figure, Series, View
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.claims import Comparison
from hpo.report.analysis.phrases import plural
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Block, Table
from hpo.report.sections.tables import Record, table
from hpo.statistics.paired import holm, probability_of_improvement, win_rate

SHOWN_ONLY = ("pair", "wins", "defeats", "ties")  # in tables, not in report.json


def build_pairs(analysis: Analysis) -> tuple[list[Block], list[Record]]:
    """Returns a table of tests, one of effects, the differences beside the ROPE; and the numbers of each pair."""
    pairs = _records(analysis)
    blocks: list[Block] = [
        _tests_table(analysis, pairs),
        _effects_table(analysis.experiment, pairs),
        _differences(analysis),
    ]
    return blocks, [{name: cell for name, cell in pair.items() if name not in SHOWN_ONLY} for pair in pairs]


def _records(analysis: Analysis) -> list[Record]:
    """Returns what is known of each pair; differences are first - second, in units of the metric or of regret."""
    comparisons = analysis.looks[0].comparisons
    with_control = [c for c in comparisons if analysis.control in (c.pair.first, c.pair.second)]
    against = dict(zip(map(id, with_control), holm([c.p for c in with_control]), strict=True))
    sign = analysis.experiment.shown_sign
    records: list[Record] = []
    for comparison in comparisons:
        pair, interval = comparison.pair, comparison.interval.times(sign)
        records.append(
            {
                "pair": _name(comparison),
                "first": pair.first,
                "second": pair.second,
                "n": pair.n,
                "wins": comparison.wins,
                "defeats": comparison.defeats,
                "ties": comparison.ties,
                "p": comparison.p,
                "holm_p": comparison.adjusted,
                "holm_p_against_control": against.get(id(comparison)),
                "mean_difference": sign * comparison.mean + 0.0,
                "low": interval.low,
                "high": interval.high,
                "interval": interval.method,
                "hodges_lehmann": sign * comparison.shift + 0.0,
                "probability_of_improvement": _improvement(analysis, comparison),
                "win_rate": win_rate(pair.differences),
                "smallest_detectable_difference": comparison.detectable,
                "rope": analysis.rope,
            }
        )
    return records


def _name(of: Comparison) -> str:
    return f"{of.pair.first} − {of.pair.second}"


def _improvement(analysis: Analysis, comparison: Comparison) -> float | None:
    """Returns the probability that the first is better than the second, mean over tasks."""
    losses = analysis.looks[0].endpoint.losses
    both = losses[comparison.pair.first], losses[comparison.pair.second]
    groups = [
        [np.array([loss for (own, _), loss in of.items() if own == task], float) for of in both]
        for task in analysis.experiment.tasks
    ]
    return probability_of_improvement([(first, second) for first, second in groups])


def _tests_table(analysis: Analysis, pairs: Sequence[Record]) -> Table:
    columns = {
        "pair": "pair",
        "n": plural(analysis.experiment.paired_by),
        "wins": "first ahead",
        "defeats": "second ahead",
        "ties": "level",
        "p": "Wilcoxon p",
        "holm_p": "Holm p, all pairs",
        "holm_p_against_control": f"Holm p, against {analysis.control or 'random search'} only",
    }
    note = (
        "Exact two-sided paired Wilcoxon signed-rank tests (zeros split between both signs); the p of the last column "
        "is adjusted over the pairs with the control alone and is exploratory."
    )
    return table(analysis.experiment, "statistics-tests", "Paired tests", columns, pairs, note)


def _effects_table(experiment: Experiment, pairs: Sequence[Record]) -> Table:
    columns = {
        "pair": "pair",
        "n": plural(experiment.paired_by),
        "mean_difference": f"mean difference ({experiment.quantity})",
        "low": "95 % low",
        "high": "95 % high",
        "interval": "interval",
        "hodges_lehmann": f"Hodges–Lehmann ({experiment.quantity})",
        "probability_of_improvement": "P(first improves), A12",
        "win_rate": "paired win rate",
        "smallest_detectable_difference": f"smallest detectable ({experiment.quantity})",
    }
    note = (
        "Differences are first − second; A12 is the probability that the first beats the second over all their seeds "
        "(mean over tasks) and the win rate that over paired ones, ties counting half; the smallest detectable "
        "difference is found with 80 % power, a dash means none can be; an infinite Hodges–Lehmann estimate: "
        "too many studies have nothing to show for a typical difference of values."
    )
    empty = {"mean_difference": None, "hodges_lehmann": None}
    records = [pair if pair["n"] else {**pair, **empty} for pair in pairs]
    return table(experiment, "statistics-effects", "Differences and effect sizes", columns, records, note)


def _differences(analysis: Analysis) -> Figure:
    experiment, rope, sign = analysis.experiment, analysis.rope, analysis.experiment.shown_sign
    known = [(c, c.interval.times(sign)) for c in analysis.looks[0].comparisons if c.interval.low is not None]
    names = [_name(comparison) for comparison, _ in known]
    series = Series(
        "mean difference",
        "whisker",
        [sign * comparison.mean + 0.0 for comparison, _ in known],
        names,
        low=[interval.low for _, interval in known],
        high=[interval.high for _, interval in known],
        text=[f"n = {comparison.pair.n}" for comparison, _ in known],
        in_legend=False,
    )
    axes = Axis(f"first − second ({experiment.quantity})"), Axis("pair", categories=names)
    view = View("differences", *axes, [series] if known else [], [("x", -rope, "− ROPE"), ("x", rope, "+ ROPE")])
    side = "left" if experiment.has_tasks or experiment.better == "lower" else "right"
    caption = (
        f"Mean paired difference with its 95 % interval; {side} of 0 speaks for the first of "
        "the pair, and between the dashed lines a difference does not matter."
    )
    return Figure("statistics-differences", "Differences with 95 % intervals", caption, [view])
