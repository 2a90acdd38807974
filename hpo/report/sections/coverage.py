"""Where in the space the strategies were: how evenly they visited it, and whether the best of several seeds agree.

Which params matter is `learned`'s business; which strategy found better ones is said elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from statistics import fmean

import numpy as np
from scipy.stats import qmc

from hpo.figures.figure import Cell
from hpo.report.analysis.importances import pooled_random
from hpo.report.analysis.incumbents import best_trial
from hpo.report.analysis.phrases import task_name
from hpo.report.analysis.records import Experiment, Study, Trial
from hpo.report.analysis.spaces import Floats, Space, distances, draw_places, places_of
from hpo.report.document.content import Block, Section, Table, Text
from hpo.report.sections.series import evenly
from hpo.report.sections.tables import Field, Record, table
from hpo.space.space import canonical

RADIUS = 0.1
N_PROBES, N_DRAWS, MAX_PLACES = 256, 20, 400
DRAWN = "drawn evenly at random"
N_DRAWN, MIN_RANDOM = 200, 20


@dataclass(frozen=True)
class Coverage:
    """How a set of places lies in the unit cube.

    Attributes:
        n_places: Trials with params.
        n_different: Different places among them.
        discrepancy: Centred L2 discrepancy as a multiple of that of as many places drawn evenly; None for one place.
        neighbour: Mean distance of a place to its nearest other one; None for one place.
        gap: Mean distance of anywhere in the space to the nearest place.
        visited: Share of the space that lies within RADIUS of a place.
    """

    n_places: float
    n_different: float
    discrepancy: float | None
    neighbour: float | None
    gap: float
    visited: float


def build_coverage(experiment: Experiment, spaces: Mapping[str, Space], rng: np.random.Generator) -> Section:
    """Returns the part of the section on learning that says how much of the space was visited.

    Args:
        experiment: All finished trials with params count, whatever became of them.
        spaces: By task.
        rng: Draws the places that visited ones are compared with.
    """
    shared = {task: shared_params(experiment, task, spaces[task]) for task in experiment.tasks}
    numbers = {task_name(task): _coverages(experiment, task, space, rng) for task, space in shared.items() if space}
    if not numbers:
        return Section("coverage", "Coverage", [Text("No param is part of every trial, so no coverage is given.")])
    blocks: list[Block] = [_coverage_table(experiment, numbers)]
    left_out = [path for task, space in shared.items() for path in spaces[task] if path not in space]
    if left_out:
        names = ", ".join(dict.fromkeys(left_out))
        blocks.append(Text(f"Coverage leaves out params that not every trial has: {names}.", tone="note"))
    return Section("coverage", "Coverage", blocks, numbers)


def shared_params(experiment: Experiment, task: str, space: Space) -> Space:
    """Returns the part of the space that every trial with params has values of."""
    trials = [trial for study in experiment.of(task=task) for trial in study.finished if trial.params]
    if not trials:
        return {}
    columns = places_of(trials, space).T
    return {path: one for (path, one), column in zip(space.items(), columns, strict=True) if not np.isnan(column).any()}


def measure(places: Floats, space: Space, probes: Floats, reference: float | None) -> Coverage:
    """Returns the coverage of places, shape (n_places, n_params).

    Args:
        places: Within the unit cube; at most MAX_PLACES of them count, evenly over their order.
        space: Says which params are choices without an order.
        probes: Places drawn evenly, shape (n_probes, n_params).
        reference: The discrepancy of as many places drawn evenly.
    """
    used = places[evenly(range(len(places)), MAX_PLACES)]
    discrepancy, neighbour = None, None
    if len(used) > 1:
        between = distances(used, used, space)
        np.fill_diagonal(between, np.inf)
        neighbour = float(between.min(axis=1).mean())
        discrepancy = None if not reference else centred_discrepancy(used) / reference
    nearest = distances(probes, used, space).min(axis=1)
    return Coverage(
        n_places=len(places),
        n_different=len(np.unique(places, axis=0)),
        discrepancy=discrepancy,
        neighbour=neighbour,
        gap=float(nearest.mean()),
        visited=float((nearest <= RADIUS).mean()),
    )


def centred_discrepancy(places: Floats) -> float:
    """Returns the centred L2 discrepancy of places (Hickernell 1998, Math. Comp. 67); SciPy gives its square."""
    return math.sqrt(max(float(qmc.discrepancy(places, method="CD")), 0.0))


def _coverages(experiment: Experiment, task: str, space: Space, rng: np.random.Generator) -> dict[str, Coverage]:
    """Returns the mean coverage of each strategy's studies, and that of evenly drawn places."""
    probes = draw_places(space, N_PROBES, rng)
    visited = {
        strategy: [
            places_of([trial for trial in study.finished if trial.params], space)
            for study in experiment.of(task=task, strategy=strategy)
        ]
        for strategy in experiment.strategies
    }
    sizes = sorted(len(places) for studies in visited.values() for places in studies if len(places))
    references = {size: _reference(space, min(size, MAX_PLACES), rng) for size in dict.fromkeys(sizes)}
    means = {
        strategy: _mean([measure(places, space, probes, references[len(places)]) for places in studies if len(places)])
        for strategy, studies in visited.items()
        if any(len(places) for places in studies)
    }
    middle = sizes[len(sizes) // 2]
    drawn = [measure(draw_places(space, middle, rng), space, probes, references[middle]) for _ in range(N_DRAWS)]
    return {**means, DRAWN: _mean(drawn)}


def _reference(space: Space, n: int, rng: np.random.Generator) -> float | None:
    """Returns the median discrepancy of `n` places drawn evenly from the space; None for one place."""
    if n < 2:
        return None
    return float(np.median([centred_discrepancy(draw_places(space, n, rng)) for _ in range(N_DRAWS)]))


def _mean(ones: Sequence[Coverage]) -> Coverage:
    """Returns the mean of each measure over those that have it."""
    columns = [[value for one in ones if (value := getattr(one, field.name)) is not None] for field in fields(Coverage)]
    return Coverage(*(fmean(values) if values else None for values in columns))  # type: ignore[arg-type]


def _coverage_table(experiment: Experiment, by_task: Mapping[str, Mapping[str, Coverage]]) -> Table:
    columns: list[Field[Record]] = [
        Field("task", "Task"),
        Field("strategy", "Strategy"),
        Field("n_places", "Trials a study", format=".1f"),
        Field("n_different", "Different params", format=".1f"),
        Field("discrepancy", "Discrepancy (x random's)", format=".2f"),
        Field("neighbour", "To nearest other trial (mean distance)", format=".3f"),
        Field("gap", "From anywhere to nearest trial (mean distance)", format=".3f"),
        Field("percent", f"Space within {RADIUS:g} of a trial (%)", format=".1f"),
    ]
    records = [
        {"task": task, "strategy": name, "percent": 100 * coverage.visited, **vars(coverage)}
        for task, coverages in by_task.items()
        for name, coverage in coverages.items()
    ]
    note = (
        "Means over studies; a distance is the mean over params of the difference in the unit cube (0 to 1); a "
        f"discrepancy above 1 is less even than random, below 1 more; at most {MAX_PLACES} trials of a study count."
    )
    return table(experiment, "learned_coverage", "How much of the space was visited", columns, records, note)


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
    numbers: dict[str, dict[str, Agreement]] = {}
    pairs: dict[str, float | None] = {}
    for task in experiment.tasks:
        if not spaces[task]:
            continue
        pair = mean_distance(_random_places(experiment, task, spaces[task], rng), spaces[task])
        for strategy in experiment.strategies:
            agreement = _agreement(best_trials(experiment, task, strategy), spaces[task], pair)
            if agreement.n_best:
                numbers.setdefault(task_name(task), {})[strategy] = agreement
                pairs[task_name(task)] = pair
    if not numbers:
        return Section("agreement", "Agreement", [Text("No study has a complete trial with params to compare.")])
    records: list[Record] = [
        {"task": task, "strategy": strategy, "pair": pairs[task], **vars(agreement)}
        for task, agreements in numbers.items()
        for strategy, agreement in agreements.items()
    ]
    blocks: list[Block] = [_agreement_table(experiment, records), _bests_table(experiment, spaces)]
    return Section("agreement", "Agreement of the best params", blocks, numbers)


def best_trials(experiment: Experiment, task: str, strategy: str) -> list[tuple[Study, Trial]]:
    """Returns the best trial of each study that has one with params, with its study."""
    bests = ((study, best_trial(experiment, study)) for study in experiment.of(task=task, strategy=strategy))
    return [(study, trial) for study, trial in bests if trial is not None and trial.params]


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
    return places_of(evenly(trials, N_DRAWN), space)


def _agreement(best: Sequence[tuple[Study, Trial]], space: Space, pair: float | None) -> Agreement:
    trials = [trial for _, trial in best]
    spread = mean_distance(places_of(trials, space), space)
    return Agreement(
        n_best=len(trials),
        n_different=len({canonical(trial.params) for trial in trials}),
        spread=spread,
        relative=None if spread is None or not pair else spread / pair,
    )


def _agreement_table(experiment: Experiment, records: Sequence[Record]) -> Table:
    columns: list[Field[Record]] = [
        Field("task", "Task"),
        Field("strategy", "Strategy"),
        Field("n_best", "Best trials"),
        Field("n_different", "Different params"),
        Field("spread", "Distance between two (mean, 0-1)", format=".3f"),
        Field("pair", "Between random pairs (mean, 0-1)", format=".3f"),
        Field("relative", "Ratio", format=".2f"),
    ]
    note = (
        "One best trial a seed; a ratio near 0 means that all seeds found the same params, near 1 that they agree no "
        "more than two random trials do: either many params are as good, or the best were found by luck."
    )
    title = "Do the best trials of different seeds agree?"
    return table(experiment, "learned_agreement", title, columns, records, note)


def _bests_table(experiment: Experiment, spaces: Mapping[str, Space]) -> Table:
    paths = list(dict.fromkeys(path for task in experiment.tasks for path in spaces[task]))
    columns: list[Field[Record]] = [
        Field("task", "Task"),
        Field("strategy", "Strategy"),
        Field("seed", "Seed"),
        Field("value", experiment.metric),
    ]
    records: list[Record] = [
        {
            "task": task,
            "strategy": strategy,
            "seed": study.seed,
            "value": trial.value,
            **{f"param {path}": _cell(trial.params.get(path)) for path in paths},
        }
        for task in experiment.tasks
        for strategy in experiment.strategies
        for study, trial in best_trials(experiment, task, strategy)
    ]
    note = "The best complete trial of each study within the budget, with its params; a dash is a param it has not."
    columns += [Field(f"param {path}", path) for path in paths]
    return table(experiment, "learned_best", "Params of the best trials", columns, records, note)


def _cell(value: object) -> Cell:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str | int | float) else None
