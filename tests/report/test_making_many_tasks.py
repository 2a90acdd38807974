"""A report on many tasks × many strategies: what it may take, and what its page holds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hpo.commands.console import main
from hpo.figures.figure import Figure
from hpo.report.analysis.records import Experiment
from hpo.report.assemble import build_report
from hpo.report.document.content import Report
from hpo.report.making import with_shown
from tests.support.many_tasks import write_table
from tests.support.many_trials import multiply_trials
from tests.support.measured_commands import MeasuredCommand, measured_command
from tests.support.noise_experiments import experiment, normal

GB = 1_000_000_000
TASKS = tuple(f"task-{number}" for number in range(9))


def reported(source: str, folder: Path) -> MeasuredCommand:
    return measured_command("report", source, "tracking=none", f"report.folder={folder}")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_430_000_rows_are_reported_within_a_minute_of_cpu_a_gigabyte_and_a_page_of_6_megabytes(tmp_path: Path) -> None:
    records = write_table(tmp_path / "trials.csv")
    ran = reported(f"records={records}", tmp_path / "reports")
    assert ran.returncode == 0, ran.stderr
    folder = tmp_path / "reports" / "benchmark"
    assert (folder / "report.html").stat().st_size <= 6_000_000
    assert ran.peak_bytes <= GB
    assert ran.cpu_s <= 2 * 60  # a shared core is slower


def many() -> Experiment:
    return experiment({"a": normal(), "b": normal()}, rng=np.random.default_rng(0), n_seeds=2, n_trials=3, tasks=TASKS)


def views(report: Report) -> list[str]:
    """Returns the labels of all views, after the key of their figure."""
    figures = [block for section in report.sections for block in section.blocks if isinstance(block, Figure)]
    return [f"{figure.key}: {view.label}" for figure in figures for view in figure.views]


def test_of_many_tasks_none_is_shown_unasked_and_all_are_counted() -> None:
    report = build_report(many(), n_resamples=20)
    assert not any(task in view for view in views(report) for task in TASKS)
    keys = [section.key for section in report.sections]
    assert "anytime" not in keys
    assert keys.index("regret") < keys.index("performance")
    finals = next(section for section in report.sections if section.key == "performance").numbers
    assert set(finals) == set(TASKS)


def test_tasks_that_are_asked_for_are_shown() -> None:
    report = build_report(with_shown(many(), ["task-7", "task-2"]), n_resamples=20)
    seeds = [view for view in views(report) if view.startswith("performance-seeds")]
    assert seeds == ["performance-seeds: task-2", "performance-seeds: task-7"]
    anytime = next(section for section in report.sections if section.key == "anytime")
    assert set(anytime.numbers) == {"task-2", "task-7"}


def test_all_tasks_can_be_asked_for() -> None:
    assert with_shown(many(), "all").shown_tasks == TASKS
    assert with_shown(many(), None).shown_tasks == ()


def test_a_task_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"report.tasks=task-99 is no task of experiment 'made up'; it has task-0"):
        with_shown(many(), ["task-1", "task-99"])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_100_000_trials_of_a_record_are_reported_within_20_seconds_of_cpu_and_800_megabytes(tmp_path: Path) -> None:
    words = ["trainer=synthetic", "executor=inline", "study.n_trials=50", "sampler=random", "tracking=none"]
    record = f"storage.path={tmp_path / 'hpo.db'}"
    studied = [sys.executable, "-m", "hpo", *words, record, f"storage.folder={tmp_path / 'studies'}"]
    subprocess.run(studied, check=True, capture_output=True)
    assert multiply_trials(tmp_path / "hpo.db", 2000) == 100_000
    ran = reported(record, tmp_path / "reports")
    assert ran.returncode == 0, ran.stderr
    assert ran.peak_bytes <= 0.8 * GB
    assert ran.cpu_s <= 3 * 20


def test_an_error_of_ours_does_not_look_like_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("zip() argument 2 is shorter than argument 1")

    monkeypatch.setattr("hpo.report.making.make_report", fail)
    records = write_table(tmp_path / "trials.csv", n_tasks=1, n_strategies=2, n_seeds=1, n_trials=2)
    with pytest.raises(RuntimeError, match="an error of hpo, not of what was typed") as raised:
        main(["report", f"records={records}", "tracking=none", f"report.folder={tmp_path}"])
    assert isinstance(raised.value.__cause__, ValueError)
