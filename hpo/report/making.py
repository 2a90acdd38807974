"""The report that somebody asked for: its experiment found, read, reported on, shown.

Words of a command line and what is printed are the business of `commands.report`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hpo.config.report import ReportConfig
from hpo.machine.collecting import left_alone, uncollected
from hpo.machine.paths import expanded, file_name
from hpo.report.analysis.records import Experiment
from hpo.report.assemble import make_report, show_report
from hpo.report.document.content import Report
from hpo.report.document.files import EXPORTS
from hpo.report.reading.csv_records import read_records
from hpo.report.reading.deviations import join_names
from hpo.report.reading.optuna_studies import database_of, read_optuna
from hpo.report.reading.record import experiment_names, read_experiment
from hpo.report.reading.terms import Terms

OURS = (
    "The records were read, and making their report failed: that is an error of hpo, not of what was typed. Please "
    "report it to those who maintain hpo, with the lines above."
)


@dataclass(frozen=True)
class Made:
    """A report that was written.

    Attributes:
        report: What it says.
        folder: Where its files are.
        problem: What kept it from MLflow, in a sentence; "" if nothing did.
    """

    report: Report
    folder: Path
    problem: str = ""


def report_as_told(config: ReportConfig) -> Made:
    """Writes the report that the settings ask for.

    Raises:
        ValueError, OSError: if the record cannot be read as it is, or the report not be written.
        RuntimeError: if the report cannot be made of what was read: an error of ours.
    """
    settings = config.report
    config.tracking.check(config.storage)
    if settings.n_resamples < 1:
        raise ValueError(f"report.n_resamples={settings.n_resamples} must be at least 1; 2000 are usual.")
    if settings.seed < 0:
        raise ValueError(f"report.seed={settings.seed} must be at least 0.")
    config.tracking.check_unshared()
    exports = checked_exports(settings.export)
    with uncollected():
        experiment = with_shown(_read(config), settings.tasks)
    folder = _made(Path(settings.folder) / file_name(experiment.name))
    with left_alone():
        try:
            report = make_report(
                experiment, folder, n_resamples=settings.n_resamples, seed=settings.seed, exports=exports
            )
        except ValueError as error:  # what was read is in order: no mistake of whoever asked
            raise RuntimeError(OURS) from error
    problem = show_report(report, folder, experiment=experiment.name, tracking=config.tracking)
    return Made(report, folder, problem)


def _read(config: ReportConfig) -> Experiment:
    from hpo.storage.damage import reading
    from hpo.storage.record import open_record, shown

    settings = config.report
    terms = Terms(
        rope=settings.rope,
        unit=settings.unit.value if settings.unit else None,
        budget=settings.budget,
        direction=settings.direction,
        states=_states(settings.states),
        value_is=settings.value_is.value if settings.value_is else None,
    )
    if config.records is not None:
        return _read_others(config, terms)
    storage = open_record(config.storage)
    with reading(shown(storage)):
        return read_experiment(storage, config.name or _only(experiment_names(storage)), terms=terms)


def with_shown(experiment: Experiment, given: object) -> Experiment:
    """Returns the experiment with the tasks that `report.tasks` says are shown one by one.

    Raises:
        ValueError: if it names one that there is not.
    """
    if given is None:
        return experiment
    names = [str(name) for name in given] if isinstance(given, list) else [str(given)]
    if names == ["all"] and "all" not in experiment.tasks:
        return replace(experiment, shown=experiment.tasks)
    unknown = [name for name in names if name not in experiment.tasks]
    if unknown:
        raise ValueError(
            f"report.tasks={','.join(unknown)} is no task of experiment '{experiment.name}'; it has "
            f"{join_names(experiment.tasks)}; all shows every one."
        )
    return replace(experiment, shown=tuple(task for task in experiment.tasks if task in names))


def _read_others(config: ReportConfig, terms: Terms) -> Experiment:
    """Returns the experiment in files of other tuners: CSV, or a storage of Optuna's."""
    files, name = _files(config.records), config.name or None
    databases = [path for path in map(database_of, files) if path is not None]
    if not databases:
        return read_records([expanded(file) for file in files], name=name, terms=terms)
    if len(files) > 1:
        raise ValueError(f"records={config.records} has a storage of Optuna's beside other files; give it alone.")
    return read_optuna(databases[0], study_names=config.report.study_names, name=name, terms=terms)


def checked_exports(given: object) -> list[str]:
    """Returns what `report.export` asks for: any of tex, pdf and svg, or all.

    Raises:
        ValueError: if it asks for anything else.
    """
    names = [] if given is None else [str(name) for name in given] if isinstance(given, list) else [str(given)]
    unknown = [name for name in names if name not in (*EXPORTS, "all")]
    if unknown:
        raise ValueError(
            f"report.export={','.join(unknown)} is nothing a report is written as; give tex (tables, booktabs), pdf or "
            "svg (figures), a list as in 'report.export=[tex,pdf]', or all."
        )
    return list(EXPORTS) if "all" in names else names


def _states(given: object) -> dict[str, object]:
    if given is None:
        return {}
    if isinstance(given, dict):
        return {str(word): state for word, state in given.items()}
    raise ValueError(f"report.states={given} must say what words mean: 'report.states={{terminated: COMPLETE}}'.")


def _made(folder: Path) -> Path:
    """Returns the folder, made before there is anything to write: what is in the way is told at once."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"report.folder={folder.parent} cannot be written: {error.strerror}.") from error
    return folder


def _files(records: object) -> list[str]:
    files = records if isinstance(records, list) else [records]
    for file in files:
        if not isinstance(file, str | int | float) or file == "":
            raise ValueError(f"records={records} is no file; give a CSV file, or a list as in 'records=[a.csv,b.csv]'.")
    return [str(file) for file in files]


def _only(names: Sequence[str]) -> str:
    """Returns the only name there is."""
    if len(names) == 1:
        return names[0]
    if not names:
        raise ValueError("The record has no experiment yet; run `hpo compare` or `hpo` first.")
    raise ValueError(
        f"The record has {len(names)} experiments; choose one: {', '.join(f'experiment={n}' for n in names)}."
    )
