"""An experiment from CSV files of trials, written by whatever tuner, and as such a file, which is read back.

Columns, one row a trial: experiment, task, strategy, seed, trial, value, state; optional are epochs,
seconds, test, direction, metric, ended_s, reason, continued and one `param.NAME` for each param. Rows are read in
`csv_trials`, single fields in `csv_words`; every mistake is one sentence with its line. What is written lacks what has
no column: learning curves, confirmations, the design card.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from hpo.config.schema import Direction
from hpo.config.search import ParamValue
from hpo.contracts.records import RUNNING
from hpo.machine.escaping import for_spreadsheet
from hpo.machine.files import write_atomically
from hpo.report.analysis.records import Experiment, Study, Trial
from hpo.report.analysis.spaces import observed_space
from hpo.report.reading.csv_trials import (
    PARAM,
    REQUIRED,
    TrialRow,
    read_rows,
    read_trials,
)
from hpo.report.reading.csv_words import DIVERGED, check_states, is_empty
from hpo.report.reading.deviations import join_names
from hpo.report.reading.foreign_trials import ReadTrial, imputed, to_studies
from hpo.report.reading.scales import ROPE, with_value_kind
from hpo.report.reading.terms import Terms, settle, with_inferred_budget

# of what is written
COLUMNS = (*REQUIRED, "epochs", "seconds", "test", "metric", "direction", "ended_s", "reason", "continued")
UNNAMED = "value"  # the metric where no column names it
SPELLINGS = {"min": Direction.minimize, "minimise": Direction.minimize}
SPELLINGS |= {"max": Direction.maximize, "maximise": Direction.maximize}
DIRECTIONS = {**{direction.value: direction for direction in Direction}, **SPELLINGS}


def read_records(paths: Sequence[Path], *, name: str | None = None, terms: Terms | None = None) -> Experiment:
    """Returns the experiment in CSV files of trials.

    Args:
        paths: The files; together they are one table.
        name: Which experiment, if there are several.
        terms: What was given by hand.

    Raises:
        ValueError: for anything that cannot be read, in one sentence with its line.
    """
    if not paths:
        raise ValueError("records=[] names no file; give a CSV file, or a list as in 'records=[a.csv,b.csv]'.")
    rows: list[TrialRow] = []
    unread: list[str] = []
    for path in paths:
        more, unknown = read_rows(path)
        rows += more
        unread += unknown
    name = _one_experiment(rows, name)
    rows = [row for row in rows if row["experiment"] == name]
    terms = terms or Terms()
    metric = _one_of("metric", rows) or UNNAMED
    direction, notes = _direction(rows, terms, metric)
    read = read_trials(rows, check_states(terms.states))
    notes += _notes(rows, read, unread)
    if not any(each.trial.epochs for each in read):
        read = [replace(each, trial=replace(each.trial, epochs=1.0)) for each in read]
        notes.append("epochs is 0 in every row; each was charged one epoch.")
    experiment = Experiment(
        name=name,
        metric=metric,
        direction=direction,
        unit="trials",
        budget=1.0,
        rope=ROPE.get(metric, 0.0),
        studies=to_studies(read),
        deviations=imputed(read),
        facts={"source": f"CSV: {join_names([path.name for path in paths])}"},
        notes=tuple(notes),
    )
    return settle(with_inferred_budget(_with_spaces(with_value_kind(experiment, terms.value_is)), []), terms)


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


def _one_experiment(rows: Sequence[TrialRow], name: str | None) -> str:
    nameless = next((row for row in rows if not row["experiment"]), None)
    if nameless is not None:
        raise ValueError(f"{nameless.place}: experiment is empty; every trial belongs to one.")
    names = sorted({row["experiment"] for row in rows})
    if name is None and len(names) == 1:
        return names[0]
    if name in names:
        return name
    if name is None:
        raise ValueError(
            f"The records hold {len(names)} experiments; choose one: experiment={' or experiment='.join(names)}."
        )
    raise ValueError(f"There is no experiment '{name}' in the records; they have {join_names(names)}.")


def _one_of(column: str, rows: Sequence[TrialRow], read: Callable[[str], str] = str) -> str:
    """Returns the one text a column has for the whole experiment, as `read`; "" without one."""
    given: dict[str, str] = {}
    for row in rows:
        if row[column]:
            given.setdefault(read(row[column]), row.place)
    if len(given) > 1:
        (first, place), (second, other) = list(given.items())[:2]
        raise ValueError(
            f"An experiment has one {column}, but {place} says {first} and {other} says {second}; split the experiment."
        )
    return next(iter(given), "")


def _direction(rows: Sequence[TrialRow], terms: Terms, metric: str) -> tuple[Direction, list[str]]:
    """Returns which values are better, and what is to be said of it."""
    for row in rows:
        if row["direction"] and row["direction"].casefold() not in DIRECTIONS:
            raise ValueError(f"{row.place}: direction {row['direction']!r} is neither minimize nor maximize.")
    column = _one_of("direction", rows, lambda word: DIRECTIONS[word.casefold()])
    if terms.direction is not None:
        contradicts = column not in ("", terms.direction)
        note = f"The records say {column}; {terms.direction} was given by hand."
        return terms.direction, [note] if contradicts else []
    if column:
        return DIRECTIONS[column], []
    return Direction.minimize, [
        f"The records do not say which values of {metric} are better: lower ones were taken to be. "
        "If higher ones are, give report.direction=maximize."
    ]


def _notes(rows: Sequence[TrialRow], read: Sequence[ReadTrial], unread: Sequence[str]) -> list[str]:
    """Returns what had to be assumed."""
    notes = []
    n_epochs, n_seconds = (sum(is_empty(row[column]) for row in rows) for column in ("epochs", "seconds"))
    if n_epochs:
        notes.append(f"epochs is unknown in {n_epochs} of {len(rows)} rows; each was charged one epoch.")
    if n_seconds:
        notes.append(f"seconds is unknown in {n_seconds} of {len(rows)} rows; each was charged none.")
    ends = [each.trial.ended_s for each in read if each.trial.state != RUNNING]
    if 0 < ends.count(None) < len(ends):
        notes.append(
            f"ended_s is unknown for {ends.count(None)} of {len(ends)} finished trials; studies with such trials were "
            "taken to have run one trial after the other, in the order of their numbers."
        )
    if unread:
        notes.append(f"Columns that nothing reads: {join_names(list(dict.fromkeys(unread)))}.")
    return notes


def _with_spaces(experiment: Experiment) -> Experiment:
    """Returns the experiment with the ranges its trials' params lie in."""
    trials = {task: [t for study in experiment.of(task=task) for t in study.trials] for task in experiment.tasks}
    spaces = {task: observed_space(found) for task, found in trials.items()}
    if not any(spaces.values()):
        return experiment
    note = "The records do not say what was searched: the ranges of params are those of the trials."
    return replace(experiment, spaces=spaces, notes=(*experiment.notes, note))


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
