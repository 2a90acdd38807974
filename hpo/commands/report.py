"""`hpo report`: the report on an experiment, from the record or from CSV files of trials.

Reads and writes files, changes nothing in the record; what the report says is decided in the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.commands.command import DONE, command, compose_and_call, refuse

if TYPE_CHECKING:
    from hpo.config.report import ReportConfig
    from hpo.config.schema import Config
    from hpo.report.analysis.records import Experiment

USAGE = """hpo report [experiment=NAME] [storage.path=hpo.db | records=FILE.csv] [tracking=none]

Writes the report on an experiment, at any time, also while its studies run.

  experiment=NAME          which one; may be left out if there is only one
  storage.path=hpo.db      the record it is read from; storage=postgres for one in a database
  records=FILE.csv         trials of any tuner instead; several files: 'records=[a.csv,b.csv]'. Columns: experiment,
                           task, strategy, seed, trial, value, state, epochs, seconds; optional: test, direction,
                           metric, ended_s, reason, continued, param.NAME
  tracking=none            do not log the report to MLflow
  report.folder=reports    the report is written to reports/NAME
  report.rope=0.005        differences up to this do not matter
  report.unit=epochs       what budgets count: epochs, trials or seconds; report.budget=96 their size
  report.direction=maximize                which values are better, for records that do not say so
  report.n_resamples=2000 report.seed=0    bootstraps

What the design card says is taken where nothing is given; another value given here is listed as a deviation.
Settings are in conf/report.yaml."""


@command(USAGE)
def main(argv: list[str]) -> int:
    """Runs the command line `argv` and returns its exit code."""
    if {"-m", "--multirun"} & set(argv):
        return refuse("A report is on one experiment; leave out -m and name it with experiment=NAME.")
    from hpo.config.report import ReportConfig

    return compose_and_call(as_overrides(argv), lambda job: _report(job.config), name="report", root=ReportConfig)


def as_overrides(argv: Sequence[str]) -> list[str]:
    """Returns the command line as Hydra is to read it.

    An experiment's name would be taken for an option of the group `experiment`, and names of experiments and files
    may hold signs that mean something to Hydra.
    """
    return [_as_override(word) for word in argv]


def _as_override(word: str) -> str:
    key, _, value = word.partition("=")
    if key == "experiment":
        return f"name={_quoted(value)}"
    is_list = value.startswith("[") or not value or value == "null"
    return f"{key}={_quoted(value)}" if key == "records" and not is_list else word


def _quoted(text: str) -> str:
    """Returns `text` as a string that Hydra takes as it is; quotes the user put around it are not part of it."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("${", "\\${")
    return f"'{escaped}'"


def _report(config: Config) -> int:
    from hpo.config.report import ReportConfig
    from hpo.machine.paths import as_name
    from hpo.report.assemble import headlines, make_report, show_report

    assert isinstance(config, ReportConfig)
    settings = config.report
    try:
        config.tracking.check(config.storage)
        if settings.n_resamples < 1:
            raise ValueError(f"report.n_resamples={settings.n_resamples} must be at least 1; 2000 are usual.")
        if settings.seed < 0:
            raise ValueError(f"report.seed={settings.seed} must be at least 0.")
        config.tracking.check_unshared()
        experiment = _read(config)
        folder = _made(Path(settings.folder) / as_name(experiment.name))
        report = make_report(experiment, folder, n_resamples=settings.n_resamples, seed=settings.seed)
        problem = show_report(report, folder, experiment=experiment.name, tracking=config.tracking)
    except (ValueError, OSError) as error:
        return refuse(error)
    if problem:
        refuse(problem)
    print("\n".join(headlines(report, folder)))
    return DONE


def _read(config: ReportConfig) -> Experiment:
    from hpo.report.reading.csv_records import read_records
    from hpo.report.reading.record import experiment_names, read_experiment
    from hpo.report.reading.terms import Terms
    from hpo.storage.record import open_record

    settings = config.report
    terms = Terms(
        rope=settings.rope,
        unit=settings.unit.value if settings.unit else None,
        budget=settings.budget,
        direction=settings.direction,
    )
    if config.records is not None:
        return read_records(_paths(config.records), name=config.name or None, terms=terms)
    storage = open_record(config.storage)
    return read_experiment(storage, config.name or _only(experiment_names(storage)), terms=terms)


def _made(folder: Path) -> Path:
    """Returns the folder, made before there is anything to write: what is in the way is told at once."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"report.folder={folder.parent} cannot be written: {error.strerror}.") from error
    return folder


def _paths(records: object) -> list[Path]:
    from hpo.machine.paths import expanded

    files = records if isinstance(records, list) else [records]
    for file in files:
        if not isinstance(file, str | int | float) or file == "":
            raise ValueError(f"records={records} is no file; give a CSV file, or a list as in 'records=[a.csv,b.csv]'.")
    return [expanded(str(file)) for file in files]


def _only(names: Sequence[str]) -> str:
    """Returns the only name there is."""
    if len(names) == 1:
        return names[0]
    if not names:
        raise ValueError("The record has no experiment yet; run `hpo compare` or `hpo` first.")
    raise ValueError(
        f"The record has {len(names)} experiments; choose one: {', '.join(f'experiment={n}' for n in names)}."
    )
