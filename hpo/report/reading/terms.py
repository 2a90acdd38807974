"""The terms a report is made on: budget, unit and ROPE, given by hand, registered or inferred.

What the studies did under them is the sections' business; departures from what was registered become sentences here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hpo.config.schema import Direction
from hpo.contracts.records import Budget
from hpo.report.analysis.incumbents import costs, is_beyond
from hpo.report.analysis.phrases import budget_text
from hpo.report.analysis.records import Experiment, Study, Unit
from hpo.report.reading.deviations import find_deviations, join_names
from hpo.report.reading.scales import ValueKind, rope_of_scale, without_penalties

MAX_BUDGET = 1e12  # more than anybody spends, and few enough to be drawn


@dataclass(frozen=True)
class Terms:
    """What was given by hand; None leaves it to the design card, then to the studies."""

    rope: float | None = None
    unit: Unit | None = None
    budget: float | None = None
    direction: Direction | None = None
    states: Mapping[str, object] = field(default_factory=dict)
    value_is: ValueKind | None = None

    def __post_init__(self) -> None:
        if self.rope is not None and not (math.isfinite(self.rope) and self.rope >= 0):
            raise ValueError(f"report.rope={self.rope:g} must be at least 0, in units of the metric.")
        if self.budget is not None and not 0 < self.budget <= MAX_BUDGET:
            raise ValueError(f"report.budget={self.budget:g} must be above 0 and at most {MAX_BUDGET:g}.")


def settle(experiment: Experiment, given: Terms) -> Experiment:
    """Returns the experiment on the terms given by hand, with every departure from the design it shows.

    Raises:
        ValueError: if no trial has finished, or none has cost anything in the unit that is to be counted.
    """
    _check_finished(experiment)
    changed, sentences = without_penalties(experiment)
    notes = list(experiment.notes)
    if given.rope is None:
        rope, note = rope_of_scale(changed)
        changed, notes = replace(changed, rope=rope), notes + [note] * bool(note)
    elif given.rope != experiment.rope:
        changed = replace(changed, rope=given.rope)
        if experiment.card:
            sentences.append(_by_hand("ROPE", given.rope, experiment.rope))
    unit = given.unit or experiment.unit
    if not smallest_spent(experiment.studies, unit):
        raise ValueError(f"No trial cost any {unit}, so budgets cannot count them; give report.unit=trials.")
    budget, budgets, is_least = experiment.budget, experiment.budgets, experiment.is_least
    if given.budget is not None:
        budget, budgets, is_least = given.budget, {}, False
    elif unit != experiment.unit:
        budgets, is_least = smallest_by_task(experiment, unit), True
        budget = max(budgets.values(), default=smallest_spent(experiment.studies, unit))
    if experiment.card and (unit, budget) != (experiment.unit, experiment.budget):
        sentences.append(_by_hand("budget", f"{budget:g} {unit}", f"{experiment.budget:g} {experiment.unit}"))
    changed = replace(changed, unit=unit, budget=budget, budgets=budgets, is_least=is_least)
    if beyond := beyond_sentence(changed):
        sentences.append(beyond[0].upper() + beyond[1:])
    found = find_deviations(changed)
    return replace(changed, deviations=(*experiment.deviations, *sentences, *found), notes=tuple(notes))


def with_inferred_budget(experiment: Experiment, own: Sequence[Budget]) -> Experiment:
    """Returns an experiment that nobody registered with unit and size of its primary budget.

    Args:
        experiment: As read, its budget not yet known.
        own: What each study was given; empty when unknown.
    """
    if not any(study.finished for study in experiment.studies):
        return experiment  # which `settle` refuses
    unit, budget, sentences = infer_budget(experiment.studies, own)
    budgets = smallest_by_task(experiment, unit) if sentences else {}
    if budgets:
        least, budget = min(budgets.values()), max(budgets.values())
        said = f"those of a task are compared at the smallest budget there: {least:g} to {budget:g} {unit}"
        sentences = [f"The studies of different tasks spent differently; {said}."]
    deviations = (*experiment.deviations, *sentences)
    is_least = bool(sentences)
    return replace(experiment, unit=unit, budget=budget, budgets=budgets, is_least=is_least, deviations=deviations)


def infer_budget(studies: Sequence[Study], own: Sequence[Budget]) -> tuple[Unit, float, list[str]]:
    """Returns unit and size of the primary budget of studies that nobody registered, and what is to be said of it.

    Args:
        studies: With at least one finished trial.
        own: What each study was given; empty when unknown.
    """
    n_epochs = _same(own, lambda budget: budget.n_epochs)
    if n_epochs is not None:
        return "epochs", n_epochs, []
    if _epochs_differ(studies):
        return _smallest(studies, "epochs")
    limits: list[tuple[Unit, Callable[[Budget], float | None]]] = [
        ("trials", lambda budget: budget.n_trials),
        ("seconds", lambda budget: budget.trials_s),
    ]
    for unit, limit in limits:
        size = _same(own, limit)
        if size is not None:
            return unit, size, []
    # Seconds of driving are no seconds of training: eight workers spend eight of these in each.
    is_timed = _same(own, lambda budget: budget.timeout_s) is not None and smallest_spent(studies, "seconds") > 0
    return _smallest(studies, "seconds" if is_timed else "trials")


def smallest_by_task(experiment: Experiment, unit: Unit) -> dict[str, float]:
    """Returns the least that any study of each task spent; {} where that is the same on all of them."""
    least = {task: smallest_spent(experiment.of(task=task), unit) for task in experiment.tasks}
    least = {task: amount for task, amount in least.items() if amount}
    return least if len(set(least.values())) > 1 else {}


def smallest_spent(studies: Sequence[Study], unit: Unit) -> float:
    """Returns the least that any study spent that spent anything; of the ended ones, if there are any."""
    finished = [study for study in studies if study.finished]
    ended = [study for study in finished if study.is_ended]
    amounts = [_spent(study, unit) for study in ended or finished]
    return min((amount for amount in amounts if amount > 0), default=0.0)


def _smallest(studies: Sequence[Study], unit: Unit) -> tuple[Unit, float, list[str]]:
    least = smallest_spent(studies, unit)
    most = max(_spent(study, unit) for study in studies if study.finished)
    if least == most:
        return unit, least, []
    sentence = (
        f"The studies spent {least:g} to {most:g} {unit}; all are compared at the smallest budget, {least:g} {unit}."
    )
    return unit, least, [sentence]


def beyond_sentence(experiment: Experiment) -> str:
    """Returns which studies cannot be compared at the smallest budget, and what to do; "" if all can."""
    n_beyond = Counter(study.strategy for study in experiment.studies if is_beyond(experiment, study))
    if not n_beyond:
        return ""
    listed = join_names([f"{n} of {name}" for name, n in n_beyond.items()])
    budget = budget_text(experiment)
    return (
        f"studies whose first COMPLETE trial ended beyond {budget}, the least that a study spent, are not compared: "
        f"{listed}; give report.budget=N or another report.unit."
    )


def _spent(study: Study, unit: Unit) -> float:
    return costs(study.trials, unit=unit)[-1]


def _same(own: Sequence[Budget], limit: Callable[[Budget], float | None]) -> float | None:
    """Returns the limit if every study was given the same one."""
    sizes = {limit(budget) for budget in own}
    size = sizes.pop() if len(sizes) == 1 else None
    return None if size is None else float(size)


def _epochs_differ(studies: Sequence[Study]) -> bool:
    return len({trial.epochs for study in studies for trial in study.finished if trial.state != "FAIL"}) > 1


def _by_hand(what: str, given: object, registered: object) -> str:
    return f"The {what} was set to {given} by hand; {registered} had been registered."


def _check_finished(experiment: Experiment) -> None:
    if any(study.finished for study in experiment.studies):
        return
    n_running = sum(len(study.trials) for study in experiment.studies)
    raise ValueError(
        f"Experiment '{experiment.name}' has no finished trial yet: {len(experiment.studies)} studies, "
        f"{n_running} trials, all of them RUNNING; try again when one has ended."
    )
