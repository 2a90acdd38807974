"""First trials: from the command line or a file; what is not in the space is refused before anything is created."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from hpo.study.plan import Plan
from tests.support.studies import SYNTHETIC, plan_study, run_study

WHOLE = {"train.lr": 0.01, "model.n_hid": 64, "model.drop_mult": 0.3, "train.epochs": 3}


def planned(enqueue: str, *overrides: str) -> Plan:
    return plan_study("experiment=smoke", f"study.enqueue={enqueue}", *overrides)


def test_the_first_trials_are_those_of_a_file_and_the_study_goes_on_as_itself(workdir: Path) -> None:
    (workdir / "first.json").write_text(json.dumps([WHOLE, {"train": {"lr": 0.02}}]))
    asked = ("experiment=smoke", *SYNTHETIC, "study.enqueue=first.json", "study.name=s")
    run_study(*asked, "study.n_trials=1")
    trials = run_study(*asked, "study.n_trials=3").trials
    assert trials[0].params == WHOLE
    assert trials[1].params["train.lr"] == 0.02
    assert [trial.facts.get("origin") for trial in trials] == ["enqueued", "enqueued", None]
    (workdir / "first.json").write_text(json.dumps([WHOLE]))
    with pytest.raises(Exception, match=r"study\.enqueue was"):
        run_study(*asked, "study.n_trials=4")


@pytest.mark.parametrize(
    ("enqueue", "overrides", "sentence"),
    [
        ("[{train.lr: 7}]", [], "study.enqueue[0] has train.lr: 7, which lies outside its range 0.001 to 0.1"),
        ("[{train.lr: 0.01},{model.emb_sz: 7}]", [], "study.enqueue[1] sets model.emb_sz, which is not searched"),
        ("[7]", [], "study.enqueue[0] must be a configuration"),
        ("7", [], "study.enqueue is a list of configurations"),
        ("nowhere.yaml", [], "study.enqueue=nowhere.yaml"),
        ("[{train.lr: 0.01}]", ["sampler=grid"], "which sampler=grid cannot fill in"),
        (
            "[{train.freeze_epochs: 1}]",
            [
                "+space.train={schedule: {type: categorical, choices: [one_cycle, fine_tune]}, "
                "freeze_epochs: {type: int, low: 1, high: 2, when: {param: train.schedule, in: [fine_tune]}}}",
            ],
            "is searched only where train.schedule is one of ['fine_tune']",
        ),
    ],
)
def test_what_is_not_in_the_space_is_refused(enqueue: str, overrides: list[str], sentence: str, workdir: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        planned(enqueue, *overrides)


def test_a_prior_outside_its_range_is_refused() -> None:
    for prior, sentence in (
        ("{centre: 7, confidence: 0.5}", "space.train.lr.prior.centre is 7, which lies outside"),
        ("{centre: 0.01, confidence: 1}", "space.train.lr.prior must be {centre"),
        ("{centre: 0.01}", "space.train.lr.prior must be {centre"),
    ):
        with pytest.raises(ValueError, match=re.escape(sentence)):
            plan_study("experiment=smoke", f"+space.train.lr.prior={prior}")
    with pytest.raises(ValueError, match="has no say in sampler=grid"):
        plan_study("experiment=smoke", "sampler=grid", "+space.train.lr.prior={centre: 0.01, confidence: 0.5}")
