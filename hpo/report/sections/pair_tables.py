"""Every pair of strategies at the primary endpoint: its tests, its intervals, its effect sizes.

The words for them are the verdict's; the comparisons themselves come from `claims`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hpo.figures.figure import Axis, Cell, Figure, Series, View
from hpo.report.analysis.claims import Comparison, Look, quantity_of, rope_of, unit_of
from hpo.report.analysis.conduct import control
from hpo.report.analysis.phrases import plural, turned
from hpo.report.analysis.records import Experiment
from hpo.report.analysis.regrets import Scale
from hpo.report.document.content import Block, Column, Table
from hpo.statistics.paired import holm, probability_of_improvement, win_rate


def build_pairs(experiment: Experiment, known: Mapping[str, Scale], look: Look) -> list[Block]:
    """Returns a table of tests, a table of effects, and the differences with their intervals beside the ROPE."""
    return [
        _tests_table(experiment, look),
        _effects_table(experiment, look),
        _differences(experiment, known, look),
    ]


def pair_numbers(experiment: Experiment, known: Mapping[str, Scale], look: Look) -> list[dict[str, object]]:
    """Returns the numbers of each pair; differences are first - second."""
    against = _against_control(experiment, look)
    sign = _sign(experiment)
    found = []
    for index, one in enumerate(look.comparisons):
        interval = turned(one.interval, sign=sign)
        found.append(
            {
                "first": one.pair.first,
                "second": one.pair.second,
                "n": one.pair.n,
                "p": one.p,
                "holm_p": one.adjusted,
                "holm_p_against_control": against.get(index),
                "mean_difference": sign * one.mean + 0.0,
                "low": interval.low,
                "high": interval.high,
                "interval": interval.method,
                "hodges_lehmann": sign * one.shift + 0.0,
                "probability_of_improvement": _improvement(experiment, look, one),
                "win_rate": win_rate(one.pair.differences),
                "smallest_detectable_difference": one.detectable,
                "rope": rope_of(experiment, known),
            }
        )
    return found


def _sign(experiment: Experiment) -> float:
    """Returns what turns differences of losses into those shown; regret is shown as it is."""
    return experiment.sign if len(experiment.tasks) == 1 else 1.0


def _name(of: Comparison) -> str:
    return f"{of.pair.first} − {of.pair.second}"


def _tests_table(experiment: Experiment, look: Look) -> Table:
    against, reference = _against_control(experiment, look), control(experiment)
    rows: list[list[Cell]] = [
        [_name(one), one.pair.n, one.wins, one.defeats, one.ties, one.p, one.adjusted, against.get(index)]
        for index, one in enumerate(look.comparisons)
    ]
    titles = [
        "pair",
        plural(unit_of(experiment)),
        "first ahead",
        "second ahead",
        "level",
        "Wilcoxon p",
        "Holm p, all pairs",
    ]
    columns = [*map(Column, titles), Column(f"Holm p, against {reference or 'random search'} only")]
    note = (
        "Exact two-sided paired Wilcoxon signed-rank tests (zeros split between both signs); the p of the last column "
        "is adjusted over the pairs with the control alone and is exploratory."
    )
    return Table("statistics-tests", "Paired tests", columns, rows, note)


def _against_control(experiment: Experiment, look: Look) -> dict[int, float]:
    """Returns Holm's p over the pairs that hold the control, by the place of the pair."""
    reference = control(experiment)
    places = [i for i, one in enumerate(look.comparisons) if reference in (one.pair.first, one.pair.second)]
    return dict(zip(places, holm([look.comparisons[i].p for i in places]), strict=True))


def _effects_table(experiment: Experiment, look: Look) -> Table:
    sign, quantity = _sign(experiment), quantity_of(experiment)
    rows: list[list[Cell]] = []
    for one in look.comparisons:
        interval = turned(one.interval, sign=sign)
        effects = [_improvement(experiment, look, one), win_rate(one.pair.differences), one.detectable]
        ends: list[Cell] = [interval.low, interval.high, interval.method]
        mean = sign * one.mean + 0.0 if one.pair.n else None
        shift = sign * one.shift + 0.0 if one.pair.n else None
        rows.append([_name(one), one.pair.n, mean, *ends, shift, *effects])
    titles = [
        "pair",
        plural(unit_of(experiment)),
        f"mean difference ({quantity})",
        "95 % low",
        "95 % high",
        "interval",
        f"Hodges–Lehmann ({quantity})",
        "P(first improves), A12",
        "paired win rate",
        f"smallest detectable ({quantity})",
    ]
    note = (
        "Differences are first − second; A12 is the probability that the first beats the second over all their seeds "
        "(mean over tasks) and the win rate that over paired ones, ties counting half; the smallest detectable "
        "difference is found with 80 % power, a dash means none can be; an infinite Hodges–Lehmann estimate: "
        "too many studies have nothing to show for a typical difference of values."
    )
    return Table("statistics-effects", "Differences and effect sizes", [*map(Column, titles)], rows, note)


def _improvement(experiment: Experiment, look: Look, one: Comparison) -> float | None:
    """Returns the probability that the first is better than the second, mean over tasks."""
    losses = look.endpoint.losses
    groups = [
        (
            np.array([loss for (own, _), loss in losses[one.pair.first].items() if own == task], float),
            np.array([loss for (own, _), loss in losses[one.pair.second].items() if own == task], float),
        )
        for task in experiment.tasks
    ]
    return probability_of_improvement(groups)


def _differences(experiment: Experiment, known: Mapping[str, Scale], look: Look) -> Figure:
    sign, rope = _sign(experiment), rope_of(experiment, known)
    shown = [(one, turned(one.interval, sign=sign)) for one in look.comparisons if one.interval.low is not None]
    names = [_name(one) for one, _ in shown]
    series = Series(
        "mean difference",
        "whisker",
        [sign * one.mean + 0.0 for one, _ in shown],
        names,
        low=[interval.low for _, interval in shown],
        high=[interval.high for _, interval in shown],
        text=[f"n = {one.pair.n}" for one, _ in shown],
        in_legend=False,
    )
    axes = Axis(f"first − second ({quantity_of(experiment)})"), Axis("pair", categories=names)
    view = View("differences", *axes, [series] if shown else [], [("x", -rope, "− ROPE"), ("x", rope, "+ ROPE")])
    lower = len(experiment.tasks) > 1 or experiment.direction == "minimize"
    caption = (
        f"Mean paired difference with its 95 % interval; {'left' if lower else 'right'} of 0 speaks for the first of "
        "the pair, and between the dashed lines a difference does not matter."
    )
    return Figure("statistics-differences", "Differences with 95 % intervals", caption, [view])
