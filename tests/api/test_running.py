"""Studies from Python: searched, gone on with, opened, shown, refused in a sentence."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE

import pandas as pd
import pytest

import hpo
from tests.support import functions

LR = {"lr": hpo.Float(0.1, 1.0, log=True)}
QUIET = ["tracking=none"]


def train(lr: float, depth: int, *, epochs: int) -> Iterator[dict[str, float]]:
    for epoch in range(1, epochs + 1):
        yield {"auc": lr + depth - 1 / epoch}


def search(**changes: object) -> hpo.Study:
    given = {"metric": "auc", "direction": "maximize", "n_trials": 4, "epochs": 3, "verbose": False} | changes
    space = given.pop("space", {**LR, "depth": hpo.Int(1, 3)})
    return hpo.search(given.pop("train", train), space, overrides=QUIET, **given)  # type: ignore[arg-type]  # mixed


def test_a_function_of_the_notebook_is_searched(workdir: Path) -> None:
    study = search(name="mine")
    assert (study.name, len(study.trials), study.folder) == ("mine", 4, workdir / "studies" / "mine")
    best = study.trials.loc[study.trials["value"].idxmax()]
    assert study.best_params == {"lr": best["lr"], "depth": best["depth"]}
    assert study.best_value == best["value"] == study.best_trial.value
    assert list(study.curves.columns)[:2] == ["trial", "epoch"]
    assert len(study.curves) == 12
    assert study.test == {}


def test_the_same_call_goes_on(workdir: Path) -> None:
    first = search(name="mine", n_trials=2)
    more = search(name="mine", n_trials=4)
    pd.testing.assert_frame_equal(first.trials, more.trials.iloc[:2])
    opened = hpo.open_study("mine")
    pd.testing.assert_frame_equal(opened.trials, more.trials)
    assert repr(opened) == repr(more)


def test_it_can_be_looked_at(workdir: Path) -> None:
    study = search(name="<mine>".strip("<>"))
    figure = study.plot_history()
    assert [trace.name for trace in figure.data] == ["trials", "best so far"]
    so_far = list(figure.data[1].y)
    assert so_far == sorted(so_far)
    assert "<table" in study._repr_html_()
    assert "4 trials, best auc" in repr(study)


def test_a_study_without_a_complete_trial_says_so(workdir: Path) -> None:
    study = search(train=functions.breaks, space=LR, name="broken", n_trials=1)
    assert study.trials["state"].tolist() == ["FAIL"]
    with pytest.raises(hpo.Refused, match="No trial of study 'broken' is complete"):
        study.best_trial  # noqa: B018  # raises
    assert "no complete trial" in repr(study)


def test_workers_find_a_function_in_a_module_and_its_test(workdir: Path) -> None:
    study = search(train=functions.steps, test=functions.test, executor="processes", name="there", n_trials=2, space=LR)
    assert study.trials["state"].tolist() == ["COMPLETE"] * 2
    assert study.test["test_auc"] == pytest.approx(1 - abs(study.best_params["lr"] - 0.01) + 0.002)


def test_a_function_in_a_worker_may_start_processes_of_its_own(workdir: Path) -> None:
    study = search(
        train=functions.starts_processes, space=LR, executor="processes", name="loader", n_trials=1, epochs=1
    )
    assert study.trials["state"].tolist() == ["COMPLETE"]


def test_train_epochs_is_searched_by_its_path(workdir: Path) -> None:
    study = search(
        space={**LR, "depth": hpo.Categorical([1, 2]), "train.epochs": hpo.Int(1, 2)}, epochs=None, name="epochs"
    )
    assert set(study.trials["epochs"]) <= {1, 2}


def test_run_takes_what_is_typed_and_plain_words(workdir: Path) -> None:
    study = hpo.run("trainer=synthetic", "tracking=none", sampler="random", n_trials=3, seed=5, verbose=False)
    assert len(study.trials) == 3
    assert study.record.tags["sampler"] == "random"


def test_a_table_in_memory_is_data(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(workdir))
    frame = pd.DataFrame({"text": ["a"], "labels": ["x"]})
    with pytest.raises(hpo.Refused, match="one class only"):
        hpo.run("tracking=none", data=frame, verbose=False)
    with pytest.raises(hpo.Refused, match=r"data=list is no table; give a pandas DataFrame or a path."):
        hpo.run(data=[1])  # type: ignore[arg-type]  # what is refused


def anonymous(lr: float, depth: int) -> object:
    return lambda lr, depth, on_epoch: on_epoch({"auc": lr + depth})


REFUSED = {
    "epochs=3 and space['train.epochs'] both say how many epochs": {"space": {**LR, "train.epochs": hpo.Int(1, 2)}},
    "space['lr']=0.1 is no dimension; give hpo.Float(low, high), hpo.Int(low, high) or": {"space": {"lr": 0.1}},
    "space.params.lr has low=2 above high=1": {"space": {"lr": hpo.Float(2, 1)}},
    "is no argument of test_running:train, which takes lr, depth": {"space": {**LR, "width": hpo.Int(1, 2)}},
    "takes depth, which has no value": {"space": LR},
    "Nothing is known of study.metric=auc (did you mean roc_auc?); give study.direction=maximize": {"direction": None},
    "sampler=tpee does not exist": {"sampler": "tpee"},
    "3 is no function; give one that trains.": {"train": 3},
    "is bound to something, or defined in a notebook, a shell or another function": {
        "train": anonymous(0, 0),
        "executor": "ray",
    },
    "reports no epoch: it has to yield a dict of metrics": {"train": functions.returns, "space": LR},
    "can be no setting; give numbers, texts, booleans": {"params": {"width": object()}},
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_a_mistake_is_the_sentence_of_the_command_line(workdir: Path, sentence: str) -> None:
    with pytest.raises(hpo.Refused) as refused:
        search(**REFUSED[sentence])
    assert sentence in str(refused.value).replace("tests.api.", "")
    assert not list(workdir.iterdir())


def test_a_study_that_is_not_there_is_refused(workdir: Path) -> None:
    search(name="there")
    with pytest.raises(hpo.Refused, match=r"There is no study 'here' in hpo.db; it has 1, the nearest: there."):
        hpo.open_study("here")


SCRIPT = """
import hpo

def train(lr, epochs):
    for epoch in range(epochs):
        yield {"auc": lr}

study = hpo.search(train, {"lr": hpo.Float(0, 1)}, metric="auc", direction="maximize", n_trials=2, name="script",
                   executor=%r, overrides=["tracking=none", "executor.n_workers=1"][: 1 + (%r != "inline")])
print(study)
"""


def test_a_script_needs_no_guard_unless_workers_have_to_import_it(workdir: Path) -> None:
    def run(executor: str, indent: str = "") -> subprocess.CompletedProcess[str]:
        text = SCRIPT % (executor, executor)
        if indent:
            text = text.replace("study = ", "if __name__ == '__main__':\n    study = ").replace("print", "    print")
        (workdir / "script.py").write_text(text)
        return subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, check=False)

    assert "<hpo.Study script: 2 trials, best auc" in run("inline").stdout
    (workdir / "hpo.db").unlink()
    refused = run("processes")
    assert "put the calls of hpo below `if __name__ == '__main__':`" in refused.stderr
    (workdir / "hpo.db").unlink()
    guarded = run("processes", "  ")
    assert "<hpo.Study script: 2 trials, best auc" in guarded.stdout, guarded.stderr


SLOW_SCRIPT = """
import time
import hpo

def train(lr, epochs):
    for epoch in range(epochs):
        time.sleep(0.2)
        yield {"auc": lr}

study = hpo.search(train, {"lr": hpo.Float(0, 1)}, metric="auc", direction="maximize", n_trials=4, epochs=2,
                   name="slow", overrides=["tracking=none"])
print(study)
"""


def test_an_interrupt_leaves_a_study_that_the_same_call_goes_on_with(workdir: Path) -> None:
    (workdir / "slow.py").write_text(SLOW_SCRIPT)
    script = subprocess.Popen([sys.executable, "-u", "slow.py"], stdout=PIPE, stderr=PIPE, text=True)
    assert script.stdout is not None
    for line in script.stdout:
        if line.startswith("[1/4]"):
            script.send_signal(signal.SIGINT)
            break
    _, said = script.communicate(timeout=120)
    assert "KeyboardInterrupt: Study 'slow' was interrupted; the same call goes on with it." in said
    done = subprocess.run([sys.executable, "slow.py"], capture_output=True, text=True, check=True)
    assert "<hpo.Study slow: 4 trials, best auc" in done.stdout
