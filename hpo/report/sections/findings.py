"""What each section finds, in one line: its title's companion while it is folded.

The verdict speaks for itself; what the lines are taken from is the sections' own numbers.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.importances import FANOVA, POOLED
from hpo.report.analysis.phrases import count, friedman_text, listing, number, p_value
from hpo.report.document.content import Section, Text
from hpo.report.sections.sequential import sequential_finding

MOST = 4  # strategies that a line lists

Find = Callable[[Analysis, Any], str]


def finding(analysis: Analysis, section: Section) -> str:
    """Returns the line of a section; "" where it has none."""
    find = FINDINGS.get(section.key)
    if not find or not section.numbers:
        return next((block.text for block in section.blocks if isinstance(block, Text)), "") if find else ""
    return find(analysis, section.numbers)


def _design(_: Analysis, numbers: Any) -> str:
    registered = "registered before the first trial" if numbers["is_registered"] else "not registered beforehand"
    return f"{registered}; {_how_many(numbers['deviations'], 'deviation')}"


def _how_many(of: Any, noun: str) -> str:
    return count(len(of), noun) if of else f"no {noun}"


def _fairness(_: Analysis, numbers: Any) -> str:
    unequal = [task for task, is_equal in numbers["equal_to_within_one_trial"].items() if not is_equal]
    return f"budgets differ by more than a trial on {count(len(unequal), 'task')}" if unequal else "budgets are equal"


def _performance(analysis: Analysis, numbers: Any) -> str:
    experiment = analysis.experiment
    means = {task: _last_means(of) for task, of in numbers.items()}
    if experiment.has_tasks:
        best = Counter(_best(analysis, of) for of in means.values() if of)
        return f"best mean on {listing([f'{n} of {len(means)} tasks: {name}' for name, n in best.most_common(MOST)])}"
    return _ranked(analysis, next(iter(means.values()), {}))


def _last_means(of: Mapping[str, Any]) -> dict[str, float]:
    """Returns the mean of each strategy of the value that says most: on test, else confirmed, else seen."""
    values = {name: {key: value["mean"] for key, value in by_value.items()} for name, by_value in of.items()}
    common = ("test", "confirmed mean", "best value seen in the search")
    key = next((key for key in common if any(key in of_one for of_one in values.values())), "")
    return {name: of_one[key] for name, of_one in values.items() if key in of_one and name != "linear model (baseline)"}


def _best(analysis: Analysis, means: Mapping[str, float]) -> str:
    return min(means, key=lambda name: analysis.experiment.sign * means[name])


def _ranked(analysis: Analysis, means: Mapping[str, float]) -> str:
    order = sorted(means, key=lambda name: analysis.experiment.sign * means[name])
    return f"mean {analysis.experiment.metric}: " + listing([f"{name} {number(means[name])}" for name in order[:MOST]])


def _anytime(analysis: Analysis, numbers: Any) -> str:
    if len(numbers) != 1:
        return f"curves of {count(len(numbers), 'task')}"
    at = next(iter(numbers.values()))["at"]
    leaders: dict[str, list[str]] = {}
    for share in ("25 %", "50 %", "100 %"):
        means = {name: of[share]["mean"] for name, of in at.items() if of.get(share, {}).get("mean") is not None}
        if means:
            leaders.setdefault(_best(analysis, means), []).append(share)
    return (
        "ahead at " + "; at ".join(f"{listing(shares)}: {name}" for name, shares in leaders.items()) if leaders else ""
    )


def _regret(_: Analysis, numbers: Any) -> str:
    ranks = {name: rank for name, rank in numbers["final_mean_rank_of_incumbents"].items() if rank is not None}
    order = sorted(ranks, key=lambda name: ranks[name])[:MOST]
    return f"mean rank at the end: {listing([f'{name} {ranks[name]:.2g}' for name in order])}" if order else ""


def _targets(_: Analysis, numbers: Any) -> str:
    shares = {name: of["reached"] / of["n"] for name, of in numbers["reached"].items() if of["n"]}
    order = sorted(shares, key=lambda name: -shares[name])[:MOST]
    return f"targets reached: {listing([f'{name} {shares[name]:.0%}'.replace('%', ' %') for name in order])}"


def _statistics(analysis: Analysis, _: Any) -> str:
    look = analysis.looks[0]
    if analysis.course:
        return sequential_finding(analysis.course)
    if look.ranking is not None and look.ranking.p is not None:
        return f"Friedman's test: {friedman_text(look.ranking)}; {_how_many(look.comparisons, 'pair')} tested"
    return "; ".join(f"{c.name}: {p_value(c.p)}" for c in look.comparisons if c.p is not None) or "nothing to test"


def _pruning(_: Analysis, numbers: Any) -> str:
    saved = {name: of["share_saved"] for name, of in numbers["saved"].items() if of["n_pruned"]}
    shown = [f"{name} {share:.0%}".replace("%", " %") for name, share in saved.items()]
    return f"epochs saved: {listing(shown)}" if shown else "no trial was pruned"


def _learned(_: Analysis, numbers: Any) -> str:
    for groups in numbers["importances"].values():
        of_groups = sorted(groups.items(), key=lambda item: item[0] != POOLED)
        for group, by_evaluator in of_groups:
            if shares := (by_evaluator.get(FANOVA) or {}).get("shares"):
                top = max(shares, key=lambda path: shares[path])
                return f"{top} matters most: {shares[top]:.0%} by {FANOVA}, {group}".replace("%", " %")
    return "too few trials to say which params matter"


def _cost(analysis: Analysis, numbers: Any) -> str:
    totals: dict[str, list[float]] = {name: [] for name in analysis.experiment.strategies}
    for of_task in numbers["tasks"].values():
        for name, of in of_task.items():
            if (epochs := of.get("epochs_a_study")) is not None:
                totals[name].append(epochs)
    shown = [f"{name} {math.fsum(of) / len(of):.4g}" for name, of in totals.items() if of]
    return f"epochs a study: {listing(shown[:MOST])}" if shown else ""


def _noise(_: Analysis, numbers: Any) -> str:
    spreads = [spread.sd for of in numbers["tasks"].values() for spread in of["spreads"].values()]
    return f"standard deviation of equal params: {number(min(spreads))} to {number(max(spreads))}" if spreads else ""


def _threats(_: Analysis, numbers: Any) -> str:
    return f"{len(numbers['threats'])} to know of"


FINDINGS: Mapping[str, Find] = {
    "design": _design,
    "fairness": _fairness,
    "performance": _performance,
    "anytime": _anytime,
    "regret": _regret,
    "targets": _targets,
    "statistics": _statistics,
    "pruning": _pruning,
    "learned": _learned,
    "cost": _cost,
    "noise": _noise,
    "threats": _threats,
    "reproduce": lambda *_: "commands, versions, hardware",
}
