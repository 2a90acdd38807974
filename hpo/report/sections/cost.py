"""The section on what quality cost: the value of each study against its epochs and seconds, and the Pareto front.

Whether the budgets were equal is the fairness section's business.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import fmean

from hpo.figures.figure import Axis, Figure, Series, View
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.endpoints import chosen
from hpo.report.analysis.incumbents import best_trial, counted_trials
from hpo.report.analysis.phrases import budget_text, labelled, task_name
from hpo.report.analysis.records import Experiment, Study, Trial
from hpo.report.document.content import Block, Section, Table, Text
from hpo.report.sections.series import box_series, evenly
from hpo.report.sections.tables import Field, Record, table

MAX_POINTS = 300
Measure = Callable[["Spent"], float | None]


@dataclass(frozen=True)
class Spent:
    """What a study spent within the budget and what it got for it.

    Attributes:
        study: Which.
        trials: Those that ended within the budget; confirmation is not in them.
        value: Of the quality the section is about; None when the study has none.
    """

    study: Study
    trials: tuple[Trial, ...]
    value: float | None

    @property
    def epochs(self) -> float:
        return math.fsum(trial.epochs for trial in self.trials)

    @property
    def seconds(self) -> float:
        return math.fsum(trial.seconds for trial in self.trials)

    @property
    def n_params(self) -> float | None:
        """Of the model, where the study says so."""
        try:
            number = float(self.study.facts.get("n_params") or math.nan)
        except ValueError:
            return None
        return number if math.isfinite(number) and number > 0 else None


MEASURES: Mapping[str, tuple[str, Measure]] = {
    "seconds": ("seconds of training and validation in the search (s)", lambda one: one.seconds or None),
    "epochs": ("epochs of the search", lambda one: one.epochs or None),
    "parameters": ("parameters of the model", lambda one: one.n_params),
}
A_TRIAL: Mapping[str, tuple[str, Callable[[Trial], float]]] = {
    "epochs": ("epochs a trial", lambda trial: trial.epochs),
    "seconds": ("seconds of training and validation (s) a trial", lambda trial: trial.seconds),
}


def build_cost(analysis: Analysis) -> Section | None:
    """Returns the section on cost and quality; None when no trial ended within the budget."""
    experiment = analysis.experiment
    title, quality = find_quality(experiment)
    spent = [Spent(study, counted_trials(experiment, study), quality(study)) for study in experiment.studies]
    if not any(one.trials for one in spent):
        return None
    records = [_record(*row) for row in _rows(experiment, spent)]
    shown = [record for record in records if record["task"] in experiment.shown_tasks]
    blocks: list[Block] = [_table(experiment, shown, title), *_fronts(experiment, spent, title)]
    blocks += _per_trial(experiment, spent)
    if not any(one.seconds for one in spent):
        blocks.append(Text("Seconds are not known and are left out.", tone="note"))
    blocks.append(
        Text(
            "Costs are those of the trials that ended within the budget; a trial taken from an equal one of another "
            "study is charged what the original took. Confirmation is outside the budget and listed apart.",
            tone="note",
        )
    )
    numbers, clock = ({"tasks": _by_strategy(experiment, spent, unit)} for unit in ("epochs", "seconds"))
    return Section("cost", "Cost and quality", blocks, {"quality": title, **numbers}, clock)


def find_quality(experiment: Experiment) -> tuple[str, Callable[[Study], float | None]]:
    """Returns what quality is, the same for all studies, and how to get it of one.

    The test value of the chosen configuration where every study with a best trial has it, else the mean of its
    retrainings, else the best validation value of the search.
    """
    able = [study for study in experiment.studies if best_trial(experiment, study) is not None]
    kinds: list[tuple[str, Callable[[Study], float | None]]] = [
        (f"test {experiment.metric} of the confirmed params", lambda study: _tested(experiment, study)),
        (f"{experiment.metric} of the confirmed params (mean)", lambda study: _confirmed(experiment, study)),
    ]
    for title, quality in kinds:
        if able and all(quality(study) is not None for study in able):
            return title, quality
    return f"best {experiment.metric} in the search", lambda study: _searched(experiment, study)


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Returns the places of the (cost, loss) pairs that no other beats in one and equals or beats in the other.

    By rising cost; of equal pairs the first.
    """
    order = sorted(range(len(points)), key=lambda place: (*points[place], place))
    front, best = [], math.inf
    for place in order:
        if points[place][1] < best:
            front.append(place)
            best = points[place][1]
    return front


def _tested(experiment: Experiment, study: Study) -> float | None:
    confirmed = chosen(experiment, study)
    return None if confirmed is None else fmean(confirmed.tests)


def _confirmed(experiment: Experiment, study: Study) -> float | None:
    means = [fmean(confirmed.values) for confirmed in study.confirmed if confirmed.values]
    return min(means, key=lambda mean: experiment.sign * mean, default=None)


def _searched(experiment: Experiment, study: Study) -> float | None:
    best = best_trial(experiment, study)
    return None if best is None else best.value


def _rows(experiment: Experiment, spent: Sequence[Spent]) -> list[tuple[str, str, list[Spent]]]:
    """Returns the studies with trials of each task and strategy."""
    groups: dict[tuple[str, str], list[Spent]] = {}
    for one in spent:
        if one.trials:
            groups.setdefault((one.study.task, one.study.strategy), []).append(one)
    order = product(experiment.tasks, experiment.strategies)
    return [(*place, groups[place]) for place in order if place in groups]


def _record(task: str, strategy: str, own: Sequence[Spent]) -> Record:
    n_trials = sum(len(one.trials) for one in own)
    epochs, seconds = sum(one.epochs for one in own), sum(one.seconds for one in own)
    values = [one.value for one in own if one.value is not None]
    confirmed = [one.study.confirmed for one in own]
    return {
        "task": task,
        "strategy": strategy,
        "value": fmean(values) if values else None,
        "n": len(own),
        "trials": n_trials / len(own),
        "epochs": epochs / len(own),
        "epochs_a_trial": epochs / n_trials,
        "seconds": _known(seconds, len(own)),
        "seconds_a_trial": _known(seconds, n_trials),
        "seconds_an_epoch": _known(seconds, epochs),
        "confirm_epochs": fmean(math.fsum(one.epochs for one in of) for of in confirmed),
        "confirm_seconds": _known(sum(math.fsum(one.seconds for one in of) for of in confirmed), len(own)),
    }


def _table(experiment: Experiment, records: Sequence[Record], title: str) -> Table:
    columns: list[Field[Record]] = [
        Field("task", "Task"),
        Field("strategy", "Strategy"),
        Field("value", f"Mean {title}"),
        Field("n", "Studies"),
        Field("trials", "Trials a study", format=".1f"),
        Field("epochs", "Epochs a study"),
        Field("epochs_a_trial", "Epochs a trial", format=".2f"),
        Field("seconds", "Seconds a study"),
        Field("seconds_a_trial", "Seconds a trial"),
        Field("seconds_an_epoch", "Seconds an epoch"),
        Field("confirm_epochs", "Confirmation (epochs a study)"),
        Field("confirm_seconds", "Confirmation (s a study)"),
    ]
    note = f"Means over studies of what was charged within the budget of {budget_text(experiment)}."
    return table(experiment, "cost_spent", "What the searches spent", columns, records, note)


def _known(cost: float, n: float) -> float | None:
    return cost / n if cost and n else None


def _fronts(experiment: Experiment, spent: Sequence[Spent], title: str) -> list[Figure]:
    views = []
    for task in experiment.shown_tasks:
        for name, (axis, measure) in MEASURES.items():
            costs = _known_costs(spent, task, measure)
            if costs:
                views.append(_front_view(experiment, costs, labelled(experiment, task, name), (axis, title)))
    if not views:
        return []
    better = "lower left" if experiment.better == "lower" else "upper left"
    caption = (
        f"One point a study, the better the nearer to the {better}; the grey steps are the Pareto front: no study "
        "on it is beaten by one that cost less."
    )
    return [Figure("cost_front", "Quality against cost", caption, views)]


def _known_costs(spent: Sequence[Spent], task: str, measure: Measure) -> list[tuple[Spent, float, float]]:
    """Returns the studies of a task whose cost and value are known, with both."""
    costs = ((one, measure(one), one.value) for one in spent if one.study.task == task)
    return [(one, cost, value) for one, cost, value in costs if cost is not None and value is not None]


def _front_view(
    experiment: Experiment, known: Sequence[tuple[Spent, float, float]], label: str, titles: tuple[str, str]
) -> View:
    front = [known[place] for place in pareto_front([(cost, experiment.sign * value) for _, cost, value in known])]
    series = [Series("Pareto front", "step", [cost for _, cost, _ in front], [value for *_, value in front])]
    for strategy in experiment.strategies:
        own = [point for point in known if point[0].study.strategy == strategy]
        if own:
            text = [f"seed {one.study.seed}, {len(one.trials)} trials" for one, *_ in own]
            x, y = [cost for _, cost, _ in own], [value for *_, value in own]
            series.append(Series(strategy, "points", x, y, strategy=strategy, text=text))
    return View(label, Axis(titles[0]), Axis(f"{titles[1]} ({experiment.better} is better)"), series)


def _per_trial(experiment: Experiment, spent: Sequence[Spent]) -> list[Figure]:
    views = []
    for task in experiment.shown_tasks:
        for name, (axis, cost) in A_TRIAL.items():
            series = []
            for strategy in experiment.strategies:
                own = [s for s in spent if (s.study.task, s.study.strategy) == (task, strategy)]
                values = evenly([cost(trial) for one in own for trial in one.trials], MAX_POINTS)
                if any(values):
                    series.append(box_series(strategy, values))
            if series:
                x = Axis("strategy", categories=[one.name for one in series])
                views.append(View(labelled(experiment, task, name), x, Axis(axis), series))
    caption = (
        "One point a trial, pruned and failed ones included, with a box over the middle half of them: strategies that "
        f"drift to long trials stand higher (at most {MAX_POINTS} of each strategy, evenly over its trials)."
    )
    return [Figure("cost_trials", "What a trial cost", caption, views)] if views else []


def _by_strategy(experiment: Experiment, spent: Sequence[Spent], unit: str) -> dict[str, dict[str, object]]:
    """Returns per task and strategy the mean cost of a study and of a trial, and the studies on the front."""
    numbers: dict[str, dict[str, object]] = {}
    measure = MEASURES[unit][1]
    for task, strategy, own in _rows(experiment, spent):
        known = _known_costs(spent, task, measure)
        points = [(cost, experiment.sign * value) for _, cost, value in known]
        front = [known[place][0].study for place in pareto_front(points)]
        total = sum(measure(one) or 0.0 for one in own)  # 0 is unknown
        numbers.setdefault(task_name(task), {})[strategy] = {
            f"{unit}_a_study": _known(total, len(own)),
            f"{unit}_a_trial": _known(total, sum(len(one.trials) for one in own)),
            "seeds_on_front": [study.seed for study in front if study.strategy == strategy],
        }
    return numbers
