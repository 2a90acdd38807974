"""How much each param matters, by two of Optuna's evaluators: PED-ANOVA for the best 10 %, fANOVA for the whole space.

Adaptive samples bias fANOVA, so the random trials of all studies are a group of their own; nothing is drawn here.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.importance import BaseImportanceEvaluator, FanovaImportanceEvaluator, PedAnovaImportanceEvaluator

from hpo.config.schema import Direction
from hpo.config.search import ParamValue
from hpo.report.analysis.conduct import random_studies
from hpo.report.analysis.records import Experiment, Trial
from hpo.report.analysis.spaces import Space, known_params, places_of
from hpo.space.space import canonical

PED_ANOVA, FANOVA = "PED-ANOVA", "fANOVA"
POOLED = "random trials of all studies"
MIN_TRIALS = 20
N_TREES, SEED = 16, 0
MAX_TRIALS, MAX_FOREST, MIN_FOREST = 500, 200, 60
TOTAL_FOREST = 500.0  # a forest's time grows with the square of its trials: all of them together take a few seconds


@dataclass(frozen=True)
class Importance:
    """What one evaluator says of one group of trials.

    Attributes:
        task: Where.
        group: A strategy, or POOLED.
        evaluator: PED_ANOVA or FANOVA.
        n_trials: Complete trials there are.
        n_used: Those it was computed from.
        shares: By param, of all importances; empty when there is nothing to say.
        why_not: Why there is nothing to say.
    """

    task: str
    group: str
    evaluator: str
    n_trials: int
    n_used: int
    shares: Mapping[str, float]
    why_not: str = ""


def importances(experiment: Experiment, spaces: Mapping[str, Space], rng: np.random.Generator) -> list[Importance]:
    """Returns the importances of every strategy and of the pooled random trials, task by task.

    Args:
        experiment: Its complete trials count.
        spaces: By task.
        rng: Chooses the trials where there are more than can be used.
    """
    groups = [
        (task, group, trials)
        for task in experiment.tasks
        for group, trials in _groups(experiment, task).items()
        if trials and spaces[task]
    ]
    n_forests = max(len(groups), 1)
    most = int(min(MAX_FOREST, max(MIN_FOREST, TOTAL_FOREST / math.sqrt(n_forests))))
    results: list[Importance] = []
    # By the trials as well, as the only random strategy is the pool of random trials.
    of_trials: dict[tuple[str, tuple[int, ...]], Importance] = {}
    for task, group, trials in groups:
        for evaluator, limit in ((PED_ANOVA, MAX_TRIALS), (FANOVA, most)):
            key = (evaluator, tuple(map(id, trials)))
            if key not in of_trials:
                used = _choose(trials, limit, rng)
                shares, why_not = _shares(evaluator, used, spaces[task], experiment.direction)
                of_trials[key] = Importance(task, group, evaluator, len(trials), len(used), shares, why_not)
            results.append(replace(of_trials[key], group=group))
    return results


def pooled_random(experiment: Experiment, task: str) -> list[Trial]:
    """Returns the complete trials of random search on a task, equal ones of several strategies once."""
    different: dict[tuple[str, float | None], Trial] = {}
    for study in random_studies(experiment, task):
        for trial in study.complete:
            different.setdefault((canonical(trial.params), trial.value), trial)
    return list(different.values())


def _groups(experiment: Experiment, task: str) -> dict[str, list[Trial]]:
    groups = {
        strategy: [trial for study in experiment.of(task=task, strategy=strategy) for trial in study.complete]
        for strategy in experiment.strategies
    }
    return {**groups, POOLED: pooled_random(experiment, task)}


def _choose(trials: Sequence[Trial], limit: int, rng: np.random.Generator) -> list[Trial]:
    if len(trials) <= limit:
        return list(trials)
    return [trials[place] for place in sorted(rng.choice(len(trials), limit, replace=False))]


def _shares(
    evaluator: str, trials: Sequence[Trial], space: Space, direction: Direction
) -> tuple[dict[str, float], str]:
    """Returns the share of each param, in the order of the space, or why there is none."""
    if len(trials) < MIN_TRIALS:
        return {}, f"fewer than {MIN_TRIALS} complete trials"
    if len({trial.value for trial in trials}) == 1:
        return {}, "all values are equal"
    params = [known_params(trial, space) for trial in trials]
    paths = _assessable(params, space, is_in_all=evaluator == FANOVA)
    if not paths:
        return {}, "no param that can be assessed differs between trials"
    raw = (
        _evaluate(FanovaImportanceEvaluator(n_trees=N_TREES, seed=SEED), _in_cube(trials, space, paths, direction))
        if evaluator == FANOVA
        else _evaluate(PedAnovaImportanceEvaluator(), _as_searched(trials, params, space, paths, direction))
    )
    total = math.fsum(raw.values())
    if not total > 0:
        return {}, "no param explains any difference"
    return {path: raw[path] / total for path in paths}, ""


def _assessable(trials: Sequence[Mapping[str, ParamValue]], space: Space, *, is_in_all: bool) -> list[str]:
    """Returns the params with several values, of those that every trial has if `is_in_all`."""
    paths = []
    for path in space:
        values = [params[path] for params in trials if path in params]
        if len(set(values)) > 1 and (len(values) == len(trials) or not is_in_all):
            paths.append(path)
    return paths


def _as_searched(
    trials: Sequence[Trial],
    of_trials: Sequence[Mapping[str, ParamValue]],
    space: Space,
    paths: Sequence[str],
    direction: Direction,
) -> optuna.Study:
    params = [{path: values[path] for path in paths if path in values} for values in of_trials]
    return _build_study(trials, params, {path: space[path] for path in paths}, direction)


def _in_cube(trials: Sequence[Trial], space: Space, paths: Sequence[str], direction: Direction) -> optuna.Study:
    """Returns a study whose numbers are places in [0, 1].

    fANOVA weighs parts of the space by their size, and Optuna's measures it on the linear scale even for log params.
    """
    searched = {path: space[path] for path in paths}
    distributions = {
        path: distribution if isinstance(distribution, CategoricalDistribution) else FloatDistribution(0.0, 1.0)
        for path, distribution in searched.items()
    }
    params: list[dict[str, ParamValue]] = [
        {
            path: trial.params[path]
            if isinstance(distributions[path], CategoricalDistribution)
            else min(max(place, 0.0), 1.0)
            for path, place in zip(searched, row, strict=True)
        }
        for trial, row in zip(trials, places_of(trials, searched).tolist(), strict=True)
    ]
    return _build_study(trials, params, distributions, direction)


def _build_study(
    trials: Sequence[Trial],
    params: Sequence[Mapping[str, ParamValue]],
    distributions: Mapping[str, BaseDistribution],
    direction: Direction,
) -> optuna.Study:
    logging.getLogger("optuna.storages._in_memory").setLevel(logging.WARNING)  # it announces each study
    optunas = optuna.study.StudyDirection[direction.upper()]
    study = optuna.create_study(direction=optunas, storage=optuna.storages.InMemoryStorage())
    study.add_trials(
        optuna.trial.create_trial(
            value=trial.value,
            params=dict(values),
            distributions={path: distributions[path] for path in values},
        )
        for trial, values in zip(trials, params, strict=True)
    )
    return study


def _evaluate(evaluator: BaseImportanceEvaluator, study: optuna.Study) -> dict[str, float]:
    trials = study.get_trials(deepcopy=False)
    paths = sorted({path for trial in trials for path in trial.params})  # Optuna's own order changes between processes
    with warnings.catch_warnings():
        # A value of a condition that one trial has is left out of the importance; nothing else depends on it.
        warnings.filterwarnings("ignore", message="Some regimes for parameter .* have less than", category=UserWarning)
        # Ties among the best; with different values there is a difference left, else the sum is zero, which is said.
        warnings.filterwarnings("ignore", message="Target and region quantiles select", category=UserWarning)
        try:
            shares = evaluator.evaluate(study, params=paths)
        except RuntimeError as error:
            if "zero total variance" not in str(error):
                raise
            return dict.fromkeys(paths, 0.0)
    return {path: float(value) for path, value in shares.items()}
