"""Equal trainings: what their values tell, and what a copy does not."""

from __future__ import annotations

from dataclasses import replace

from searched import make_experiment

from hpo.report.content import Text
from hpo.report.determinism import build_determinism, equal_trainings
from hpo.report.records import Experiment, Study, Trial

TRIAL = Trial(0, "COMPLETE", 0.5, 2, 1.0, 1.0, {"x": 1}, (0.7, 0.5))


def experiment(*trials: Trial, seeds: tuple[int, ...] = (0, 0, 0)) -> Experiment:
    studies = [
        Study(f"s{n}", "", f"s{n}", seed, (one,)) for n, (one, seed) in enumerate(zip(trials, seeds, strict=False))
    ]
    return make_experiment(studies)


def said(given: Experiment) -> str:
    section = build_determinism(given)
    assert section is not None
    (block,) = section.blocks
    assert isinstance(block, Text)
    return block.text


def test_trainings_are_equal_in_params_seed_and_number() -> None:
    assert len(equal_trainings(experiment(TRIAL, TRIAL))) == 1
    assert equal_trainings(experiment(TRIAL, TRIAL, seeds=(0, 1))) == []
    assert equal_trainings(experiment(TRIAL, replace(TRIAL, number=1))) == []
    assert equal_trainings(experiment(TRIAL, replace(TRIAL, params={"x": 2}))) == []
    assert equal_trainings(experiment(replace(TRIAL, params={}), replace(TRIAL, params={}))) == []
    assert build_determinism(experiment(TRIAL)) is None


def test_a_copy_proves_nothing() -> None:
    text = said(experiment(TRIAL, replace(TRIAL, is_cached=True)))
    assert "1 of these trials were taken from an equal one" in text
    assert "not known" in text


def test_the_last_bit_is_looked_at() -> None:
    assert "1 of 1 times every value" in said(experiment(TRIAL, TRIAL))
    assert "0 of 1 times every value" in said(experiment(TRIAL, replace(TRIAL, curve=(0.7000000000000001, 0.5))))


def test_which_trial_was_copied_is_under_the_clock() -> None:
    sections = [
        build_determinism(experiment(*pair))
        for pair in ((TRIAL, replace(TRIAL, is_cached=True)), (replace(TRIAL, is_cached=True), TRIAL), (TRIAL, TRIAL))
    ]
    assert all(section is not None and section.numbers == {"n_equal_trainings": 1} for section in sections)
    assert sections[2] is not None
    assert sections[2].clock == {"n_cached": 0, "n_trained_again": 1, "n_equal": 1}


def test_a_recorded_table_says_nothing_of_training() -> None:
    given = experiment(TRIAL, TRIAL)
    replayed = tuple(replace(study, facts={"trainer": "replay"}) for study in given.studies)
    assert "says nothing of training" in said(replace(given, studies=replayed))


def test_other_settings_are_another_training() -> None:
    given = experiment(TRIAL, replace(TRIAL, curve=(0.1, 0.5)))
    facts = ({"model.encoder": "scratch"}, {"model.encoder": "domain"})
    studies = tuple(replace(study, facts=own) for study, own in zip(given.studies, facts, strict=True))
    assert len(equal_trainings(given)) == 1
    assert equal_trainings(replace(given, studies=studies)) == []
