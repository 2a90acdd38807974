"""What is written down of a new study: where it comes from, without secrets."""

from __future__ import annotations

import json
import platform
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from hpo import __version__
from hpo.config.training import Schedule
from hpo.study.provenance import git_commit, new_study, plain
from hpo.tracking.tracker import MlflowConfig
from tests.support.studies import plan_study


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    git_commit.cache_clear()
    yield
    git_commit.cache_clear()


def test_a_new_study_says_where_it_comes_from(workdir: Path) -> None:
    planned = plan_study("trainer=synthetic", "tracking=none", "sampler=random", "pruner=asha", "seed=4")
    planned = replace(planned, tags={"strategy": "mine", "task": "here"}, experiment_name="many")
    study = new_study(planned, corpus={}, fingerprint={}, folder=workdir / "x", now_ms=17)
    assert study.tags == {
        "sampler": "random",
        "pruner": "asha",
        "space": "awd_lstm_small",
        "trainer": "synthetic",
        "executor": "processes",
        "strategy": "mine",
        "task": "here",
        "seed": "4",
        "data": "none",
        "data_fingerprint": "none",
        "git_commit": "none",
        "host": socket.gethostname(),
        "hpo_version": __version__,
        "python": platform.python_version(),
    }
    assert (study.name, study.experiment) == (planned.name, "many")
    assert (study.metric, study.direction, study.created_ms, study.test) == ("accuracy", "maximize", 17, {})
    assert study.folder == str(workdir / "x")


def test_the_data_it_was_made_on_are_named(workdir: Path) -> None:
    planned = plan_study("tracking=none", "study.metric=valid_loss")
    corpus = {"name": "mine", "n_train": 3}
    study = new_study(planned, corpus=corpus, fingerprint={"data": "abc"}, folder=workdir, now_ms=0)
    assert (study.tags["data"], study.tags["data_fingerprint"]) == ("mine", "abc")
    assert study.corpus == corpus
    assert study.direction == "minimize"


def test_every_study_is_unique_anywhere(workdir: Path) -> None:
    planned = plan_study("trainer=synthetic", "tracking=none")
    uids = {new_study(planned, corpus={}, fingerprint={}, folder=workdir, now_ms=0).uid for _ in range(3)}
    assert len(uids) == 3


@pytest.mark.parametrize("uri", ["http://me:CANARY@127.0.0.1:9", "http://CANARY@127.0.0.1:9", "http://me:CAN%41RY@h"])
def test_no_password_is_written_down(uri: str, workdir: Path) -> None:
    planned = plan_study("trainer=synthetic")
    config = replace(planned.config, tracking=MlflowConfig(uri=uri, experiment=None, flush_timeout_s=1.0))
    study = new_study(replace(planned, config=config), corpus={}, fingerprint={}, folder=workdir, now_ms=0)
    text = json.dumps(asdict(study))
    assert "CANARY" not in text
    assert "CAN%41RY" not in text
    assert "127.0.0.1:9" in text or "@h" in text


def test_settings_become_plain(workdir: Path) -> None:
    given = {
        "a": Schedule.one_cycle,
        "b": [Schedule.slanted, (1, 2)],
        "c": {1: None, "name": None, "d": None},
        "e": 0.5,
    }
    assert plain(given) == {"a": "one_cycle", "b": ["slanted", [1, 2]], "c": {"name": None}, "e": 0.5}
    study = new_study(
        plan_study("trainer=synthetic", "tracking=none"), corpus={}, fingerprint={}, folder=workdir, now_ms=0
    )
    assert json.loads(json.dumps(study.config)) == study.config
    assert study.config["train"]["schedule"] == "one_cycle"  # type: ignore[index]  # nested plain data


def git(*words: str) -> str:
    identity = ("-c", "user.name=n", "-c", "user.email=e@x")
    return subprocess.run(["git", *identity, *words], check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_is_that_of_the_working_directory(workdir: Path) -> None:
    assert git_commit() == "none"
    git("init", "-q")
    git_commit.cache_clear()
    assert git_commit() == "none"  # nothing was committed yet
    git("commit", "-q", "--allow-empty", "-m", "first")
    git_commit.cache_clear()
    assert git_commit() == git("log", "-1", "--format=%H")


def test_without_git_there_is_no_commit(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert git_commit() == "none"
