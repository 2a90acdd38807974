"""A comparison from its plans to its report: registered, driven, reported.

What is printed of it, and exit codes, are the business of `commands.compare`; `api` returns it to notebooks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from optuna.storages import BaseStorage

from hpo.compare.comparison import Comparison
from hpo.compare.design import beside_sentence, describe, find_registered, n_trials, register, write_card
from hpo.compare.outlook import outlook
from hpo.compare.stopping import check_unchanged, course_of
from hpo.config.compare import CompareConfig
from hpo.machine.paths import check_folder
from hpo.study.preparation import Prepared, prepare_all
from hpo.study.refusal import refusing
from hpo.study.session import Report
from hpo.terminal.display import Announcer, Display

if TYPE_CHECKING:
    from hpo.report.analysis.records import Experiment
    from hpo.report.document.content import Report as ComparisonReport


@dataclass(frozen=True)
class Ran:
    """A comparison that was driven, to its end or as far as it came.

    Attributes:
        comparison: What was planned.
        reports: What is left to say of each study.
        storage: The record.
        design: What was registered.
    """

    comparison: Comparison
    reports: Sequence[Report]
    storage: BaseStorage
    design: Mapping[str, object]

    @property
    def is_cut_short(self) -> bool:
        """Whether a signal or an obstacle ended it before its budget did."""
        return self.reports[0].signal is not None or bool(self.reports[0].obstacle)


def run_comparison(
    comparison: Comparison,
    config: CompareConfig,
    display: Announcer,
    *,
    command: str,
    display_of: Callable[[str], Display],
) -> Ran:
    """Registers a comparison and drives its studies.

    Args:
        comparison: What is planned.
        config: The settings.
        display: Shows what is worth a line.
        command: What continues it, as it may be written down.
        display_of: Returns the display of the study with a name.

    Raises:
        ValueError, Refused, StudyHeld: in a sentence, if something cannot be used as it is.
    """
    from hpo.report.reading.record import read_experiment
    from hpo.study.session import drive_all

    check_folder(f"reports={config.reports}", Path(config.reports))
    is_cached = _is_cached(config)
    prepared = prepare_all(comparison.plans, display)
    design = _register(comparison, config, prepared, display, command=command, is_cached=is_cached)
    course = course_of(comparison, lambda: read_experiment(prepared.storage, comparison.name, design=design), display)
    reports = drive_all(prepared, display, display_of=display_of, is_cached=is_cached, design=design, course=course)
    return Ran(comparison, reports, prepared.storage, design)


def report_on(ran: Ran, config: CompareConfig) -> tuple[ComparisonReport, Path, str]:
    """Writes the report of a comparison; returns it, its folder, and what kept it from MLflow, "" if nothing did."""
    from hpo.report.assemble import make_report, show_report

    name, folder = ran.comparison.name, Path(config.reports) / ran.comparison.name
    report = make_report(read_ran(ran), folder)
    return report, folder, show_report(report, folder, experiment=name, tracking=config.tracking)


def read_ran(ran: Ran) -> Experiment:
    """Returns the experiment as the record has it."""
    from hpo.report.reading.record import read_experiment

    return read_experiment(ran.storage, ran.comparison.name, design=ran.design)


def _register(
    comparison: Comparison,
    config: CompareConfig,
    prepared: Prepared,
    display: Announcer,
    *,
    command: str,
    is_cached: bool,
) -> Mapping[str, object]:
    """Writes the design card down before the first trial, and says what can be known beforehand; returns the design.

    Raises:
        Refused: if the record or the folder of the reports cannot be used.
    """
    storage = prepared.storage
    with refusing(config.storage):
        card = describe(comparison, rope=config.rope, is_cached=is_cached, corpora=prepared.corpora)
        earlier = find_registered(storage, comparison)
        check_unchanged(card, earlier, n_trials=n_trials(storage, comparison))
        design = register(card, earlier, n_trials=n_trials(storage, comparison), command=command)
        write_card(design, Path(config.reports) / comparison.name)
        for sentence in filter(None, [beside_sentence(storage, comparison, design), *outlook(comparison)]):
            display.note(sentence)
    return design


def _is_cached(config: CompareConfig) -> bool:
    """Returns whether equal trials are trained once.

    Not where the test of a search needs the weights of each, nor where time is simulated, which a trial must take.
    """

    return config.executor.is_shared and config.cache and (config.study.confirm.top_k > 0 or not config.study.test)
