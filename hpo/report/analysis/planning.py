"""What an experiment says of one that is still to be run: how differences vary between seeds, what a study takes.

How many seeds follow from it is computed in `statistics.power`; a pilot is an experiment of one study.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from hpo.report.analysis.claims import pair_up
from hpo.report.analysis.endpoints import endpoints
from hpo.report.analysis.incumbents import is_complete
from hpo.report.analysis.phrases import count
from hpo.report.analysis.records import Experiment, Study
from hpo.report.analysis.regrets import scales
from hpo.statistics.bootstrap import Resampling

FEWEST_PAIRED = 3  # seeds from which a spread is estimated at all
FEWEST_TRIALS = 4  # of a pilot
CONFIDENCE = 0.8  # that the spread is below its upper limit (Browne 1995, Statistics in Medicine 14)


@dataclass(frozen=True)
class Noise:
    """How the difference of two strategies varies from seed to seed.

    Attributes:
        sd: Its standard deviation, in units of the metric.
        upper: What that is below with a confidence of 80 %, of normal noise.
        source: What it is estimated from, in words.
    """

    sd: float
    upper: float
    source: str


def noise_between(experiment: Experiment) -> Noise:
    """Returns the noise of an earlier comparison: the spread of the differences of its pairs, pooled.

    At its primary endpoint; a study with nothing to show counts as the worst value there is.

    Raises:
        ValueError: if it has several tasks, or too few paired seeds, or none of them differ.
    """
    if experiment.has_tasks:
        raise ValueError(
            f"Experiment '{experiment.name}' has {len(experiment.tasks)} tasks, and its strategies are paired by task: "
            "nothing is known from it of seeds on one task. Name one on a single task, or leave noise out for a pilot."
        )
    by_task = scales(experiment)
    endpoint = endpoints(experiment, by_task)[0]
    pairs = [pair for pair in pair_up(experiment, endpoint, by_task) if pair.n >= FEWEST_PAIRED]
    if not pairs:
        raise ValueError(
            f"Experiment '{experiment.name}' has no two strategies with {FEWEST_PAIRED} seeds in common, so nothing is "
            "known of how their difference varies. Name another with noise=NAME, or plan with another name for a pilot."
        )
    n_free = max(pair.n for pair in pairs) - 1  # pairs share their strategies: no more is known than of one
    sd = math.sqrt(float(np.mean([np.var(pair.filled_differences, ddof=1) for pair in pairs])))
    if not sd:
        raise ValueError(f"In experiment '{experiment.name}' all differences of a pair are equal: there is no noise.")
    source = f"{count(len(pairs), 'pair')} of '{experiment.name}' with {n_free + 1} seeds, {endpoint.title}"
    return Noise(sd, _upper(sd, n_free), source)


def noise_of_pilot(experiment: Experiment, *, n_trials: float) -> Noise:
    """Returns the noise that a pilot suggests: two searches with luck of their own, and the noise of retraining.

    The best of so many trials, drawn from those of the pilot, varies by the luck of searching; the mean of the
    retrainings by that of training. The difference of two strategies has both twice, since nothing is taken off for
    what pairing saves: an upper estimate where pairing helps, or where studies have more trials than the pilot.

    Args:
        experiment: One study, perhaps confirmed.
        n_trials: Trials of a study of the comparison; as many are drawn, with replacement, at most as there are.

    Raises:
        ValueError: if too few of its trials came to their end.
    """
    (study,) = experiment.studies
    values = np.array([trial.value for trial in study.trials if is_complete(trial)], float)
    if values.size < FEWEST_TRIALS:
        raise ValueError(
            f"The pilot '{experiment.name}' has {count(values.size, 'complete trial')}, and needs at least "
            f"{FEWEST_TRIALS} to say anything; give more with pilot=…."
        )
    n_drawn = max(1, min(int(n_trials), values.size))
    draws = Resampling(0).rng.choice(values, size=(Resampling(0).n, n_drawn))
    best = experiment.sign * np.min(experiment.sign * draws, axis=1)
    again = [np.array(one.tests or one.values, float) for one in study.confirmed]
    again = [retrained for retrained in again if retrained.size > 1]
    of_training = [float(np.var(retrained, ddof=1)) / retrained.size for retrained in again]
    variance = 2 * (float(np.var(best, ddof=1)) + (sum(of_training) / len(of_training) if of_training else 0.0))
    if not variance:
        raise ValueError(f"All trials of the pilot '{experiment.name}' have one value: there is no noise to plan with.")
    sd, n_again = math.sqrt(variance), sum(retrained.size for retrained in again)
    retrained = f" and {count(n_again, 'retraining')}" if n_again else ", none of them retrained"
    source = (
        f"{count(values.size, 'trial')} of the pilot '{experiment.name}'{retrained}; what pairing saves is not in it"
    )
    if n_trials > 1.5 * values.size:
        source += f", and studies of {n_trials:.0f} trials vary less"
    return Noise(sd, _upper(sd, values.size - 1), source)


def seconds_of_studies(experiment: Experiment) -> Mapping[str, float]:
    """Returns the seconds of training that a study of each strategy took on average, all its parts together."""
    return {
        strategy: float(np.mean([_seconds(study) for study in experiment.of(strategy=strategy)]))
        for strategy in experiment.strategies
    }


def seconds_of_pilot(experiment: Experiment, *, n_epochs: float) -> float:
    """Returns the seconds that a study with so many epochs takes, with its confirmation, at the pilot's pace."""
    (study,) = experiment.studies
    epochs = sum(trial.epochs for trial in study.finished)
    pace = sum(trial.seconds for trial in study.finished) / epochs if epochs else 0.0
    return pace * n_epochs + sum(one.seconds for one in study.confirmed)


def _seconds(study: Study) -> float:
    parts = [trial.seconds for trial in study.finished] + [one.seconds for one in study.confirmed]
    return sum(parts) + (study.audit.seconds if study.audit else 0.0)


def _upper(sd: float, n_free: int) -> float:
    """Returns the upper limit of a standard deviation with so many degrees of freedom."""
    return sd * math.sqrt(n_free / float(stats.chi2.ppf(1 - CONFIDENCE, n_free)))
