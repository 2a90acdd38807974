"""Writes an experiment as a CSV file of trials, which `csv` reads back.

What has no column is lost: learning curves, confirmations, the design card.
"""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from hpo.config.search import ParamValue
from hpo.machine.escaping import for_spreadsheet
from hpo.machine.files import write_atomically
from hpo.report.analysis.records import Experiment, Study, Trial
from hpo.report.reading.csv_rows import PARAM, REQUIRED
from hpo.report.reading.csv_words import DIVERGED

COLUMNS = (*REQUIRED, "test", "metric", "direction", "ended_s", "reason", "continued")


def write_records(experiment: Experiment, path: Path) -> None:
    """Writes every trial of `experiment` into the CSV file `path`, one row each, as UTF-8."""
    params = sorted({name for study in experiment.studies for trial in study.trials for name in trial.params})
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, *(f"{PARAM}{name}" for name in params)])
    for study in experiment.studies:
        for trial in study.trials:
            fields = _fields(experiment, study, trial)
            writer.writerow(
                [fields[column] for column in COLUMNS] + [_param(trial.params.get(name)) for name in params]
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text.getvalue().encode("utf-8"))


def _fields(experiment: Experiment, study: Study, trial: Trial) -> dict[str, str]:
    return {
        "experiment": for_spreadsheet(experiment.name),
        "task": for_spreadsheet(study.task),
        "strategy": for_spreadsheet(study.strategy),
        "seed": str(study.seed),
        "trial": str(trial.number),
        "value": _number(trial.value),
        "state": trial.state,
        "epochs": _number(trial.epochs),
        "seconds": _number(trial.seconds),
        "test": _number(trial.test),
        "metric": for_spreadsheet(experiment.metric),
        "direction": experiment.direction,
        "ended_s": _number(trial.ended_s),
        "reason": for_spreadsheet(trial.reason or ""),
        "continued": DIVERGED if trial.continued == math.inf else _number(trial.continued),
    }


def _number(value: float | None) -> str:
    return "" if value is None else repr(float(value)).removesuffix(".0")


def _param(value: ParamValue | None) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case str():
            return for_spreadsheet(value)
    return repr(value)
