"""Experiments read from real records."""

from __future__ import annotations

from pathlib import Path

import pytest
from optuna.study import StudyDirection

from hpo.commands.compare import main as compare
from hpo.report.analysis.endpoints import is_tested
from hpo.report.analysis.records import Experiment
from hpo.report.reading.record import experiment_names, read_experiment
from hpo.report.reading.terms import Terms
from hpo.storage.options import MemoryConfig, SqliteConfig
from hpo.storage.record import open_record, open_storage, study_names
from tests.support.studies import SYNTHETIC, run_study

RECORD = SqliteConfig(folder="studies", path="hpo.db")
SMALL = ("study.n_trials=3", "study.test=false")


def search(*overrides: str) -> None:
    run_study(*SYNTHETIC, *SMALL, *overrides)


def read(name: str = "synthetic", **terms) -> Experiment:
    return read_experiment(open_record(RECORD), name, terms=Terms(**terms))


def test_a_comparison_is_read_as_it_was_registered(workdir: Path, capsys) -> None:
    asked = ["samplers=[random,tpe]", "seeds=[1,0]", "name=mine", "budget.unit=epochs", "budget.size=12", "rope=0.02"]
    confirm = ["study.confirm.top_k=2", "study.confirm.n_seeds=2", "tracking=none", "executor=inline"]
    assert compare([*asked, *confirm, "trainer=synthetic"]) == 0
    search("sampler=grid", "study.name=casual")
    experiment = read("mine")
    assert (experiment.metric, experiment.direction) == ("accuracy", "maximize")
    assert (experiment.unit, experiment.budget, experiment.rope) == ("epochs", 12, 0.02)
    assert [(study.strategy, study.seed) for study in experiment.studies] == [
        ("random", 1),
        ("random", 0),
        ("tpe", 1),
        ("tpe", 0),
    ]
    assert len(experiment.card_hash) == 64
    assert experiment.card["experiment"] == "mine"
    assert experiment.facts["command"].startswith("hpo compare 'samplers=[random,tpe]'")
    assert set(experiment.spaces[experiment.tasks[0]]) == {
        "model.drop_mult",
        "model.n_hid",
        "train.lr",
        "train.epochs",
    }
    assert experiment.deviations == ()
    for study in experiment.studies:
        assert study.is_ended
        assert study.facts["n_workers"] == "1"
        best, second = study.confirmed
        assert len(best.values) == len(second.values) == 2
        assert len(best.tests) + len(second.tests) == 2
        assert best.searched >= second.searched
        assert [trial.ended_s for trial in study.trials] == sorted(trial.ended_s or 0 for trial in study.trials)
    assert any(trial.is_cached for study in experiment.studies for trial in study.trials)
    assert experiment_names(open_record(RECORD)) == ["mine", "synthetic"]
    assert is_tested(experiment)
    assert not is_tested(read("mine", budget=4)), "what was confirmed was found with more"
    by_hand = read("mine", rope=0.1, unit="trials")
    assert [sentence.split(" was set")[0] for sentence in by_hand.deviations] == ["The ROPE", "The budget"]


def test_studies_started_one_by_one_are_named_and_given_a_budget(workdir: Path) -> None:
    for sampler in ("random", "tpe"):
        for seed in (0, 1):
            search(f"sampler={sampler}", f"seed={seed}", "~space.train.epochs", "train.epochs=2")
    experiment = read()
    assert experiment.strategies == ("random", "tpe")
    assert experiment.tasks == ("synthetic",)
    assert (experiment.unit, experiment.budget, experiment.rope) == ("trials", 3, 0.005)
    assert (experiment.card, experiment.card_hash, experiment.deviations) == ({}, "", ())
    assert {study.facts["n_workers"] for study in experiment.studies} == {"1"}


def test_unequal_studies_are_compared_at_the_smallest_budget_in_epochs(workdir: Path) -> None:
    search("sampler=random")
    search("sampler=tpe", "study.n_trials=5")
    experiment = read()
    spent = [sum(trial.epochs for trial in study.trials) for study in experiment.studies]
    assert (experiment.unit, experiment.budget) == ("epochs", min(spent))
    assert f"compared at the smallest budget, {min(spent)} epochs" in experiment.deviations[0]


def test_another_metric_cannot_be_compared(workdir: Path) -> None:
    search("sampler=random")
    search("sampler=tpe", "study.metric=valid_loss")
    with pytest.raises(ValueError, match=r"mixes metrics.*accuracy \(maximized\) in .*; valid_loss \(minimized\) in"):
        read()


def test_what_is_not_there_is_told(workdir: Path) -> None:
    search()
    with pytest.raises(ValueError, match="no experiment 'other' in the record; it has synthetic"):
        read("other")
    with pytest.raises(ValueError, match=r"report.direction=minimize contradicts the record, which says maximize"):
        read(direction="minimize")


def test_studies_without_a_finished_trial_say_so(workdir: Path) -> None:
    search()
    storage = open_storage(RECORD)
    (name,) = study_names(storage)
    study_id = storage.get_study_id_from_name(name)
    kept = storage.get_study_system_attrs(study_id)
    storage.delete_study(study_id)
    begun = storage.create_new_study([StudyDirection.MAXIMIZE], name)
    for key, value in kept.items():
        storage.set_study_system_attr(begun, key, value)
    storage.create_new_trial(begun)
    with pytest.raises(ValueError, match="no finished trial yet: 1 studies, 1 trials, all of them RUNNING"):
        read()


def test_a_record_that_is_not_there_is_not_created(workdir: Path) -> None:
    with pytest.raises(ValueError, match=r"no record at storage.path=hpo.db; go to the folder"):
        open_record(RECORD)
    assert list(workdir.iterdir()) == []
    (workdir / "hpo.db").write_text("no database")
    with pytest.raises(ValueError, match=r"storage.path=hpo.db is no record that can be read"):
        open_record(RECORD)
    with pytest.raises(ValueError, match="storage=memory is gone"):
        open_record(MemoryConfig(folder="studies"))
