"""A scale on which tasks can be compared: 0 is the best loss known, 1 is the median random evaluation.

Normalised regret r = (f - f*) / (f_ref - f*); what is made of it is decided elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hpo.report.analysis.conduct import sampler_of
from hpo.report.analysis.incumbents import counted_trials, is_complete, loss
from hpo.report.analysis.records import Experiment, Study


@dataclass(frozen=True)
class Scale:
    """What a task's losses are measured against.

    Attributes:
        best: f*, the lowest loss of any COMPLETE trial on the task; infinite without one.
        reference: f_ref, the median loss of random search's COMPLETE trials, or of everybody's.
        worst: The highest loss of a counted COMPLETE trial: what a study without any is taken to have reached.
        source: What f_ref is the median of.
    """

    best: float
    reference: float
    worst: float
    source: str

    @property
    def span(self) -> float:
        """f_ref - f*; 1 where they are equal, so that regret stays in units of the metric."""
        span = self.reference - self.best
        return span if span > 0 and math.isfinite(span) else 1.0

    def regret(self, loss: float) -> float:
        return (loss - self.best) / self.span


def scales(experiment: Experiment) -> Mapping[str, Scale]:
    """Returns the scale of each task."""
    return {task: _scale(experiment, task) for task in experiment.tasks}


def is_random(study: Study) -> bool:
    """Whether a study is random search: its sampler says so, or, without facts, the name of its strategy."""
    return sampler_of(study) == "random"


def is_grid(study: Study) -> bool:
    return sampler_of(study) == "grid"


def is_unpruned(study: Study) -> bool:
    return study.facts.get("pruner", "none") == "none" and not any(trial.state == "PRUNED" for trial in study.trials)


def control(experiment: Experiment) -> str | None:
    """Returns the strategy others are held against: random search, without pruning where there is one."""
    drawn = [study for study in experiment.studies if is_random(study)]
    whole = [study.strategy for study in drawn if is_unpruned(study)]
    return next(iter(whole or [study.strategy for study in drawn]), None)


def random_studies(experiment: Experiment, task: str) -> tuple[Study, ...]:
    """Returns the studies of random search on a task: those without pruning where there are any."""
    chosen = [study for study in experiment.of(task=task) if is_random(study)]
    whole = [study for study in chosen if is_unpruned(study)]
    return tuple(whole or chosen)


def _scale(experiment: Experiment, task: str) -> Scale:
    studies = experiment.of(task=task)
    known = _losses(experiment, studies)
    if not known:
        return Scale(math.inf, math.inf, math.inf, "nothing: no trial is COMPLETE")
    drawn = _losses(experiment, random_studies(experiment, task))
    reference, source = (
        float(np.median(drawn or known)),
        "random search" if drawn else "all strategies (no random search)",
    )
    if reference <= min(known):
        reference, source = float(np.median(known)), "all strategies (random search's median is the best known)"
    within = [
        loss(trial, sign=experiment.sign)
        for study in studies
        for trial in counted_trials(experiment, study)
        if is_complete(trial)
    ]
    return Scale(min(known), reference, max(within or known), source)


def _losses(experiment: Experiment, studies: Sequence[Study]) -> list[float]:
    return [loss(trial, sign=experiment.sign) for study in studies for trial in study.trials if is_complete(trial)]
