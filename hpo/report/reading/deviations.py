"""Departures from the design that the trials themselves show, each as one sentence.

What was changed in the design or left out by a reader is said where it happens.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from hpo.contracts.records import FAIL
from hpo.machine.escaping import last_line
from hpo.report.analysis.incumbents import costs, counted
from hpo.report.analysis.records import Experiment, Study, Trial

MOST_NAMES = 10
MOST_REASONS, LONGEST_REASON = 5, 80
PATHS = re.compile(r"(?:[A-Za-z]:)?[/\\\\][^\s'\"]+|\S+/\S+")
NUMBERS = re.compile(r"0x[0-9a-fA-F]+|(?<![A-Za-z])\d[\d.,:]*(?:e[+-]?\d+)?")
IMPUTED = "they are charged what they spent and rank below every complete trial; none is dropped"


def find_deviations(experiment: Experiment) -> tuple[str, ...]:
    """Returns what departs from equal seeds, ended studies, equal budgets and trials that end well."""
    return (
        *_missing_seeds(experiment),
        *_not_ended(experiment),
        *_not_confirmed(experiment),
        *_unequal_budgets(experiment),
        *_failures(experiment),
    )


def spent(experiment: Experiment, study: Study) -> float:
    """Returns what the trials that count had cost, in the unit of the budget."""
    within = counted(study.trials, unit=experiment.unit, budget=experiment.budget_on(study.task))
    return costs(within, unit=experiment.unit)[-1] if within else 0.0


def is_within_one_trial(experiment: Experiment, studies: Sequence[Study]) -> bool:
    """Returns whether what the studies spent differs by no more than their dearest trial."""
    amounts = [spent(experiment, study) for study in studies]
    if experiment.unit == "trials":
        dearest = 1.0
    else:
        steps = (_steps(costs(study.trials, unit=experiment.unit)) for study in studies)
        dearest = max((step for found in steps for step in found), default=0.0)
    return max(amounts, default=0.0) - min(amounts, default=0.0) <= dearest * (1 + 1e-9)


def join_names(names: Sequence[str]) -> str:
    """Returns up to ten names, and how many more there are."""
    shown = ", ".join(names[:MOST_NAMES])
    return f"{shown} and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else shown


def _steps(totals: Sequence[float]) -> list[float]:
    return [after - before for before, after in zip([0.0, *totals[:-1]], totals, strict=True)]


def _missing_seeds(experiment: Experiment) -> Iterator[str]:
    card_seeds, card_strategies = experiment.card.get("seeds"), experiment.card.get("strategies")
    seeds = list(card_seeds) if isinstance(card_seeds, list) else sorted({study.seed for study in experiment.studies})
    if "stop" in experiment.card:  # what was not needed is not lacking
        n_begun = max((seeds.index(s.seed) + 1 for s in experiment.studies if s.seed in seeds), default=0)
        seeds = seeds[:n_begun]
    strategies = list(card_strategies) if isinstance(card_strategies, dict) else list(experiment.strategies)
    for task in experiment.tasks:
        where = f" on {task}" if len(experiment.tasks) > 1 else ""
        for strategy in strategies:
            there = {study.seed for study in experiment.of(task=task, strategy=strategy)}
            lacking = [str(seed) for seed in seeds if seed not in there]
            if lacking and there:
                noun = "seed" if len(lacking) == 1 else "seeds"
                yield f"{strategy} lacks {noun} {join_names(lacking)}{where}; its pairs with others are fewer."
            elif lacking:
                yield f"{strategy} has no study{where} yet."


def _not_ended(experiment: Experiment) -> Iterator[str]:
    open_ones = [study.name for study in experiment.studies if not study.is_ended]
    if open_ones:
        verb = "has" if len(open_ones) == 1 else "have"
        yield f"{len(open_ones)} of {len(experiment.studies)} studies {verb} not ended: {join_names(open_ones)}."


def _not_confirmed(experiment: Experiment) -> Iterator[str]:
    """Of the ended studies whose best configurations were to be trained again."""
    confirm = experiment.card.get("confirm")
    is_asked = isinstance(confirm, dict) and bool(confirm.get("top_k"))
    lacking = [
        study.name
        for study in experiment.studies
        if study.is_ended and study.complete and study.facts.get("confirmation", "running") == "running"
    ]
    if is_asked and lacking:
        n = len(experiment.studies)
        yield f"The confirmation of {len(lacking)} of {n} studies has not ended: {join_names(lacking)}."


def _unequal_budgets(experiment: Experiment) -> Iterator[str]:
    for task in experiment.tasks:
        studies = [study for study in experiment.of(task=task) if study.is_ended]
        if not is_within_one_trial(experiment, studies):
            amounts = {study.name: spent(experiment, study) for study in studies}
            least, most = min(amounts.values()), max(amounts.values())
            least_of = next(name for name, amount in amounts.items() if amount == least)
            where = f" on {task}" if len(experiment.tasks) > 1 else ""
            yield (
                f"The budgets spent{where} differ by more than one trial: {least:g} ({least_of}) to {most:g} of "
                f"{experiment.budget_on(task):g} {experiment.unit}."
            )


def grouped_reasons(failed: Sequence[Trial]) -> list[tuple[str, int]]:
    """Returns what trials failed of, the most frequent first: texts that differ in paths and numbers alone are one.

    A traceback counts as its last line; beyond five kinds the rest is "of other reasons".
    """
    kinds = Counter(_kind(trial.reason or "unknown") for trial in failed)
    ordered = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    n_rest = sum(n for _, n in ordered[MOST_REASONS:])
    return ordered[:MOST_REASONS] + ([("of other reasons", n_rest)] if n_rest else [])


def _kind(reason: str) -> str:
    text = NUMBERS.sub("…", PATHS.sub("…", last_line(reason) or "unknown"))
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON].rstrip()}…"


def _failures(experiment: Experiment) -> Iterator[str]:
    for strategy in experiment.strategies:
        finished = [trial for study in experiment.of(strategy=strategy) for trial in study.finished]
        failed = [trial for trial in finished if trial.state == FAIL]
        if failed:
            listed = ", ".join(f"{count} {reason}" for reason, count in grouped_reasons(failed))
            yield f"{strategy}: {len(failed)} of {len(finished)} trials failed ({listed}); {IMPUTED}."
