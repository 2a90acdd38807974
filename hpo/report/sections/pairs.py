"""Every pair of strategies at the primary endpoint: its tests, its intervals, its effect sizes.

The words for them are the verdict's; the comparisons themselves come from `claims`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from hpo.figures.figure import Axis, Cell, Figure, Series, View
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.claims import Comparison
from hpo.report.analysis.phrases import plural
from hpo.report.document.content import Block, Table
from hpo.report.sections.tables import Field, numbers, table
from hpo.statistics.paired import holm, probability_of_improvement, win_rate

Fields = Mapping[str, Field[Comparison]]
PAIR = Field[Comparison]("", "pair", lambda c: c.name)
EFFECTS = (
    *("mean_difference", "low", "high", "interval", "hodges_lehmann"),
    *("probability_of_improvement", "win_rate", "smallest_detectable_difference"),
)


def build_pairs(analysis: Analysis) -> tuple[list[Block], list[dict[str, Cell]]]:
    """Returns a table of tests, one of effects, the differences beside the ROPE; and the numbers of each pair."""
    pairs, fields = analysis.looks[0].comparisons, _fields(analysis)
    blocks: list[Block] = [
        _tests_table(analysis, fields),
        _effects_table(analysis, fields),
        _differences(analysis),
    ]
    return blocks, [numbers(pair, fields.values()) for pair in pairs]


def _fields(analysis: Analysis) -> Fields:
    """Returns what is known of each pair; differences are first - second, in units of the metric or of regret."""
    experiment, sign = analysis.experiment, analysis.experiment.shown_sign
    with_control = [c for c in analysis.looks[0].comparisons if analysis.control in (c.pair.first, c.pair.second)]
    against = dict(zip(map(id, with_control), holm([c.p for c in with_control]), strict=True))
    against_title = f"Holm p, against {analysis.control or 'random search'} only"
    quantity = experiment.quantity
    fields: list[Field[Comparison]] = [
        Field("first", "", lambda c: c.pair.first),
        Field("second", "", lambda c: c.pair.second),
        Field("n", plural(experiment.paired_by), lambda c: c.pair.n),
        Field("p", "Wilcoxon p", lambda c: c.p),
        Field("holm_p", "Holm p, all pairs", lambda c: c.adjusted),
        Field("holm_p_against_control", against_title, lambda c: against.get(id(c))),
        Field("mean_difference", f"mean difference ({quantity})", lambda c: sign * c.mean + 0.0),
        Field("low", "95 % low", lambda c: c.interval.times(sign).low),
        Field("high", "95 % high", lambda c: c.interval.times(sign).high),
        Field("interval", "interval", lambda c: c.interval.method),
        Field("hodges_lehmann", f"Hodges–Lehmann ({quantity})", lambda c: sign * c.shift + 0.0),
        Field("probability_of_improvement", "P(first improves), A12", lambda c: _improvement(analysis, c)),
        Field("win_rate", "paired win rate", lambda c: win_rate(c.pair.differences)),
        Field("smallest_detectable_difference", f"smallest detectable ({quantity})", lambda c: c.detectable),
        Field("rope", "", lambda _: analysis.rope),
    ]
    return {field.name: field for field in fields}


def _improvement(analysis: Analysis, comparison: Comparison) -> float | None:
    """Returns the probability that the first is better than the second, mean over tasks."""
    losses = analysis.looks[0].endpoint.losses
    both = losses[comparison.pair.first], losses[comparison.pair.second]
    groups = [
        [np.array([loss for (own, _), loss in of.items() if own == task], float) for of in both]
        for task in analysis.experiment.tasks
    ]
    return probability_of_improvement([(first, second) for first, second in groups])


def _tests_table(analysis: Analysis, fields: Fields) -> Table:
    counts: list[Field[Comparison]] = [
        Field("", "first ahead", lambda c: c.wins),
        Field("", "second ahead", lambda c: c.defeats),
        Field("", "level", lambda c: c.ties),
    ]
    tests = [fields[name] for name in ("p", "holm_p", "holm_p_against_control")]
    columns = [PAIR, fields["n"], *counts, *tests]
    note = (
        "Exact two-sided paired Wilcoxon signed-rank tests (zeros split between both signs); the p of the last column "
        "is adjusted over the pairs with the control alone and is exploratory."
    )
    pairs = analysis.looks[0].comparisons
    return table(analysis.experiment, "statistics-tests", "Paired tests", columns, pairs, note)


def _effects_table(analysis: Analysis, fields: Fields) -> Table:
    columns = [PAIR, fields["n"], *(_unless_empty(fields[name]) for name in EFFECTS)]
    note = (
        "Differences are first − second; A12 is the probability that the first beats the second over all their seeds "
        "(mean over tasks) and the win rate that over paired ones, ties counting half; the smallest detectable "
        "difference is found with 80 % power, a dash means none can be; an infinite Hodges–Lehmann estimate: "
        "too many studies have nothing to show for a typical difference of values."
    )
    pairs, title = analysis.looks[0].comparisons, "Differences and effect sizes"
    return table(analysis.experiment, "statistics-effects", title, columns, pairs, note)


def _unless_empty(field: Field[Comparison]) -> Field[Comparison]:
    """Returns the field with a dash in the place of a difference of nothing."""
    is_difference = field.name in ("mean_difference", "hodges_lehmann")
    return replace(field, read=lambda c: None if is_difference and not c.pair.n else field.of(c))


def _differences(analysis: Analysis) -> Figure:
    experiment, rope, sign = analysis.experiment, analysis.rope, analysis.experiment.shown_sign
    intervals = [(c, c.interval.times(sign)) for c in analysis.looks[0].comparisons if c.interval.low is not None]
    names = [comparison.name for comparison, _ in intervals]
    series = Series(
        "mean difference",
        "whisker",
        [sign * comparison.mean + 0.0 for comparison, _ in intervals],
        names,
        low=[interval.low for _, interval in intervals],
        high=[interval.high for _, interval in intervals],
        text=[f"n = {comparison.pair.n}" for comparison, _ in intervals],
        in_legend=False,
    )
    axes = Axis(f"first − second ({experiment.quantity})"), Axis("pair", categories=names)
    view = View("differences", *axes, [series] if intervals else [], [("x", -rope, "− ROPE"), ("x", rope, "+ ROPE")])
    side = "left" if experiment.has_tasks or experiment.better == "lower" else "right"
    caption = (
        f"Mean paired difference with its 95 % interval; {side} of 0 speaks for the first of "
        "the pair, and between the dashed lines a difference does not matter."
    )
    return Figure("statistics-differences", "Differences with 95 % intervals", caption, [view])
