"""Every pair of strategies at the primary endpoint: its tests, its intervals, its effect sizes.

The words for them are the verdict's; the comparisons themselves come from `claims`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from hpo.figures.figure import Axis, Cell, Figure, Line, Series, View
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.claims import Comparison
from hpo.report.analysis.phrases import plural
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Block, Table
from hpo.report.sections.sequential import sequential_blocks
from hpo.report.sections.tables import Field, numbers, table
from hpo.statistics.paired import holm, probability_of_improvement, win_rate

Fields = Mapping[str, Field[Comparison]]
PAIR = Field[Comparison]("", "pair", lambda c: c.name)
EFFECTS = (
    *("difference", "low", "high"),
    *("probability_of_improvement", "win_rate", "smallest_detectable_difference"),
)

EFFECTS_NOTE = (
    "The typical difference, first − second, is the Hodges–Lehmann estimate, the median of the means of all pairs "
    "of differences, and its interval that of the signed-rank test, which exists from six on; A12 is the "
    "probability that the first beats the second over all their seeds (mean over tasks) and the win rate that over "
    "paired ones, ties counting half; the smallest detectable difference is found with 80 % power by that test "
    "with Holm's correction, for normal noise of the spread "
    "estimated from these differences, a dash means that it cannot be computed; inf: too many studies have nothing "
    "to show for a typical difference of values."
)
SEQUENTIAL_NOTE = (
    "The typical difference, first − second, is the Hodges–Lehmann estimate at the latest look, and its interval the "
    "repeated one, which holds at all looks together; A12 is the probability that the first beats the second over all "
    "their seeds and the win rate that over paired ones, ties counting half; inf: too many studies have nothing to "
    "show for a typical difference of values."
)


def build_pairs(analysis: Analysis) -> tuple[list[Block], list[dict[str, Cell]]]:
    """Returns a table of tests and one of effects; and the numbers of each pair."""
    pairs, fields = analysis.looks[0].comparisons, _fields(analysis)
    tests = sequential_blocks(analysis.course) if analysis.course else [_tests_table(analysis, fields)]
    blocks: list[Block] = [*tests, _effects_table(analysis, fields)]
    return blocks, [numbers(pair, fields.values()) for pair in pairs]


def _fields(analysis: Analysis) -> Fields:
    """Returns what is known of each pair; differences are first - second, in units of the metric or of regret."""
    experiment, sign = analysis.experiment, analysis.experiment.shown_sign
    with_control = [c for c in analysis.looks[0].comparisons if analysis.control in (c.pair.first, c.pair.second)]
    raw = [c.p for c in with_control if c.p is not None]
    against = dict(zip(map(id, with_control), holm(raw), strict=True)) if raw else {}
    against_title = f"Holm p, against {analysis.control or 'random search'} only"
    quantity = experiment.quantity
    p_fields: list[Field[Comparison]] = [
        Field("p", "Wilcoxon p", lambda c: c.p),
        Field("holm_p", "Holm p, all pairs", lambda c: c.adjusted),
        Field("holm_p_against_control", against_title, lambda c: against.get(id(c))),
    ]
    smallest = f"smallest detectable ({quantity})"
    detectable = Field[Comparison]("smallest_detectable_difference", smallest, lambda c: c.detectable)
    fields: list[Field[Comparison]] = [
        Field("first", "", lambda c: c.pair.first),
        Field("second", "", lambda c: c.pair.second),
        Field("n", plural(experiment.paired_by), lambda c: c.pair.n),
        *([] if analysis.course else p_fields),
        Field("difference", f"typical difference ({quantity})", lambda c: sign * c.shift + 0.0 if c.pair.n else None),
        Field("low", "95 % low", lambda c: c.interval.times(sign).low),
        Field("high", "95 % high", lambda c: c.interval.times(sign).high),
        Field("level", "", lambda c: None if c.interval.low is None else c.interval.level),
        Field("probability_of_improvement", "P(first improves), A12", lambda c: _improvement(analysis, c)),
        Field("win_rate", "paired win rate", lambda c: win_rate(c.pair.differences)),
        *([] if analysis.course else [detectable]),
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
        "Exact two-sided paired Wilcoxon signed-rank tests (zeros count half for either side, and ties never make p "
        "smaller); the p of the last column is adjusted over the pairs with the control alone and is exploratory."
    )
    pairs = analysis.looks[0].comparisons
    return table(analysis.experiment, "statistics-tests", "Paired tests", columns, pairs, note)


def _effects_table(analysis: Analysis, fields: Fields) -> Table:
    columns = [PAIR, fields["n"], *(fields[name] for name in EFFECTS if name in fields)]
    note = SEQUENTIAL_NOTE if analysis.course else EFFECTS_NOTE
    pairs, title = analysis.looks[0].comparisons, "Differences and effect sizes"
    return table(analysis.experiment, "statistics-effects", title, columns, pairs, note)


def build_forest(analysis: Analysis) -> Figure:
    """Returns the typical difference of every pair with its interval, beside the ROPE."""
    experiment, rope = analysis.experiment, analysis.rope
    shown = [c for c in analysis.looks[0].comparisons if c.pair.n and math.isfinite(c.shift)]
    bounded = [c for c in shown if c.interval.is_bounded]
    series = [
        _points(experiment, "typical difference", "whisker", bounded),
        _points(experiment, "without an interval", "points", [c for c in shown if not c.interval.is_bounded]),
    ]
    axes = (
        Axis(f"first − second ({experiment.quantity})"),
        Axis("pair", categories=[comparison.name for comparison in shown]),
    )
    lines: list[Line] = [("x", -rope, ""), ("x", rope, "")] if rope else [("x", 0.0, "no difference")]
    view = View("differences", *axes, [one for one in series if one.x], lines)
    side = "left" if experiment.has_tasks or experiment.better == "lower" else "right"
    caption = (
        "Typical difference (Hodges–Lehmann) of every pair with its 95 % interval, where there are six "
        f"{experiment.paired_by}s for one; "
        f"{side} of 0 speaks for the first of the pair, and between the dashed lines (the ROPE) none matters."
    )
    return Figure("verdict-differences", "Every pair: difference, 95 % interval, ROPE", caption, [view])


def _points(experiment: Experiment, name: str, kind: Literal["whisker", "points"], of: Sequence[Comparison]) -> Series:
    sign = experiment.shown_sign
    intervals = [comparison.interval.times(sign) for comparison in of]
    return Series(
        name,
        kind,
        [sign * comparison.shift + 0.0 for comparison in of],
        [comparison.name for comparison in of],
        low=[interval.low for interval in intervals] if kind == "whisker" else (),
        high=[interval.high for interval in intervals] if kind == "whisker" else (),
        text=[f"n = {comparison.pair.n}" for comparison in of],
        in_legend=False,
    )
