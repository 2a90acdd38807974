"""How much of the space the strategies visited: evenness, gaps, and what lies near an evaluated place.

Whether the best places agree is `agreement`'s business.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from scipy.stats import qmc

from hpo.figures.figure import Cell
from hpo.report.analysis.phrases import TASK, task_name, task_table
from hpo.report.analysis.records import Experiment
from hpo.report.analysis.spaces import Floats, Space, distances, draw_places, places_of
from hpo.report.document.content import Block, Column, Section, Table, Text

RADIUS = 0.1
N_PROBES, N_DRAWS, MAX_PLACES = 256, 20, 400
DRAWN = "drawn evenly at random"


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
    rows: list[Sequence[Cell]] = []
    numbers: dict[str, dict[str, object]] = {}
    left_out: list[str] = []
    for task in experiment.tasks:
        space = shared_params(experiment, task, spaces[task])
        left_out += [path for path in spaces[task] if path not in space]
        if space:
            for name, one in _coverages(experiment, task, space, rng).items():
                measures = (one.discrepancy, one.neighbour, one.gap, 100 * one.visited)
                rows.append([task_name(task), name, one.n_places, one.n_different, *measures])
                numbers.setdefault(task_name(task), {})[name] = one
    if not rows:
        return Section("coverage", "Coverage", [Text("No param is part of every trial, so no coverage is given.")])
    blocks: list[Block] = [task_table(experiment, _table(rows))]
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
    used = thin(places)
    discrepancy, neighbour = None, None
    if len(used) > 1:
        own = distances(used, used, space)
        np.fill_diagonal(own, np.inf)
        neighbour = float(own.min(axis=1).mean())
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


def thin(places: Floats) -> Floats:
    """Returns at most MAX_PLACES of the places, evenly over their order."""
    if len(places) <= MAX_PLACES:
        return places
    return places[np.arange(MAX_PLACES) * len(places) // MAX_PLACES]


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
    found = {
        strategy: _mean([measure(places, space, probes, references[len(places)]) for places in studies if len(places)])
        for strategy, studies in visited.items()
        if any(len(places) for places in studies)
    }
    middle = sizes[len(sizes) // 2]
    drawn = [measure(draw_places(space, middle, rng), space, probes, references[middle]) for _ in range(N_DRAWS)]
    return {**found, DRAWN: _mean(drawn)}


def _reference(space: Space, n: int, rng: np.random.Generator) -> float | None:
    """Returns the median discrepancy of `n` places drawn evenly from the space; None for one place."""
    if n < 2:
        return None
    return float(np.median([centred_discrepancy(draw_places(space, n, rng)) for _ in range(N_DRAWS)]))


def _mean(ones: Sequence[Coverage]) -> Coverage:
    discrepancies = [one.discrepancy for one in ones if one.discrepancy is not None]
    neighbours = [one.neighbour for one in ones if one.neighbour is not None]
    return Coverage(
        n_places=fmean(one.n_places for one in ones),
        n_different=fmean(one.n_different for one in ones),
        discrepancy=fmean(discrepancies) if discrepancies else None,
        neighbour=fmean(neighbours) if neighbours else None,
        gap=fmean(one.gap for one in ones),
        visited=fmean(one.visited for one in ones),
    )


def _table(rows: Sequence[Sequence[Cell]]) -> Table:
    columns = [
        TASK,
        Column("Strategy"),
        Column("Trials a study", ".1f"),
        Column("Different params", ".1f"),
        Column("Discrepancy (x random's)", ".2f"),
        Column("To nearest other trial (mean distance)", ".3f"),
        Column("From anywhere to nearest trial (mean distance)", ".3f"),
        Column(f"Space within {RADIUS:g} of a trial (%)", ".1f"),
    ]
    note = (
        "Means over studies; a distance is the mean over params of the difference in the unit cube (0 to 1); a "
        f"discrepancy above 1 is less even than random, below 1 more; at most {MAX_PLACES} trials of a study count."
    )
    return Table("learned_coverage", "How much of the space was visited", columns, rows, note)
