"""Whether the best trials of different seeds have the same params: their spread against that of random pairs.

Which strategy found better ones is said elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hpo.figures.figure import Cell
from hpo.report.analysis.importances import pooled_random
from hpo.report.analysis.incumbents import best_trial
from hpo.report.analysis.phrases import TASK, task_name, task_table
from hpo.report.analysis.records import Experiment, Study, Trial
from hpo.report.analysis.spaces import Floats, Space, distances, draw_places, places_of
from hpo.report.document.content import Block, Column, Section, Table, Text
from hpo.space.space import canonical

N_DRAWN, MIN_RANDOM = 200, 20


@dataclass(frozen=True)
class Agreement:
    """How close the best trials of a strategy's studies are to each other on a task.

    Attributes:
        n_best: Studies with a best trial.
        n_different: Different params among them.
        spread: Mean distance between two of them; None for fewer than two.
        relative: The spread as a multiple of that of random pairs: 0 the same params, 1 no agreement.
    """

    n_best: int
    n_different: int
    spread: float | None
    relative: float | None


def build_agreement(experiment: Experiment, spaces: Mapping[str, Space], rng: np.random.Generator) -> Section:
    """Returns the part of the section on learning about the best trials' params.

    Args:
        experiment: The best complete trial within the budget counts, of each study.
        spaces: By task.
        rng: Draws pairs where there is no random search to take them from.
    """
    rows: list[Sequence[Cell]] = []
    numbers: dict[str, dict[str, object]] = {}
    for task in experiment.tasks:
        if not spaces[task]:
            continue
        pair = mean_distance(_random_places(experiment, task, spaces[task], rng), spaces[task])
        for strategy in experiment.strategies:
            one = _agreement(best_trials(experiment, task, strategy), spaces[task], pair)
            if one.n_best:
                spread = (one.spread, pair, one.relative)
                rows.append([task_name(task), strategy, one.n_best, one.n_different, *spread])
                numbers.setdefault(task_name(task), {})[strategy] = one
    if not rows:
        return Section("agreement", "Agreement", [Text("No study has a complete trial with params to compare.")])
    blocks: list[Block] = [task_table(experiment, _spreads(rows)), _bests(experiment, spaces)]
    return Section("agreement", "Agreement of the best params", blocks, numbers)


def best_trials(experiment: Experiment, task: str, strategy: str) -> list[tuple[Study, Trial]]:
    """Returns the best trial of each study that has one with params, with its study."""
    found = ((study, best_trial(experiment, study)) for study in experiment.of(task=task, strategy=strategy))
    return [(study, trial) for study, trial in found if trial is not None and trial.params]


def mean_distance(places: Floats, space: Space) -> float | None:
    """Returns the mean distance between two different ones of the places; None for fewer than two."""
    n = len(places)
    if n < 2:
        return None
    return float(distances(places, places, space).sum() / (n * (n - 1)))


def _random_places(experiment: Experiment, task: str, space: Space, rng: np.random.Generator) -> Floats:
    trials = [trial for trial in pooled_random(experiment, task) if trial.params]
    if len(trials) < MIN_RANDOM:
        return draw_places(space, N_DRAWN, rng)
    places = places_of(trials, space)
    return places[np.arange(min(N_DRAWN, len(places))) * len(places) // min(N_DRAWN, len(places))]


def _agreement(best: Sequence[tuple[Study, Trial]], space: Space, pair: float | None) -> Agreement:
    trials = [trial for _, trial in best]
    spread = mean_distance(places_of(trials, space), space)
    return Agreement(
        n_best=len(trials),
        n_different=len({canonical(trial.params) for trial in trials}),
        spread=spread,
        relative=None if spread is None or not pair else spread / pair,
    )


def _spreads(rows: Sequence[Sequence[Cell]]) -> Table:
    columns = [TASK, Column("Strategy"), Column("Best trials"), Column("Different params")]
    columns += [Column("Distance between two (mean, 0-1)", ".3f"), Column("Between random pairs (mean, 0-1)", ".3f")]
    columns.append(Column("Ratio", ".2f"))
    note = (
        "One best trial a seed; a ratio near 0 means that all seeds found the same params, near 1 that they agree no "
        "more than two random trials do: either many params are as good, or the best were found by luck."
    )
    return Table("learned_agreement", "Do the best trials of different seeds agree?", columns, rows, note)


def _bests(experiment: Experiment, spaces: Mapping[str, Space]) -> Table:
    paths = list(dict.fromkeys(path for task in experiment.tasks for path in spaces[task]))
    rows: list[Sequence[Cell]] = [
        [task_name(task), strategy, study.seed, trial.value, *(_cell(trial.params.get(path)) for path in paths)]
        for task in experiment.tasks
        for strategy in experiment.strategies
        for study, trial in best_trials(experiment, task, strategy)
    ]
    columns = [TASK, Column("Strategy"), Column("Seed"), Column(experiment.metric), *(Column(path) for path in paths)]
    note = "The best complete trial of each study within the budget, with its params; a dash is a param it has not."
    return task_table(experiment, Table("learned_best", "Params of the best trials", columns, rows, note))


def _cell(value: object) -> Cell:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str | int | float) else None
