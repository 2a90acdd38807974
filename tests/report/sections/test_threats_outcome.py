"""Threats that came about while studies ran: each rule fires and does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hpo.report.analysis.records import Experiment, Study
from hpo.report.sections import threats as rules
from tests.support.noise_experiments import experiment, normal


def made() -> Experiment:
    return experiment({"random": normal(), "tpe": normal()}, rng=np.random.default_rng(0), n_seeds=2)


def with_first(of: Experiment, **changes: object) -> Experiment:
    first: Study = replace(of.studies[0], **changes)  # type: ignore[arg-type]
    return replace(of, studies=(first, *of.studies[1:]))


def failed(of: Experiment, n: int) -> Experiment:
    trials = of.studies[0].trials
    bad = tuple(replace(trial, state="FAIL", value=None) for trial in trials[:n])
    return with_first(of, trials=(*bad, *trials[n:]))


def test_failures() -> None:
    assert list(rules.failures(made())) == []
    assert "3 of 48 trials failed" in next(rules.failures(failed(made(), 3)))


def test_nothing_complete() -> None:
    assert list(rules.nothing_complete(failed(made(), 11))) == []
    assert "1 study ended without a complete trial (random)" in next(rules.nothing_complete(failed(made(), 12)))


def test_interim_look() -> None:
    assert list(rules.interim_look(made())) == []
    assert "1 of 4 studies had not ended" in next(rules.interim_look(with_first(made(), is_ended=False)))


def test_unequal_budgets() -> None:
    assert list(rules.unequal_budgets(with_first(made(), trials=made().studies[0].trials[:-1]))) == []
    assert list(rules.unequal_budgets(with_first(made(), trials=made().studies[0].trials[:-2])))


@pytest.mark.parametrize("key", ["hpo_version", "git_commit", "python", "device", "device_name", "precision"])
def test_mixed_conditions(key: str) -> None:
    same = replace(made(), studies=tuple(replace(s, facts={key: "a"}) for s in made().studies))
    assert list(rules.mixed_conditions(same)) == []
    assert list(rules.mixed_conditions(with_first(same, facts={key: "none"}))) == []
    assert "different" in next(rules.mixed_conditions(with_first(same, facts={key: "b"})))


def test_different_data_under_one_name() -> None:
    same = replace(made(), studies=tuple(replace(s, facts={"data_fingerprint": "a"}) for s in made().studies))
    assert list(rules.mixed_conditions(same)) == []
    other = with_first(same, facts={"data_fingerprint": "b"})
    assert "did not read the same data: there are 2 fingerprints" in next(rules.mixed_conditions(other))


def test_seeds_may_differ_in_their_split() -> None:
    split = replace(
        made(), studies=tuple(replace(s, facts={"data_fingerprint": f"of {s.seed}"}) for s in made().studies)
    )
    assert list(rules.mixed_conditions(split)) == []
    other = with_first(split, facts={"data_fingerprint": "another"})
    assert "did not read the same data: there are 2 fingerprints" in next(rules.mixed_conditions(other))
