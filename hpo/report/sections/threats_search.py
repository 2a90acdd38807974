"""Threats that lie in how strategies searched: grids, shared starts, pruners, workers, recorded tables.

Each rule yields the sentences that apply, none where it was kept.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import product, takewhile

from hpo.report.analysis.conduct import n_startup_of, n_workers, planned_epochs, pruner_of, strategies_with
from hpo.report.analysis.incumbents import never_learned
from hpo.report.analysis.phrases import count, listing
from hpo.report.analysis.records import Experiment, Study


def grid_levels(experiment: Experiment) -> Iterator[str]:
    """How much of a grid was visited: all of it leaves only noise between seeds, a part depends on the order."""
    for strategy, task in product(strategies_with(experiment, "grid"), experiment.tasks):
        visited = [len(set(_cells(study))) for study in experiment.of(task=task, strategy=strategy)]
        levels, where = _levels(experiment, task), experiment.on(task)
        n_cells = math.prod(levels.values())
        if not visited or not max(visited):
            continue
        seen = f"{min(visited)}" if min(visited) == max(visited) else f"{min(visited)} to {max(visited)}"
        if not levels:
            yield f"{strategy} sees nothing between the {seen} cells it visited{where}."
        elif min(visited) >= n_cells:
            yield (
                f"{strategy} visited all {n_cells} cells of its grid{where}: its seeds differ by training noise "
                "alone, so its spread says nothing about the search."
            )
        else:
            listed = ", ".join(f"{param} {n}" for param, n in levels.items())
            yield (
                f"{strategy} visited {seen} of the {n_cells} cells of its grid{where} ({listed} levels, fixed "
                "beforehand), in an order shuffled by the seed: its result is one of such orders."
            )


def grid_order(experiment: Experiment) -> Iterator[str]:
    """Equal orders for all seeds: intervals over seeds then hold no variance of the search."""
    for strategy in strategies_with(experiment, "grid"):
        if any(_has_one_order(experiment.of(task=task, strategy=strategy)) for task in experiment.tasks):
            yield (
                f"All seeds of {strategy} visited the cells of its grid in the same order: "
                "its intervals over seeds are too narrow."
            )


def _has_one_order(studies: Sequence[Study]) -> bool:
    orders = [cells for study in studies if (cells := list(_cells(study)))]
    length = min((len(order) for order in orders), default=0)
    return len(orders) > 1 and length > 1 and len({tuple(order[:length]) for order in orders}) == 1


def shared_starts(experiment: Experiment) -> Iterator[str]:
    """Strategies that begin with the same trials, seed by seed: common random numbers."""
    groups: list[tuple[list[str], int]] = []
    for strategy in experiment.strategies:
        for place, (names, length) in enumerate(groups):
            shared = _shared_with(experiment, names[0], strategy)
            if shared:
                groups[place] = ([*names, strategy], min(length, shared))
                break
        else:
            groups.append(([strategy], sys.maxsize))
    listed = [f"{listing(names)} the first {length}" for names, length in groups if len(names) > 1]
    if listed:
        yield (
            f"Some strategies begin with the same trials, seed by seed: {'; '.join(listed)}. "
            "That makes pairs comparable; they differ by later trials alone."
        )


def never_adapted(experiment: Experiment) -> Iterator[str]:
    """A model-based sampler whose budget ended within its random start-up trials."""
    for strategy in experiment.strategies:
        studies = [study for study in experiment.of(strategy=strategy) if n_startup_of(study)]
        stuck = [study for study in studies if never_learned(experiment, study)]
        if stuck:
            yield (
                f"In {len(stuck)} of {len(studies)} studies {strategy} never left its "
                f"{n_startup_of(stuck[0])} start-up trials, which are random: there it is random search "
                "under another name."
            )


def unequal_epochs(experiment: Experiment) -> Iterator[str]:
    """A pruner that compares trials of different planned lengths, whose schedules are not at the same point."""
    for strategy in experiment.strategies:
        studies = experiment.of(strategy=strategy)
        compares = any(pruner_of(s) and s.facts.get("pruner.same_epochs") == "false" for s in studies)
        if compares and any(len(planned_epochs(study)) > 1 for study in studies):
            cycle = any(study.facts.get("train.schedule") == "one_cycle" for study in studies)
            why = "the one-cycle learning rate follows the planned epochs" if cycle else "their schedules differ"
            yield (
                f"The pruner of {strategy} compared trials planned for different numbers of epochs after equally many "
                f"of them; {why}, so these values are not comparable. Set pruner.same_epochs=true."
            )


def trials_of_unequal_length(experiment: Experiment) -> Iterator[str]:
    lengths = {trial.epochs for study in experiment.studies for trial in study.complete}
    if experiment.unit == "trials" and len(lengths) > 1:
        yield (
            f"Budgets count trials, but trials trained {min(lengths):g} to {max(lengths):g} epochs: "
            "a strategy that drifts to long trials did more work for the same budget."
        )


def seconds_as_budget(experiment: Experiment) -> Iterator[str]:
    is_simulated = all(study.facts.get("executor") == "simulated" for study in experiment.studies)
    if experiment.unit == "seconds" and not is_simulated:
        yield "Budgets count seconds: what else the machine did at the time is part of the result."


def hidden_seed(experiment: Experiment) -> Iterator[str]:
    names = [s for s in experiment.strategies if any(pruner_of(x) == "hyperband" for x in experiment.of(strategy=s))]
    if names:
        yield (
            f"The brackets of {listing(names)} follow from the studies' names: under another name the same seed "
            "prunes other trials."
        )


def several_workers(experiment: Experiment) -> Iterator[str]:
    """More than one trial of a study at once: adaptive samplers and pruners then see fewer results."""
    counts = [n_workers(study) for study in experiment.studies if "executor" in study.facts]
    numbers = sorted({n for n in counts if n is not None})
    if numbers and numbers[-1] > 1:
        shown = f"{numbers[-1]}" if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
        yield (
            f"Up to {shown} trials of a study ran at once: strategies that adapt saw fewer results than one after "
            "the other; the comparison holds for as many workers."
        )
    if None in counts:
        yield (
            f"{count(counts.count(None), 'study')} ran as many trials at once as the machine had cores, "
            "which decides what strategies that adapt have seen."
        )


def mapped_proposals(experiment: Experiment) -> Iterator[str]:
    mapped = {study.strategy for study in experiment.studies if "nearest" in study.facts.get("mapping", "")}
    names = [strategy for strategy in experiment.strategies if strategy in mapped]
    if names:
        yield (
            f"Proposals of {listing(names)} were replaced by the nearest recorded configurations: "
            "how they would do on the space itself may differ."
        )


def _cells(study: Study) -> Iterator[str]:
    """Yields the params of the trials in the order of their numbers, each as one text."""
    trials = sorted((trial for trial in study.trials if trial.params), key=lambda trial: trial.number)
    return (json.dumps(dict(trial.params), sort_keys=True) for trial in trials)


def _levels(experiment: Experiment, task: str) -> dict[str, int]:
    """Returns the number of levels of each param as registered; empty if any is unknown."""
    node: object = experiment.card
    for key in ("tasks", task, "levels"):
        node = node.get(key) if isinstance(node, Mapping) else None
    levels = node if isinstance(node, Mapping) else {}
    counts = {str(param): len(values) for param, values in levels.items() if isinstance(values, list)}
    return counts if counts and all(counts.values()) else {}


def _shared_with(experiment: Experiment, first: str, second: str) -> int:
    """Returns how many first trials two strategies share with every seed they both have."""
    others = {(study.task, study.seed): study for study in experiment.of(strategy=second)}
    pairs = [(study, others.get((study.task, study.seed))) for study in experiment.of(strategy=first)]
    lengths = (_shared_length(_cells(one), _cells(other)) for one, other in pairs if other)
    least = next(lengths, 0)
    while least and (length := next(lengths, None)) is not None:  # of many pairs the first tells
        least = min(least, length)
    return least


def _shared_length(first: Iterator[str], second: Iterator[str]) -> int:
    pairs = zip(first, second, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
