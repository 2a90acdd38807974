"""How far apart equal params end: the standard deviation within groups of equal params, pooled, with its interval.

Where groups come from is here as well; what the number means for strategies is `noise`'s business.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from scipy import stats

from hpo.report.analysis.records import Confirmed, Experiment, Study
from hpo.space.space import canonical

LEVEL = 0.95
VALIDATION, TEST, SEARCH = "retrained, validation", "retrained, test", "searched with several seeds, validation"

Groups = Sequence[Sequence[float]]
"""Values of trainings that differ in nothing but their seed, one inner sequence for each params."""


@dataclass(frozen=True)
class Spread:
    """A standard deviation within groups of equal params, pooled over the groups.

    Attributes:
        n_groups: Params with at least two values.
        df: Degrees of freedom: values less groups.
        sd: In units of the metric.
        low, high: 95 % interval by the chi-square distribution, which supposes normal values.
    """

    n_groups: int
    df: int
    sd: float
    low: float
    high: float

    def exceeding(self, difference: float) -> float:
        """Returns the probability that two trainings of equal params differ by more than `difference`, if normal."""
        if self.sd == 0:
            return 0.0
        return float(2 * stats.norm.sf(difference / (self.sd * math.sqrt(2))))


def pooled_spread(groups: Groups) -> Spread | None:
    """Returns the pooled standard deviation, sqrt(sum of squares within groups / df); None without two equal params."""
    repeated = [group for group in groups if len(group) > 1]
    df = sum(len(group) - 1 for group in repeated)
    if not df:
        return None
    squares = math.fsum((value - fmean(group)) ** 2 for group in repeated for value in group)
    tail = (1 - LEVEL) / 2
    low, high = (math.sqrt(squares / float(stats.chi2.ppf(place, df))) for place in (1 - tail, tail))
    return Spread(len(repeated), df, math.sqrt(squares / df), low, high)


def groups_of(experiment: Experiment, task: str) -> dict[str, list[list[float]]]:
    """Returns the groups of equal params on a task by where they come from."""
    studies = experiment.of(task=task)
    return {
        VALIDATION: [list(one.values) for one in retrained(studies)],
        TEST: [list(one.tests) for one in retrained(studies)],
        SEARCH: _searched(studies),
    }


def retrained(studies: Sequence[Study]) -> list[Confirmed]:
    """Returns the confirmed params of the studies; retrainings that several studies share count once."""
    different: dict[tuple[str, float, tuple[float, ...]], Confirmed] = {}
    for study in studies:
        params = {trial.number: trial.params for trial in study.trials}
        for one in study.confirmed:
            key = (canonical(params.get(one.trial, {})), one.searched, one.values)
            different.setdefault(key, one)
    return list(different.values())


def _searched(studies: Sequence[Study]) -> list[list[float]]:
    """Returns the values of equal params in several studies; a training is known by the study's seed and its number."""
    groups: dict[str, dict[tuple[int, int], float]] = {}
    for study in studies:
        for trial in study.complete:
            if trial.params and trial.value is not None:
                groups.setdefault(canonical(trial.params), {}).setdefault((study.seed, trial.number), trial.value)
    return [list(group.values()) for group in groups.values()]
