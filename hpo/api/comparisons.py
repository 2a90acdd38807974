"""Comparisons and reports in Python: which strategy was better, if any was.

Driving them is the business of `compare`, what the report says that of `report`.
"""

from __future__ import annotations

import html
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.api.composing import Refused, composed, refusing, words_of
from hpo.api.running import data_words, function_words, open_study
from hpo.api.spaces import Dimension
from hpo.api.study import Study

if TYPE_CHECKING:
    import pandas as pd

    from hpo.report.document.content import Report as Document
    from hpo.report.document.content import Verdict

RENAMED = {"name": "name", "n_trials": "study.n_trials", "metric": "study.metric", "direction": "study.direction"}


class Report:
    """A report that was written.

    Attributes:
        folder: Where its files are: report.html, summary.md, report.json, tables and figures.
    """

    def __init__(self, document: Document, folder: Path) -> None:
        self._document, self.folder = document, folder

    @property
    def path(self) -> Path:
        """The page to look at."""
        return self.folder / "report.html"

    @property
    def verdict(self) -> str:
        """The headline: who was better, or that nobody was, or why there is none."""
        return self._verdict.headline if self._verdict else ""

    @property
    def claims(self) -> list[str]:
        """What is said of each pair of strategies."""
        return [claim.text for claim in self._verdict.claims] if self._verdict else []

    @property
    def warnings(self) -> list[str]:
        """What the verdict must not be read without."""
        from hpo.report.document.json import find_warnings

        return find_warnings(self._document)

    @property
    def numbers(self) -> dict[str, Any]:
        """Every number of the report, as in report.json."""
        read: dict[str, Any] = json.loads((self.folder / "report.json").read_text("utf-8"))
        return read

    @property
    def _verdict(self) -> Verdict | None:
        from hpo.report.document.json import find_verdict

        return find_verdict(self._document)

    def __repr__(self) -> str:
        return f"<hpo.{type(self).__name__} {self._document.title}: {self.verdict or 'no verdict'}>"

    def _repr_html_(self) -> str:
        said = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in [*self.claims, *self.warnings])
        link = f"<p><a href='{html.escape(self.path.as_posix())}'>{html.escape(self.path.as_posix())}</a></p>"
        return f"<p><b>{html.escape(self.verdict)}</b></p><ul>{said}</ul>{link}"


class Comparison(Report):
    """A comparison that was run, with its report.

    Attributes:
        name: The experiment's.
        study_names: Of its studies, in the order in which they were planned.
    """

    def __init__(self, name: str, study_names: Sequence[str], storage: str, document: Document, folder: Path) -> None:
        super().__init__(document, folder)
        self.name, self.study_names, self._storage = name, list(study_names), storage

    def study(self, name: str) -> Study:
        """Returns one of its studies."""
        return open_study(name, self._storage)


def compare(
    *overrides: str,
    train: Callable[..., Any] | None = None,
    space: Mapping[str, Dimension] | None = None,
    test: Callable[..., Any] | None = None,
    params: Mapping[str, Any] | None = None,
    data: pd.DataFrame | str | Path | None = None,
    samplers: Sequence[str] | None = None,
    strategies: Mapping[str, Mapping[str, Any]] | None = None,
    tasks: Mapping[str, Mapping[str, Any]] | None = None,
    seeds: int | Sequence[int] | None = None,
    executor: str | None = None,
    verbose: bool = True,
    **settings: Any,
) -> Comparison:
    """Runs strategies with paired seeds as `hpo compare` does, or goes on with it, and returns it with its report.

    Args:
        overrides: As they are typed.
        train, space, test, params: A training function and what belongs to it, as in `search`; None for the network.
        data: As in `run`.
        samplers: Strategies that differ in their sampler alone.
        strategies, tasks: Named settings: {"tpe+asha": {"sampler": "tpe", "pruner": "asha"}}.
        seeds: How many, or which.
        executor: As in `search`; "inline" for a function unless given.
        verbose: Whether it says how far it is.
        settings: As in `run`: n_trials=24, metric="auc", direction="maximize", name="mine".

    Raises:
        Refused: if something cannot be used as it was given.
        KeyboardInterrupt: if it was interrupted; the same call goes on.
    """
    from hpo.config.compare import CompareConfig

    with refusing():
        words = data_words(data)
        if train is not None:
            executor = executor or "inline"
            words += function_words(train, space or {}, test=test, executor=executor, params=params or {})
        named = {"samplers": samplers, "strategies": strategies, "tasks": tasks, "seeds": seeds, "executor": executor}
        words += words_of({**{RENAMED.get(key, key): value for key, value in settings.items()}, **named})
        with composed([*words, *overrides], name="compare", root=CompareConfig) as job:
            return _compare(job, verbose=verbose)


def _compare(job: Any, *, verbose: bool) -> Comparison:
    from hpo.compare.comparison import check_settings, plan_comparison, read_seeds
    from hpo.compare.display import build_comparison_display
    from hpo.compare.running import report_on, run_comparison
    from hpo.compare.variants import check_seeded, compose_variants
    from hpo.terminal.display import Announcer, Display

    config = job.config
    if config.plan:
        raise ValueError("plan=true compares nothing and is for the command: hpo compare plan=true; leave it out here.")
    check_settings(config)
    check_seeded(job.seeded)
    comparison = plan_comparison(config, compose_variants(config, read_seeds(config.seeds)))
    shown = build_comparison_display(comparison) if verbose else None
    display, display_of = (shown, shown.of) if shown else (Announcer(), lambda _: Display())
    try:
        ran = run_comparison(comparison, config, display, command="hpo.compare(...)", display_of=display_of)
    finally:
        display.close()
    if ran.is_cut_short:
        if ran.reports[0].signal is not None:
            raise KeyboardInterrupt(f"Comparison '{comparison.name}' was interrupted; the same call goes on with it.")
        raise Refused(ran.reports[0].obstacle)
    document, folder, problem = report_on(ran, config)
    _warn(problem)
    storage = str(config.storage.file or f"storage={config.storage.option}")
    return Comparison(comparison.name, [plan.name for plan in comparison.plans], storage, document, folder)


def report(
    *overrides: str, records: pd.DataFrame | str | Path | Sequence[str | Path] | None = None, **settings: Any
) -> Report:
    """Writes the report on an experiment, as `hpo report` does, and returns it.

    Args:
        overrides: As they are typed: "storage.path=hpo.db", "report.rope=0.01".
        records: Trials of any tuner: a table, a CSV file or several; None reads the record.
        settings: name="mine" for an experiment of the record; folder, rope, unit, budget, direction of the report.

    Raises:
        Refused: if something cannot be used as it was given.
    """
    from hpo.config.report import ReportConfig
    from hpo.data.frames import write_records
    from hpo.report.making import report_as_told

    with refusing():
        if records is not None and not isinstance(records, str | Path | Sequence):
            records = write_records(records)
        files = [records] if isinstance(records, str | Path) else records
        named = {key if key in ("name", "tracking") else f"report.{key}": value for key, value in settings.items()}
        with composed([*words_of({"records": files, **named}), *overrides], name="report", root=ReportConfig) as job:
            assert isinstance(job.config, ReportConfig)
            made = report_as_told(job.config)
    _warn(made.problem)
    return Report(made.report, made.folder)


def _warn(problem: str) -> None:
    """Says what kept a report from MLflow, if anything did."""
    if problem:
        warnings.warn(problem, stacklevel=4)
