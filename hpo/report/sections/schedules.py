"""The part of the section on learning about schedules: learning rates and dropouts that were found inside a training.

How they are found is the business of the trainer.
"""

from __future__ import annotations

from collections.abc import Iterator

from hpo.report.analysis.phrases import task_name
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Block
from hpo.report.sections.coverage import best_trials
from hpo.report.sections.tables import Field, Record, nested, table

NAMES = {"lr": "learning rate", "drop_mult": "drop_mult"}
PLACES = {"first": "after its first epoch", "last": "after its last"}


def build_schedules(experiment: Experiment) -> tuple[list[Block], dict[str, object]]:
    """Returns a table of the schedules of the best trials, and their numbers; nothing where none was found."""
    records = list(_records(experiment))
    if not records:
        return [], {}
    fields: list[Field[Record]] = [
        Field("task", "Task"),
        Field("strategy", "Strategy"),
        Field("seed", "Seed", format="d"),
        Field("trial", "Best trial", format="d"),
    ]
    for name, title in NAMES.items():
        if any(record.get(f"{name} last") is not None for record in records):
            fields += [Field(f"{name} {place}", f"{title} {words}") for place, words in PLACES.items()]
    note = (
        "What these trainings took out of the search: the values moved inside each of them, along the gradient of the "
        "validation loss or as Prodigy estimates them. A schedule is no configuration: its last values held constant "
        "are another training, which was not run."
    )
    shown = table(experiment, "learned_schedules", "Schedules that were found", fields, records, note)
    kept = [field.name for field in fields[3:]]
    return [shown], {"schedules": nested(records, by=["task", "strategy", "seed"], names=kept)}


def _records(experiment: Experiment) -> Iterator[Record]:
    for task in experiment.tasks:
        for strategy in experiment.strategies:
            for study, trial in best_trials(experiment, task, strategy):
                if trial.schedule:
                    ends = {
                        f"{name} {place}": values[0 if place == "first" else -1]
                        for name, values in trial.schedule.items()
                        for place in PLACES
                    }
                    of: Record = {"strategy": strategy, "seed": study.seed, "trial": trial.number, **ends}
                    yield {"task": task_name(task), **of}
