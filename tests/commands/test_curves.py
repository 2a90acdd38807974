"""`hpo curves`: what it writes is replayed at once, what it cannot write it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hpo.commands.curves import main
from tests.support.studies import SYNTHETIC, run_study

ASKED = (*SYNTHETIC, "experiment=smoke", "study.n_trials=8")


def test_recorded_trials_are_replayed_as_they_were(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained = run_study(*ASKED, "pruner=median", "study.n_trials=12", "pruner.n_startup_trials=4")
    complete = [trial for trial in trained.trials if trial.state == "COMPLETE"]
    assert main(["experiment=smoke"]) == 0
    said = capsys.readouterr().out
    assert f"smoke.parquet: {len(complete)} curves of {len(complete)} configurations" in said
    assert f"left out: {12 - len(complete)} pruned" in said
    assert "next: hpo experiment=replay trainer.path=smoke.parquet\n" in said
    replayed = run_study("experiment=replay", "trainer.path=smoke.parquet", "study.metric=accuracy", "sampler=random")
    assert {repr(trial.params): trial.value for trial in replayed.trials} == {
        repr(dict(sorted(trial.params.items()))): trial.value for trial in complete
    }
    assert replayed.study.best(replayed.trials).value == trained.study.best(trained.trials).value  # type: ignore[union-attr]  # there is one
    assert replayed.study.test["test_accuracy"] == trained.study.test["test_accuracy"]


def test_replayed_trials_can_be_recorded_again(workdir: Path) -> None:
    run_study(*ASKED)
    assert main(["experiment=smoke"]) == 0
    run_study("experiment=replay", "trainer.path=smoke.parquet", "storage=sqlite", "study.n_epochs=null")
    assert main(["experiment=smoke", "path=again.parquet", "task=none"]) == 2  # two trainers
    (workdir / "smoke.parquet").rename("renamed.parquet")
    (workdir / "smoke.yaml").rename("renamed.yaml")
    run_study("experiment=replay", "trainer.path=renamed.parquet", "storage=sqlite", "study.n_epochs=null")
    assert main(["experiment=renamed", "path=again.parquet"]) == 0
    again = run_study("experiment=replay", "trainer.path=again.parquet", "study.n_epochs=null")
    first = run_study("experiment=replay", "trainer.path=renamed.parquet", "study.n_epochs=null")
    assert sorted(t.value or 0 for t in again.trials) == sorted(t.value or 0 for t in first.trials)


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        ([], "experiment=NAME is missing"),
        (["experiment=other"], "There is no experiment=other; the record has smoke."),
        (["experiment=smoke", "path=x.csv"], "path=x.csv must end in .parquet"),
        (["experiment=smoke", "path=there.parquet"], "there.parquet is there already"),
        (["experiment=smoke", "path=no/where.parquet"], "path=no/where.parquet cannot be written: No such file"),
        (["experiment=smoke", "task=imdb"], "experiment=smoke has no task=imdb; it has none."),
        (["experiment=smoke", "storage.path=other.db"], "There is no record at storage.path=other.db"),
        (["experiment=smoke", "storage=memory"], "storage=memory is gone when its command ends"),
        (["experiment=smoke", "sampler=annealing"], "sampler=annealing does not exist"),
    ],
)
def test_mistakes_end_in_a_sentence(
    workdir: Path, capsys: pytest.CaptureFixture[str], argv: list[str], sentence: str
) -> None:
    run_study(*ASKED, "study.n_trials=1")
    Path("there.parquet").touch()
    assert main(argv) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


def test_curves_of_others_are_converted_and_searched(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{lr / 10},{epoch},{1 / epoch + lr / 10},{2 * epoch + lr}" for lr in range(5) for epoch in range(1, 5)]
    Path("log.csv").write_text("\n".join(["lr,epoch,loss,time", *rows]) + "\n")
    asked = ["from=log.csv", "metrics=valid_loss:loss"]
    assert main(asked) == 2
    assert "seconds_are: cumulative" in capsys.readouterr().err
    assert main([*asked, "seconds_are=cumulative", "experiment=x"]) == 2
    assert "experiment=x is nothing that from=… takes" in capsys.readouterr().err
    assert main([*asked, "seconds_are=cumulative"]) == 0
    assert "log.parquet: 5 curves of 5 configurations" in capsys.readouterr().out
    found = run_study("experiment=replay", "trainer.path=log.parquet", "study.metric=valid_loss", "study.n_trials=3")
    assert {epoch.metrics["seconds"] for trial in found.trials for epoch in trial.epochs[1:]} == {2.0}


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, hpo.curves as c; c.main(['--help']); print({'optuna', 'numpy', 'hydra'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.startswith("hpo curves experiment=NAME")
    assert told.endswith("set()\n")
