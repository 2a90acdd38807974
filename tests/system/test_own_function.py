"""Studies of a user's own function, from the command line: found in the working directory, killed, gone on with."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest

MODULE = """
import json, random, time

def train(lr, depth=1, *, seed, epochs, folder, resume, pause_s=0.0):
    path = folder / "walk.json"
    walked = json.loads(path.read_text()) if resume else []
    for epoch in range(len(walked), epochs):
        time.sleep(pause_s)
        walked.append((walked[-1] if walked else lr) + depth + random.Random(seed * 100 + epoch).gauss(0, 0.1))
        path.write_text(json.dumps(walked))
        yield {"auc": walked[-1]}

def test(folder):
    return {"auc": json.loads((folder / "walk.json").read_text())[-1]}
"""
SPACE = """
params:
  lr: {type: float, low: 1.0e-4, high: 1.0e-1, log: true}
  depth: {type: int, low: 1, high: 3}
"""
WORDS = (
    "trainer=function",
    "trainer.call=mine:train",
    "space=mine",
    "study.metric=auc",
    "study.direction=maximize",
    "tracking=none",
    "study.name=own",
    "study.n_trials=4",
    "study.ordered=true",
    "train.epochs=6",
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MODULE)
    (tmp_path / "conf" / "space").mkdir(parents=True)
    (tmp_path / "conf" / "space" / "mine.yaml").write_text(SPACE)
    return tmp_path


def hpo(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hpo", *WORDS, *words], cwd=folder, capture_output=True, text=True, check=False
    )


def curves(folder: Path) -> list[tuple[dict[str, object], dict[int, float]]]:
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder / 'hpo.db'}")
    study = optuna.load_study(study_name="own", storage=storage)
    return [(trial.params, trial.intermediate_values) for trial in study.trials]


@pytest.mark.parametrize("executor", ["inline", pytest.param("processes", marks=pytest.mark.slow)])
def test_a_killed_study_goes_on_as_if_nothing_had_happened(
    project: Path, tmp_path_factory: pytest.TempPathFactory, executor: str
) -> None:
    words = (f"executor={executor}", *(("executor.n_workers=1",) if executor == "processes" else ()), "pruner=median")
    whole = hpo(project, *words, "params.pause_s=0.0")
    assert whole.returncode == 0, whole.stderr
    assert re.search(r"^test +auc ", whole.stdout, re.MULTILINE)
    made = json.loads((project / "studies" / "own" / "best" / "hpo.json").read_text())
    walked = json.loads((project / "studies" / "own" / "best" / "walk.json").read_text())
    assert made["value"] == walked[-1] == made["test"]["test_auc"]
    undisturbed = curves(project)
    for name in ("hpo.db", "studies"):
        os.rename(project / name, project / f"undisturbed-{name}")  # noqa: PTH104  # files and folders alike
    command = [sys.executable, "-m", "hpo", *WORDS, *words, "params.pause_s=0.2"]
    driver = subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    checkpoints = project / "studies" / "own" / "trials" / "0000" / "checkpoints"
    deadline = time.monotonic() + 120
    while not list(checkpoints.glob("000002.sha256")) and time.monotonic() < deadline:
        time.sleep(0.02)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    resumed = hpo(project, *words, "params.pause_s=0.2")
    assert resumed.returncode == 0, resumed.stderr
    assert curves(project) == undisturbed


def test_a_changed_file_is_asked_about(project: Path) -> None:
    assert hpo(project, "executor=inline", "study.n_trials=1").returncode == 0
    (project / "mine.py").write_text(MODULE + "\n# changed\n")
    changed = hpo(project, "executor=inline", "study.n_trials=2")
    assert changed.returncode == 2
    assert "The file of mine:train has changed since study 'own' began; to continue it all the same" in changed.stderr
    assert hpo(project, "executor=inline", "study.n_trials=2", "study.accept_code=true").returncode == 0


def test_an_error_of_the_function_is_a_failed_trial_with_its_traceback(project: Path) -> None:
    (project / "mine.py").write_text("def train(lr, depth):\n    yield {'auc': lr}\n    raise KeyError('mine')\n")
    done = hpo(project, "executor=inline", "study.n_trials=2")
    assert done.returncode == 5
    assert "study 'own' has nothing to show: all 2 trials failed (KeyError: 'mine'); mend the cause" in done.stderr
    storage = optuna.storages.RDBStorage(f"sqlite:///{project / 'hpo.db'}")
    trials = optuna.load_study(study_name="own", storage=storage).trials
    assert [trial.state.name for trial in trials] == ["FAIL", "FAIL"]
    assert trials[0].system_attrs["hpo:end"]["error"].endswith("KeyError: 'mine'\n")


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_a_metric_that_is_not_reported_is_said_once_and_mended(project: Path, executor: str) -> None:
    (project / "mine.py").write_text("def train(lr, depth, epochs):\n    yield from [{'loss': lr}] * epochs\n")
    done = hpo(project, f"executor={executor}", "study.n_trials=4")
    assert done.returncode == 4
    sentence = "Epoch 1 of mine:train has no auc; it has loss: report auc, or give study.metric=NAME."
    assert (done.stdout + done.stderr).count(sentence) == 1
    (project / "mine.py").write_text("def train(lr, depth, epochs):\n    yield from [{'auc': lr}] * epochs\n")
    assert hpo(project, f"executor={executor}", "study.n_trials=4", "study.accept_code=true").returncode == 0
    assert [len(values) for _, values in curves(project)] == [6, 6, 6, 6], "no trial was lost to it"


def test_the_line_to_paste_trains_that_very_configuration_once(project: Path) -> None:
    done = hpo(project, "executor=inline", "study.n_trials=3")
    line = done.stdout.split("paste behind hpo:\n")[1].splitlines()[0]
    words = [sys.executable, "-m", "hpo", *shlex.split(line), "tracking=none", "study.name=again", "executor=inline"]
    subprocess.run(words, cwd=project, capture_output=True, check=True)
    storage = optuna.storages.RDBStorage(f"sqlite:///{project / 'hpo.db'}")
    trials = optuna.load_study(study_name="again", storage=storage).trials
    assert [trial.params for trial in trials] == [{}]
    best = optuna.load_study(study_name="own", storage=storage).best_trial
    for path, value in best.params.items():
        assert f"{path}={value!r}" in line.split()


def test_more_epochs_than_planned_are_remarked_once(project: Path) -> None:
    (project / "mine.py").write_text("def train(lr, depth):\n    yield from [{'auc': lr}] * 7\n")
    done = hpo(project, "executor=inline", "study.n_trials=3")
    assert done.stdout.count("Trial 0 reported 7 epochs where 6 were to come; give train.epochs=7") == 1
    assert done.stdout.count("were to come") == 1


def test_the_working_directory_takes_no_option_of_ours_away(project: Path) -> None:
    (project / "conf" / "sampler").mkdir()
    (project / "conf" / "sampler" / "tpe.yaml").write_text("nonsense: 1\n")
    (project / "conf" / "config.yaml").write_text("seed: 77\n")
    done = hpo(project, "executor=inline", "study.n_trials=1", "--cfg", "job")
    assert "seed: 0" in done.stdout
    assert "nonsense" not in done.stdout


def test_reading_what_a_study_left_imports_nothing_of_it(project: Path) -> None:
    assert hpo(project, "executor=inline", "study.n_trials=1").returncode == 0
    (project / "mine.py").write_text("raise SystemExit('imported')\n")
    for words in (["hpo.report", "own"], ["hpo.curves", "own"], ["hpo.sync"], ["hpo.show", "studies/own"]):
        done = subprocess.run([sys.executable, "-m", *words], cwd=project, capture_output=True, text=True, check=False)
        assert "imported" not in done.stdout + done.stderr, words
