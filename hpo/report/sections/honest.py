"""Beside the best value seen, what it is worth: the number that each study computed at its end, shown as it is.

How it is computed is the business of `study.honest`; the report adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Table
from hpo.report.sections.tables import Field, Record, table

NOTE = (
    "What to expect of the chosen configuration with fresh seeds. Confirmed: the mean of retrainings that did not "
    "choose it; shrunken: the best value seen, by a Gaussian process over all trials of the study. "
    "Empty: fewer than five trials."
)


def honest_table(experiment: Experiment) -> Table | None:
    """Returns a row for each study that says what its best is worth; None where none does."""
    records = list(_records(experiment))
    if not records:
        return None
    fields = [
        Field[Record]("task", "Task"),
        Field[Record]("strategy", "Strategy"),
        Field[Record]("seed", "Seed", format="d"),
        Field[Record]("how", "How"),
        Field[Record]("seen", f"Best {experiment.metric} seen"),
        Field[Record]("value", f"Honest {experiment.metric}"),
        Field[Record]("low", "95 % from"),
        Field[Record]("high", "to"),
    ]
    return table(experiment, "performance_honest", "What the best of each study is worth", fields, records, NOTE)


def _records(experiment: Experiment) -> Iterator[Record]:
    for study in experiment.studies:
        honest: Mapping[str, float] = study.recorded.honest if study.recorded else {}
        if honest and study.task in experiment.shown_tasks:
            known = {key: honest.get(key) for key in ("seen", "value", "low", "high")}
            how = "confirmed" if "n_fresh" in honest else "shrunken" if "value" in honest else None
            yield {"task": study.task, "strategy": study.strategy, "seed": study.seed, "how": how, **known}
