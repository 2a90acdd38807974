"""The endpoints strategies are compared at: the primary one, fixed by what was recorded, and the earlier looks.

An endpoint gives every study one loss; pairing and testing them is done elsewhere.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from hpo.report.analysis.incumbents import best_trial, counted_trials, is_beyond, steps
from hpo.report.analysis.records import Confirmed, Experiment, Place, Study
from hpo.report.analysis.regrets import Scale
from hpo.statistics.bootstrap import Resampling, iqm, iqm_interval
from hpo.statistics.interval import Interval

LOOKS = (1.0, 0.5, 0.25)
BEST_VALIDATION = "best validation"  # how a design card begins to say that searches are compared as they are


@dataclass(frozen=True)
class Endpoint:
    """One loss for each study.

    Attributes:
        key: test, retrained, 100 %, 50 % or 25 %.
        title: What the loss is, in words.
        losses: By strategy, then by (task, seed); infinite when the study has nothing to show; missing while unknown.
        worst: By task: the loss that stands for an infinite one where a number is needed.
    """

    key: str
    title: str
    losses: Mapping[str, Mapping[Place, float]]
    worst: Mapping[str, float]


def endpoints(experiment: Experiment, scales: Mapping[str, Scale]) -> list[Endpoint]:
    """Returns the endpoints in the order in which they are tested: the primary one first.

    Primary is the test value of the confirmed configuration if every study in the pairing has it; where nothing can be
    tested, the validation value of the best configuration when it was trained again; otherwise the best validation
    value within the budget. The rule looks only at what was recorded, not at how good it is.
    """
    worst = {task: scale.worst for task, scale in scales.items() if math.isfinite(scale.worst)}
    looks = [_validation(experiment, share, worst) for share in LOOKS]
    if is_tested(experiment):
        return [_tests(experiment), *looks]
    return [_retrained(experiment), *looks] if is_retrained(experiment) else looks


def is_tested(experiment: Experiment) -> bool:
    """Whether every study that has a counterpart has a confirmed test value, or failed in getting there."""
    return _is_known(experiment, loss_on_test)


def is_retrained(experiment: Experiment) -> bool:
    """Whether nothing was tested, and every study that has a counterpart had its best configuration trained again.

    Not where validation values of the search were registered as what is compared.
    """
    is_registered = str(experiment.card.get("primary", "")).startswith(BEST_VALIDATION)
    has_tests = any(one.tests for study in experiment.studies for one in study.confirmed)
    return not is_registered and not has_tests and _is_known(experiment, loss_retrained)


def _is_known(experiment: Experiment, loss: Callable[[Experiment, Study], float | None]) -> bool:
    values = [loss(experiment, study) for study in paired_studies(experiment)]
    return all(value is not None for value in values) and any(value not in (None, math.inf) for value in values)


def paired_studies(experiment: Experiment) -> list[Study]:
    """Returns the studies whose task and seed another strategy has too."""
    places = {(study.task, study.seed, study.strategy) for study in experiment.studies}
    n_strategies = Counter((task, seed) for task, seed, _ in places)
    return [study for study in experiment.studies if n_strategies[study.task, study.seed] > 1]


def chosen(experiment: Experiment, study: Study) -> Confirmed | None:
    """Returns the confirmed configuration that was chosen: the one with test values.

    None unless the confirmation is that of the budget; see `is_confirmed`.
    """
    tested = (confirmed for confirmed in study.confirmed if confirmed.tests)
    return next(tested, None) if is_confirmed(experiment, study) else None


def is_confirmed(experiment: Experiment, study: Study) -> bool:
    """Whether an ended confirmation retrained what the ended search had found within the budget.

    It did not where it chose among trials of a larger budget, or before the study went on to this one.
    """
    if not study.is_ended or study.facts.get("confirmation") == "running":
        return False
    best, within = best_trial(experiment, study), {trial.number for trial in counted_trials(experiment, study)}
    has_best = best is not None and any(confirmed.searched == best.value for confirmed in study.confirmed)
    return has_best and all(confirmed.trial in within for confirmed in study.confirmed)


def loss_on_test(experiment: Experiment, study: Study) -> float | None:
    """Returns the mean test loss of the chosen configuration; infinite when there is none, None if unknown.

    There is none when an ended study has no COMPLETE trial within the budget, or every retraining failed.
    """
    if not study.is_ended or is_beyond(experiment, study):
        return None
    if best_trial(experiment, study) is None:
        return math.inf
    confirmed = chosen(experiment, study)
    if confirmed is not None:
        return experiment.sign * float(np.mean(confirmed.tests))
    has_failed = is_confirmed(experiment, study) and all(c.n_failed and not c.values for c in study.confirmed)
    return math.inf if has_failed else None


def loss_retrained(experiment: Experiment, study: Study) -> float | None:
    """Returns the mean validation loss of the best configuration of a search over its retrainings.

    These took no part in choosing it. Infinite and None as for `loss_on_test`.
    """
    if not study.is_ended or is_beyond(experiment, study):
        return None
    best = best_trial(experiment, study)
    if best is None:
        return math.inf
    again = next((one for one in study.confirmed if one.searched == best.value), None)
    if again is None or not is_confirmed(experiment, study):
        return None
    return experiment.sign * float(np.mean(again.values)) if again.values else math.inf


def _retrained(experiment: Experiment) -> Endpoint:
    losses = _losses(experiment, lambda study: loss_retrained(experiment, study))
    title = f"validation value of the best configuration, trained again with fresh seeds ({experiment.metric})"
    return Endpoint("retrained", title, losses, _worst(losses))


def _tests(experiment: Experiment) -> Endpoint:
    losses = _losses(experiment, lambda study: loss_on_test(experiment, study))
    return Endpoint("test", f"test value of the confirmed configuration ({experiment.metric})", losses, _worst(losses))


def _validation(experiment: Experiment, share: float, worst: Mapping[str, float]) -> Endpoint:
    def loss(study: Study) -> float | None:
        curve, place = steps(experiment, study), share * experiment.budget_on(study.task)
        is_known = curve.known >= place * (1 - 1e-9) and not is_beyond(experiment, study)
        return float(curve.at(np.array([place * (1 + 1e-9)]))[0]) if is_known else None

    title = f"best validation value ({experiment.metric}) at {share * 100:.0f} % of the budget"
    return Endpoint(f"{share * 100:.0f} %", title, _losses(experiment, loss), worst)


def _losses(experiment: Experiment, loss: Callable[[Study], float | None]) -> dict[str, dict[Place, float]]:
    """Returns the known losses by strategy and (task, seed); of several studies in one place the first counts."""
    losses: dict[str, dict[Place, float]] = {strategy: {} for strategy in experiment.strategies}
    for study in experiment.studies:
        value = loss(study)
        if value is not None:
            losses[study.strategy].setdefault((study.task, study.seed), value)
    return losses


def _worst(losses: Mapping[str, Mapping[Place, float]]) -> dict[str, float]:
    """Returns the highest finite loss of each task; tasks without one are left out."""
    worst: dict[str, float] = {}
    for by_place in losses.values():
        for (task, _), value in by_place.items():
            if math.isfinite(value):
                worst[task] = max(value, worst.get(task, -math.inf))
    return worst


@dataclass(frozen=True)
class Summary:
    """A strategy's studies at an endpoint: values of the metric, or regrets over several tasks.

    Attributes:
        strategy: Its name.
        n: Studies.
        of_metric: Mean over tasks of the mean over seeds, in the metric's own units.
        mean, iqm, interval: Over all studies; the interval is that of the IQM.
    """

    strategy: str
    n: int
    of_metric: float
    mean: float
    iqm: float
    interval: Interval


def summarise(
    experiment: Experiment, endpoint: Endpoint, scales: Mapping[str, Scale], *, source: Resampling
) -> list[Summary]:
    """Returns the mean and the IQM of all studies of each strategy, resampled within tasks."""
    sign = experiment.shown_sign
    summaries = []
    for strategy in experiment.strategies:
        groups: dict[str, list[float]] = {}
        plain: dict[str, list[float]] = {}
        for (task, _), loss in endpoint.losses[strategy].items():
            filled = loss if math.isfinite(loss) else endpoint.worst.get(task, math.nan)
            value = scales[task].regret(filled) if experiment.has_tasks else filled
            if math.isfinite(value):
                groups.setdefault(task, []).append(value)
                plain.setdefault(task, []).append(experiment.sign * filled)
        values = np.array([value for group in groups.values() for value in group])
        if values.size:
            interval = iqm_interval([np.array(group) for group in groups.values()], source=source).times(sign)
            mean, middle = sign * float(values.mean()), sign * float(iqm(values))
            of_metric = float(np.mean([np.mean(group) for group in plain.values()]))
            summaries.append(Summary(strategy, values.size, of_metric, mean, middle, interval))
    return summaries
