"""Section 6: every pair of strategies in full, all of them ranked together, and random search with twice the budget.

The words a reader may rely on are the verdict's; everything beyond its endpoints is exploratory. The control that every
strategy should beat is an exact expectation over the pooled random evaluations; nothing is drawn at random for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from hpo.figures.figure import Axis, Figure, Series, View
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.claims import block_losses
from hpo.report.analysis.endpoints import Summary
from hpo.report.analysis.incumbents import is_beyond, steps, twice_the_budget
from hpo.report.analysis.phrases import count, friedman_text, listing, number
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Block, Section, Text
from hpo.report.sections.pairs import build_pairs
from hpo.report.sections.tables import Field, Record, nested, numbers, table
from hpo.statistics.paired import Ranking, cliques

TITLE, STRATEGIES = "Statistics", "Every strategy at the primary endpoint"
SUMMARY_NOTE = (
    "IQM, the interquartile mean, leaves out the best and the worst quarter, so one bad seed cannot move it; its "
    "interval is a bootstrap within each task, and ranks (1 is best) are over what all strategies have."
)


def build_statistics(analysis: Analysis) -> Section:
    """Returns tests, intervals and effect sizes with the n they rest on."""
    experiment = analysis.experiment
    if not experiment.studies:
        return Section("statistics", TITLE, [Text("No study, so there is nothing to test.", "warning")])
    endpoint = analysis.looks[0].endpoint
    ranking = block_losses(experiment, endpoint, analysis.scales, experiment.strategies).ranking(experiment.strategies)
    means = dict(zip(ranking.strategies, ranking.means, strict=False))
    quantity = experiment.quantity
    summary: list[Field[Summary]] = [
        Field("", "strategy", lambda one: one.strategy),
        Field("n", "studies", lambda one: one.n),
        *(
            [Field("mean_of_metric", f"mean over tasks ({experiment.metric})", lambda one: one.of_metric)]
            if experiment.has_tasks
            else []
        ),
        Field("mean", f"mean ({quantity})", lambda one: one.mean),
        Field("IQM", f"IQM ({quantity})", lambda one: one.iqm),
        Field("IQM_low", "IQM 95 % low", lambda one: one.interval.low),
        Field("IQM_high", "IQM 95 % high", lambda one: one.interval.high),
        Field("", f"mean rank over {count(ranking.n, experiment.paired_by)}", lambda one: means.get(one.strategy)),
    ]
    pair_blocks, pairs = build_pairs(analysis)
    control_blocks, controls = build_control(analysis)
    tests = "tests at the looks" if analysis.course else "Holm-adjusted tests over all pairs"
    blocks: list[Block] = [
        Text(
            f"All tests are of the primary endpoint, the {endpoint.title}; the verdict's words rest on the {tests}, "
            "every other number here is exploratory.",
            "note",
        ),
        table(experiment, "statistics-strategies", STRATEGIES, summary, analysis.summaries, SUMMARY_NOTE),
    ]
    if len(experiment.strategies) > 1:
        omnibus = [] if analysis.course else [Text(_friedman_sentence(experiment, ranking))]
        blocks += [*pair_blocks, *omnibus, *build_ranking(experiment, ranking)]
    blocks += [*build_profile(analysis), *control_blocks]
    content = {
        "endpoint": endpoint.title,
        "strategies": {one.strategy: numbers(one, summary) for one in analysis.summaries},
        "pairs": pairs,
        **({"mean_ranks": means} if analysis.course else {"friedman": _friedman_numbers(ranking)}),
        "random_with_twice_the_budget": controls,
    }
    return Section("statistics", TITLE, blocks, content)


def _friedman_numbers(ranking: Ranking) -> dict[str, object]:
    return {
        "chi2": ranking.chi2,
        "degrees_of_freedom": None if ranking.chi2 is None else len(ranking.strategies) - 1,
        "p": ranking.p,
        "n": ranking.n,
        "mean_ranks": dict(zip(ranking.strategies, ranking.means, strict=False)),
        "nemenyi_critical_difference": ranking.critical,
    }


def _friedman_sentence(experiment: Experiment, ranking: Ranking) -> str:
    blocks = count(ranking.n, experiment.paired_by)
    k = len(ranking.strategies)
    if ranking.p is None:
        return f"Friedman's test needs three strategies and two blocks; here are {k} strategies and {blocks} all have."
    finding = "the strategies differ" if ranking.is_significant else "no difference among them could be shown"
    return (
        f"Friedman's test of {k} strategies over {blocks} that all of them have: {friedman_text(ranking)}, {finding}."
    )


def build_ranking(experiment: Experiment, ranking: Ranking) -> list[Block]:
    """Returns mean ranks over tasks with groups that Nemenyi's test cannot tell apart, if Friedman's test can."""
    if not experiment.has_tasks or not ranking.means or ranking.critical is None:
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


def build_profile(analysis: Analysis) -> list[Block]:
    """Returns the share of (task, seed) with at most a certain final regret (Dolan & Moré 2002); [] with one task."""
    if not analysis.experiment.has_tasks or analysis.regrets is None or analysis.experiment.is_incumbent:
        return []
    finals = {
        name: np.sort([row[-1] for row in rows.values() if np.isfinite(row[-1])])
        for name, rows in analysis.regrets.rows.items()
    }
    end = max((float(values[-1]) for values in finals.values() if values.size), default=1.0)
    series = []
    for name, values in finals.items():
        if values.size:
            x, counts = np.unique(values, return_counts=True)
            y = np.cumsum(counts) / values.size
            tail = [end] if end > x[-1] else []
            series.append(Series(name, "step", [*map(float, x), *tail], [*map(float, y), *(1.0 for _ in tail)], name))
    axes = Axis("final normalised regret tau (no unit)", is_log=True), Axis("share of (task, seed) with regret ≤ tau")
    caption = "Higher is better at any tau: the share of a strategy's (task, seed) whose final regret is at most tau."
    return [Figure("statistics-profile", "Performance profile", caption, [View("profile", *axes, series)])]


Beaten = dict[str, dict[str, bool]]  # by strategy, by task


def build_control(analysis: Analysis) -> tuple[list[Block], dict[str, object]]:
    """Returns a row for each strategy against the control, a sentence on those that do not beat it, and the numbers."""
    experiment, control = analysis.experiment, analysis.control
    records: list[Record] = []
    beats: Beaten = {}
    for task in experiment.tasks:
        expectation = twice_the_budget(experiment, task, worst=analysis.scales[task].worst)
        if expectation is None:
            continue
        expected, n_draws = expectation
        value = experiment.sign * expected
        records.append({"task": task, "strategy": f"{control} × 2", "trials": n_draws, "expected": value})
        for strategy, mean in _means(analysis, task).items():
            beats.setdefault(strategy, {})[task] = mean < expected
            records.append(
                {
                    "task": task,
                    "strategy": strategy,
                    "expected": experiment.sign * mean,
                    "difference": experiment.sign * (mean - expected),
                    "is_ahead": None if strategy == control else "yes" if mean < expected else "no",
                }
            )
    controls = [record for record in records if "trials" in record]
    numbers = nested(controls, by=["task"], names=["expected", "trials"])
    if not records:
        return [Text(_absence(control), "note")], numbers
    columns: list[Field[Record]] = [
        Field("task", "Task"),
        Field("strategy", "strategy"),
        Field("trials", "trials"),
        Field("expected", f"best validation ({experiment.metric})"),
        Field("difference", f"minus control ({experiment.metric})"),
        Field("is_ahead", "ahead of control"),
    ]
    note = (
        "The control's value is the exact expected best of twice the trials of a random study, drawn from all random "
        "evaluations; the others are means over seeds at the given budget (exploratory, no test)."
    )
    title = "Random search with twice the budget"
    shown = table(experiment, "statistics-control", title, columns, records, note)
    return [shown, Text(_sentence(analysis, beats, tasks=list(numbers)))], numbers


def _means(analysis: Analysis, task: str) -> dict[str, float]:
    """Returns the mean loss of each strategy's incumbents at the end; without one a study has the worst seen.

    Of strategies with an ended study that can be compared at the budget.
    """
    experiment, worst = analysis.experiment, analysis.scales[task].worst
    means = {}
    for strategy in experiment.strategies:
        studies = experiment.of(task=task, strategy=strategy)
        curves = [steps(experiment, s) for s in studies if s.is_ended and not is_beyond(experiment, s)]
        if curves:
            means[strategy] = float(np.mean([curve.losses[-1] if curve.losses.size else worst for curve in curves]))
    return {name: value for name, value in means.items() if math.isfinite(value)}


def _absence(control: str | None) -> str:
    if control is None:
        return "There is no random search among the strategies, so the control of twice its budget is missing."
    return (
        "The control, random search with twice the budget, cannot be computed: it takes random search without pruning "
        "and at least two seeds' evaluations."
    )


def _sentence(analysis: Analysis, beats: Beaten, *, tasks: Sequence[str]) -> str:
    """Returns which strategies beat the control, and which are not held against it."""
    name = f"{analysis.control} with twice the budget"
    n_tasks = len(analysis.experiment.tasks)
    others = [strategy for strategy in analysis.experiment.strategies if strategy != analysis.control]
    behind = {other: sum(not is_ahead for is_ahead in beats.get(other, {}).values()) for other in others}
    missing = {other: len(tasks) - len(beats.get(other, {})) for other in others}
    tail = ""
    if any(missing.values()):
        who = _listed(missing, n_tasks=n_tasks)
        tail = f"; {who} {_verb(missing, 'has', 'have')} no study to hold against it"
    if any(behind.values()):
        return f"{_listed(behind, n_tasks=n_tasks)} {_verb(behind, 'does', 'do')} not beat {name}{tail}."
    if not any(beats.get(other) for other in others):
        return f"No other strategy is held against {name} yet{tail}."
    if not tail:
        return f"Every other strategy is ahead of {name}."
    ahead = [other for other in others if beats.get(other)]
    return f"{listing(ahead)} {'is' if len(ahead) == 1 else 'are'} ahead of {name}{tail}."


def _listed(numbers: Mapping[str, int], *, n_tasks: int) -> str:
    """Returns the strategies with a number above 0, and with several tasks the number."""
    return listing([f"{s} (on {n} of {n_tasks} tasks)" if n_tasks > 1 else s for s, n in numbers.items() if n])


def _verb(numbers: Mapping[str, int], one: str, many: str) -> str:
    return one if sum(n > 0 for n in numbers.values()) == 1 else many
