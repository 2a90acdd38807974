"""The command `hpo compare`: mistakes are one sentence, kills and signals lose nothing, MLflow is whole."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import psutil
import pytest
from sqlalchemy.exc import SQLAlchemyError

from hpo.commands.compare import main
from hpo.commands.sync import main as sync
from hpo.contracts.records import RUNNING
from hpo.executors.simulated import SimulatedExecutor
from hpo.machine.signals import Ending
from hpo.storage.record import is_ended, read_study
from hpo.study.session import Report
from tests.chaos.server import free_port
from tests.support.comparisons import plan_compared, read_all, run_compared, watch
from tests.support.mlflow_equality import compare_with_mlflow

FAST = ("trainer=synthetic", "tracking=none", "executor=inline", "samplers=[tpe]", "seeds=2")

MISTAKES = {
    "samplers=[bayes]": "sampler=bayes does not exist; conf/sampler has cmaes, gp, ",
    "samplers=[random,random]": "names one twice",
    "samplers=[]": "samplers=[] leaves nothing to compare",
    "samplers=tpe": "samplers takes a list; write it in brackets, as in [a,b].",
    "sampler=grid": "sampler=grid is a single sampler; give those to compare, as in samplers=[grid,tpe].",
    "strategies={a: {sampler: bayes}}": "sampler=bayes does not exist",
    "strategies={a: {sampler.n_startup: 3}}": "sampler.n_startup is not a setting (did you mean n_startup_trials?)",
    "strategies={a: {a b: 1}}": "cannot be read",
    "strategies={a: {trainer._target_: os.system}}": "_target_",
    "strategies=tpe": "strategies=tpe is no set of named overrides",
    "strategies=[tpe]": "strategies and samplers both have tpe; name it once",
    "strategies={a/b: {}, a_b: {}}": "Two strategies make a study named 'synthetic-a_b-s0-",
    "strategies={a: {storage: memory}}": "strategies.a sets storage, which all studies",
    "strategies={a: {seed: 3}}": "seed=3 is a single seed",
    "strategies={a: {train.epochs: 3}}": "costs 96 epochs with tpe and 72 with a; give budget.size",
    f"strategies={{{'x' * 250}: {{}}}}": "is too long a name",
    "tasks=[tpe]": "tasks=tpe is no set of named overrides",
    "tasks={a: {}, b: {}}": "tasks.a and tasks.b are one task; leave one out",
    "tasks={a: {data: nothing}}": "data=nothing does not exist",
    "seeds=0": "seeds=0 must be a number from 1 to 1,000",
    "seed=3": "seed=3 is a single seed; a comparison has seeds=…",
    "budget.size=0": "budget.size=0 must be above 0",
    "budget.unit=hours": "expected one of [epochs, trials, seconds]",
    "study.n_trials=0": "study.n_trials=0 must be at least 1.",
    "study.name=x": "study.name=x names a single study",
    "study.timeout_s=5": "study.timeout_s counts the seconds of a command",
    "name=a/b": "name='a/b' must be the name of a folder",
    "storage.path=/proc/no/hpo.db": "/proc/no",
    "storage.path=.": "storage.path=. names no file",
    "reports=/proc/no": "reports=/proc/no cannot be written",
    "tracking.uri=foo": "tracking",
    "-m": "A comparison already runs many studies",
    "comparison=nothing": "comparison=nothing does not exist",
    "x y": "The override 'x y' cannot be read",
}


def test_options_may_stand_after_the_overrides(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["experiment=smoke", "--cfg", "job"]) == 0
    shown = capsys.readouterr().out
    assert "seeds: 8" in shown  # conf/comparison/smoke.yaml
    assert "noise: 0.003" in shown


@pytest.mark.parametrize("override", MISTAKES)
def test_a_mistake_is_one_sentence_and_leaves_nothing_behind(
    override: str, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*FAST, override]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("hpo: ")
    assert captured.err.count("\n") == 1
    assert MISTAKES[override] in captured.err
    assert list(workdir.iterdir()) == []


def test_what_mlflow_lacks_is_said_with_the_remedy(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    away = [f"tracking.uri=http://127.0.0.1:{free_port()}", "tracking.flush_timeout_s=0"]
    small = ["trainer=synthetic", "executor=inline", "samplers=[random,tpe]", "seeds=1", "study.n_trials=2"]
    assert main([*small, *away, "study.confirm.top_k=1", "study.confirm.n_seeds=1"]) == 0
    captured = capsys.readouterr()
    command = f"hpo sync {away[0]}"
    assert f"10 runs are not in MLflow yet: {command}\n" in captured.out  # two trials, one confirmed: 3 + 2 runs each
    assert "does not take the report: it refuses connections; the report lies in " in captured.err
    assert sync(["tracking.uri=sqlite:///mlflow.db"]) == 0
    assert capsys.readouterr().out.count("runs created or changed") == 4


def test_help_is_no_comparison(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert capsys.readouterr().out.startswith("hpo compare [samplers=")
    assert list(workdir.iterdir()) == []


def test_what_is_known_beforehand_is_said(
    workdir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpo.compare.running.report_on", lambda *_: (None, workdir, ""))  # there is nothing to report
    monkeypatch.setattr("hpo.report.assemble.headlines", lambda *_: [])
    monkeypatch.setattr("hpo.study.loop.Loop.run", lambda _: False)  # nothing has to be trained for it
    assert main([*FAST, "samplers=[random,grid]", "seeds=5", "storage=memory", "budget.size=40"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Underpowered: 5 seeds cannot show a difference between 2 strategies" in said
    assert "the budget of 40 epochs visits about 12 % of it" in said


Start = Callable[..., "subprocess.Popen[str]"]
SLOW = (
    "trainer=synthetic",
    "strategies={random: {sampler: random}, tpe: {sampler: tpe, sampler.n_startup_trials: 2}}",
    "seeds=2",
    "budget.size=16",
    "pruner=median",
    "pruner.n_startup_trials=2",
    "study.confirm.n_seeds=2",
    "trainer.epoch_s=0.05",
    "executor.n_workers=2",
)


@pytest.fixture
def start(workdir: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start(*overrides: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "hpo.compare", *overrides]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=workdir))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def open_record() -> optuna.storages.RDBStorage:
    return optuna.storages.RDBStorage("sqlite:///hpo.db", skip_table_creation=True, skip_compatibility_check=True)


def wait_for_epochs(n: int, *, timeout_s: float = 120) -> None:
    """Waits until all studies of the record in the working directory have noted `n` epochs together."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if list(Path("reports").glob("*/design.yaml")):  # the tables are there: creating them twice at once fails
            storage = open_record()
            try:
                names = [study.study_name for study in storage.get_all_studies()]
                if sum(trial.n_epochs for name in names for trial in read_study(storage, name)[1]) >= n:
                    return
            except (KeyError, ValueError, SQLAlchemyError, optuna.exceptions.StorageInternalError):
                pass
            finally:
                storage.engine.dispose()
        time.sleep(0.1)
    raise AssertionError(f"the comparison did not reach {n} epochs")


@pytest.mark.slow
def test_a_killed_comparison_goes_on_where_it_was_and_mlflow_is_whole(start: Start, workdir: Path) -> None:
    undisturbed = optuna.storages.InMemoryStorage()
    small = ("trainer.epoch_s=0", "executor=inline", "tracking=none", "storage.folder=other")
    run_compared(plan_compared(*[word for word in SLOW if "executor" not in word], *small), undisturbed)
    driver = start(*SLOW)
    wait_for_epochs(20)
    workers = psutil.Process(driver.pid).children(recursive=True)
    os.kill(driver.pid, signal.SIGKILL)
    driver.communicate(timeout=20)
    psutil.wait_procs(workers, timeout=20)
    last = start(*SLOW)
    _, err = last.communicate(timeout=240)
    assert (last.returncode, err) == (0, "")
    storage = open_record()
    held, whole = (sorted(map(repr, read_all(record).values())) for record in (storage, undisturbed))
    assert held == whole  # under names that say the seconds of an epoch, too
    for name in read_all(storage):
        study, trials = read_study(storage, name)
        assert is_ended(storage, name)
        assert [trial.number for trial in trials] == list(range(len(trials)))
        assert not [trial for trial in trials if trial.state == RUNNING]
        compare_with_mlflow(Report(study, trials, Ending.BUDGET, None, "", 0))
    assert Path("reports/synthetic/report.html").is_file()


def test_a_signal_says_how_to_go_on_and_a_second_driver_is_refused(
    start: Start, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = (*SLOW, "tracking=none", "trainer.epoch_s=0.3")
    driver = start(*slow)
    wait_for_epochs(2)
    files = sorted(path for path in workdir.rglob("*") if "reports" in path.parts)
    design = Path("reports/synthetic/design.yaml").read_text()
    second = start(*slow, "rope=0.5", "seeds=1")
    out, err = second.communicate(timeout=120)
    assert (second.returncode, out) == (3, "")
    assert f"is held by process {driver.pid} on {socket.gethostname()}" in err
    assert Path("reports/synthetic/design.yaml").read_text() == design
    assert sorted(path for path in workdir.rglob("*") if "reports" in path.parts) == files
    driver.send_signal(signal.SIGINT)
    out, err = driver.communicate(timeout=60)
    assert (driver.returncode, err) == (130, "")
    assert "Continue with: hpo compare trainer=synthetic" in out
    assert not Path("reports/synthetic/report.html").exists()
    storage = open_record()
    assert sum(trial[1] == RUNNING for trials, _ in read_all(storage).values() for trial in trials) <= 2
    watch(monkeypatch, lambda: SimulatedExecutor(n_workers=2))  # in no time
    run_compared(plan_compared(*slow), storage)
    assert not [trial for trials, _ in read_all(storage).values() for trial in trials if trial[1] == RUNNING]
