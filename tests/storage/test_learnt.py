"""Trials of earlier studies: copied once, seen by the sampler alone; studies that do not match are refused."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from hpo.storage.record import LEARNT
from hpo.study.refusal import Refused
from tests.support.studies import SYNTHETIC, plan_study, run_study

SMOKE = ("experiment=smoke", *SYNTHETIC)


def test_a_sampler_learns_from_trials_that_are_nobody_elses_business(workdir: Path) -> None:
    run_study(*SMOKE, "study.name=old", "study.n_trials=12", "pruner=median")
    asked = (*SMOKE, "study.name=new", "study.learn_from=[old]", "seed=3")
    report = run_study(*asked, "study.n_trials=2")
    assert [trial.number for trial in report.trials] == [0, 1]
    alone = run_study(*SMOKE, "study.name=alone", "seed=3", "study.n_trials=2")
    assert [t.params for t in alone.trials] != [t.params for t in report.trials]  # no start-up is needed any more
    optuna.delete_study(study_name="old", storage="sqlite:///hpo.db")
    assert len(run_study(*asked, "study.n_trials=4").trials) == 4  # what was copied stays
    study = optuna.load_study(study_name="new", storage="sqlite:///hpo.db")
    noted = study._storage.get_study_system_attrs(study._study_id)[LEARNT]
    assert {entry["study"] for entry in noted} == {"old"}
    assert len(noted) == 12
    assert len(study.trials) == 4


def test_learning_in_pieces_is_learning_in_one(workdir: Path) -> None:
    run_study(*SMOKE, "study.name=old", "study.n_trials=12")
    asked = (*SMOKE, "study.learn_from=[old]")
    whole = run_study(*asked, "study.name=whole", "study.n_trials=4").trials
    for n in (1, 2, 4):
        pieces = run_study(*asked, "study.name=pieces", f"study.n_trials={n}").trials
    assert [trial.params for trial in pieces] == [trial.params for trial in whole]


def test_studies_that_cannot_teach_anything_are_refused_and_nothing_is_created(workdir: Path) -> None:
    run_study(*SMOKE, "study.name=old", "study.n_trials=2")
    asked = (*SMOKE, "study.name=new", "study.learn_from=[old]")
    for words, sentence in (
        (["study.learn_from=[other]"], "there is no such study in this record"),
        (["study.learn_from=[new]"], "is the study itself"),
        (["space.train.lr.high=0.05"], "has another space: train.lr differ"),
        (["study.metric=valid_loss"], "is about accuracy, to maximize"),
    ):
        with pytest.raises(Refused, match=sentence):
            run_study(*asked, *words)
    with pytest.raises(ValueError, match="teaches sampler=random nothing"):
        plan_study(*asked, "sampler=random")
    assert optuna.get_all_study_names("sqlite:///hpo.db") == ["old"]
    assert not (workdir / "studies" / "new").exists()
