"""Makes the report of an experiment: every section in order, written into a folder, shown in MLflow.

What a section says is its own module's business, what a report looks like that of `files`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.config.schema import TrackingConfig
from hpo.figures.figure import Figure
from hpo.machine.escaping import one_line
from hpo.report.analysis.phrases import budget_text, count
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Report, Section
from hpo.report.document.json import find_verdict, find_warnings
from hpo.report.reading.csv_records import write_records

if TYPE_CHECKING:
    from hpo.report.analysis.analysis import Analysis

N_RESAMPLES = 2000
Build = Callable[["Analysis"], Section | None]


def make_report(
    experiment: Experiment,
    folder: Path,
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    exports: Sequence[str] = (),
) -> Report:
    """Writes the report of `experiment`, and its trials as records.csv, into `folder`; returns the report.

    Args:
        experiment: With at least one finished trial.
        folder: Created if it is not there.
        n_resamples: Of every bootstrap.
        seed: Of the resamples.
        exports: What there is to be beside CSV and PNG: tex, pdf, svg.
    """
    from hpo.report.document.files import write_report

    report = build_report(experiment, n_resamples=n_resamples, seed=seed)
    folder.mkdir(parents=True, exist_ok=True)
    write_report(report, folder, exports=exports)
    write_records(experiment, folder / "records.csv")
    return report


def show_report(report: Report, folder: Path, *, experiment: str, tracking: TrackingConfig) -> str:
    """Brings the report in `folder` to whoever is shown the record; returns what went wrong, in a sentence, or "".

    Raises:
        ValueError: if tracking.uri is nothing MLflow can write to.
    """
    if not tracking.is_shown:
        return ""
    from hpo.report.mlflow import log_report

    try:
        log_report(folder, experiment=experiment, uri=tracking.uri, report=report)
    except ConnectionError as error:
        return str(error)
    return ""


def headlines(report: Report, folder: Path) -> list[str]:
    """Returns the lines a command prints: the headline, one for each claim, warnings, where the report is.

    Names in them may come from a file: they cannot command the terminal.
    """
    verdict = find_verdict(report)
    said = [verdict.headline, *(f"  {claim.text}" for claim in verdict.shown)] if verdict else []
    return [one_line(line) for line in [*said, *find_warnings(report), f"Report: {folder / 'report.html'}"]]


def build_report(experiment: Experiment, *, n_resamples: int = N_RESAMPLES, seed: int = 0) -> Report:
    """Returns what there is to say of `experiment`; sections that make no sense for it are left out."""
    from hpo.report.analysis.analysis import Analysis

    analysis = Analysis(experiment, seed=seed, n_resamples=n_resamples)
    sections = [build(analysis) for build in _builders(experiment)]
    return Report(
        title=experiment.name,
        subtitle=_subtitle(experiment),
        strategies=experiment.strategies,
        sections=_arranged(analysis, [section for section in sections if section is not None]),
        studies=carried(experiment),
    )


def carried(experiment: Experiment) -> list[dict[str, object]]:
    """Returns the studies whose trials can be trained again from what is written of them, each trial a line of JSON."""
    return [
        {"task": study.task, "strategy": study.strategy, "seed": study.seed, "name": study.name}
        | {**study.recorded.study, "trials": study.recorded.trials}
        for study in experiment.studies
        if study.recorded is not None
    ]


def _arranged(analysis: Analysis, sections: Sequence[Section]) -> list[Section]:
    """Returns the sections with what each finds, and with the figures that belong in the first screen there."""
    from hpo.report.sections.findings import finding

    many = analysis.experiment.has_many_tasks
    first = ["statistics-ranks", "regret", "tasks"] if many else ["verdict-differences", "regret"]
    first = first if analysis.experiment.has_tasks else ["verdict-differences", "anytime"]
    moved = {*first, "verdict-differences"}
    found = {b.key: b for section in sections for b in section.blocks if isinstance(b, Figure) and b.key in moved}
    arranged = []
    for section in sections:
        blocks = [block for block in section.blocks if not (isinstance(block, Figure) and block.key in found)]
        if section.key == "verdict":
            blocks = [*blocks[:1], *(found[key] for key in first if key in found), *blocks[1:]]
        elif section.key == "statistics":
            blocks += [figure for key, figure in found.items() if key not in first]
        arranged.append(replace(section, blocks=blocks, finding=finding(analysis, section)))
    return arranged


def _builders(experiment: Experiment) -> Sequence[Build]:
    """Returns what builds each section, in their order; of many tasks what is said of all comes first."""
    from hpo.report.sections.anytime import build_anytime
    from hpo.report.sections.cost import build_cost
    from hpo.report.sections.design import build_design, build_reproduce
    from hpo.report.sections.fairness import build_fairness
    from hpo.report.sections.learned import build_learned
    from hpo.report.sections.noise import build_noise
    from hpo.report.sections.performance import build_performance
    from hpo.report.sections.pruning import build_pruning
    from hpo.report.sections.regret import build_regret
    from hpo.report.sections.statistics import build_statistics
    from hpo.report.sections.targets import build_targets
    from hpo.report.sections.threats import build_threats
    from hpo.report.sections.verdict import build_verdict

    by_task = (build_performance, _closely(build_anytime))
    return (
        build_verdict,
        build_design,
        build_fairness,
        *(() if experiment.has_many_tasks else by_task),
        build_regret,
        build_targets,
        build_statistics,
        build_pruning,
        *(by_task if experiment.has_many_tasks else ()),
        _closely(build_learned),
        build_cost,
        _closely(build_noise),
        build_threats,
        build_reproduce,
    )


def _closely(build: Build) -> Build:
    """Returns what builds a section of the tasks that are shown one by one; none of many unless they are asked for."""
    return lambda analysis: build(analysis.closely) if analysis.closely else None


def _subtitle(experiment: Experiment) -> str:
    n_seeds = len({study.seed for study in experiment.studies})
    parts = [
        "1 strategy" if len(experiment.strategies) == 1 else f"{len(experiment.strategies)} strategies",
        count(n_seeds, "seed"),
        count(len(experiment.tasks), "task"),
    ]
    return f"{' × '.join(parts)}, {budget_text(experiment)} each; {experiment.metric}, {experiment.better} is better"
