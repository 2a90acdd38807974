"""Pairs of strategies compared by their seeds within each task, where tasks are too few to be what counts.

What is claimed so holds for these very tasks; what may be said of tasks in general is `claims`'s concern.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hpo.report.analysis.claims import common_places
from hpo.report.analysis.endpoints import Endpoint
from hpo.report.analysis.records import Experiment
from hpo.statistics.equality import levelled_differences
from hpo.statistics.paired import fewest_seeds, holm
from hpo.statistics.signed_rank import ALPHA, stratified_signed_rank


@dataclass(frozen=True)
class Within:
    """A pair, compared within each task.

    Attributes:
        first, second: The strategies.
        n: Paired studies, of all tasks together.
        wins, defeats: Of these, in how many the first was better, and the second.
        n_tasks: How many tasks they are on.
        lean: Sum of signed ranks of the differences of losses: negative where the first is better.
        p, adjusted: Of the stratified permutation test: raw, and Holm-adjusted over all pairs.
    """

    first: str
    second: str
    n: int
    wins: int
    defeats: int
    n_tasks: int
    lean: float
    p: float
    adjusted: float

    @property
    def better(self) -> str | None:
        """The strategy that is better on these tasks; None where none is shown to be."""
        if self.adjusted >= ALPHA:
            return None
        return self.first if self.lean < 0 else self.second


def within_tasks(experiment: Experiment, endpoint: Endpoint) -> list[Within]:
    """Returns every pair compared within tasks; [] unless tasks are too few for a claim, and paired studies are not."""
    names = experiment.strategies
    fewest = fewest_seeds(len(names)) if len(names) > 1 else 0
    if not experiment.has_tasks or len(experiment.tasks) >= fewest:
        return []
    pairs = [
        (first, second, _strata(experiment, endpoint, (first, second))) for first, second in combinations(names, 2)
    ]
    if any(sum(own.size for own in strata) < fewest for _, _, strata in pairs):
        return []
    tests = [stratified_signed_rank(strata) for _, _, strata in pairs]
    return [
        Within(
            first,
            second,
            n=sum(own.size for own in strata),
            wins=int(sum((own < 0).sum() for own in strata)),
            defeats=int(sum((own > 0).sum() for own in strata)),
            n_tasks=len(strata),
            lean=lean,
            p=p,
            adjusted=adjusted,
        )
        for (first, second, strata), (p, lean), adjusted in zip(pairs, tests, holm([p for p, _ in tests]), strict=True)
    ]


def _strata(experiment: Experiment, endpoint: Endpoint, names: tuple[str, str]) -> list[NDArray[np.float64]]:
    """Returns the differences of losses of two strategies, first - second, task by task."""
    places = common_places(experiment, endpoint, names)
    found = []
    for task in dict.fromkeys(task for task, _ in places):
        losses = np.array([[endpoint.losses[name][p] for p in places if p[0] == task] for name in names], float)
        with np.errstate(invalid="ignore"):
            exact = np.nan_to_num(losses[0] - losses[1], nan=0.0, posinf=np.inf, neginf=-np.inf)
        found.append(levelled_differences(exact, np.abs(losses).max(axis=0)))
    return found
