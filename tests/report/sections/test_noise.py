"""Equal trainings: what their values tell, and what a copy does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpo.figures.figure import Figure
from hpo.figures.geometry import check_figure
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.records import Confirmed, Experiment, Study, Trial
from hpo.report.document.content import Report, Table, Text
from hpo.report.document.json import report_json
from hpo.report.sections.noise import build_determinism, build_noise, equal_trainings
from tests.support.search_experiments import make_experiment, several

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


def study(strategy: str, seed: int, best: float, values: tuple[float, ...], *, n_failed: int = 0) -> Study:
    trials = (Trial(0, "COMPLETE", best, 1, 1.0, 1.0, {"x": len(strategy) + 10 * seed}),)
    return Study(f"{strategy}{seed}", "", strategy, seed, trials, (Confirmed(0, best, values, (), n_failed, 2, 2),))


STUDIES = [
    study("a", 0, 0.50, (0.49, 0.51)),
    study("a", 1, 0.54, (0.52, 0.56)),
    study("bb", 0, 0.60, (0.60,), n_failed=1),
    study("bb", 1, 0.62, (0.63, 0.63)),
]


def texts(section) -> str:
    return " ".join(block.text for block in section.blocks if isinstance(block, Text))


def test_noise_against_the_rope_and_the_strategies() -> None:
    section = build_noise(Analysis(make_experiment(STUDIES)))
    assert section is not None
    found = section.numbers["tasks"]["all trials"]  # type: ignore[index]
    spread = found["spreads"]["retrained, validation"]
    assert (spread.n_groups, spread.df) == (3, 3)
    assert spread.sd == pytest.approx(((2e-4 + 8e-4 + 0) / 3) ** 0.5)
    assert found["largest_difference_of_means"] == pytest.approx(0.61 - 0.52)
    assert found["sd_over_seeds_of_best"].sd == pytest.approx(((8e-4 + 2e-4) / 2) ** 0.5)
    said = texts(section)
    assert "above the ROPE of 0.005" in said
    assert "those of a and bb, differ by 0.09" in said
    assert "1 retrainings failed" in said


def test_the_better_strategy_comes_first_in_either_direction() -> None:
    section = build_noise(Analysis(make_experiment(STUDIES, direction="maximize")))
    assert section is not None
    assert "those of bb and a" in texts(section)


def test_a_recorded_table_has_no_noise() -> None:
    section = build_noise(Analysis(make_experiment([study("a", 0, 0.5, (0.5, 0.5))])))
    assert section is not None
    assert "there is no noise" in texts(section)


def test_without_repeated_params_there_is_none() -> None:
    alone = replace(STUDIES[0], confirmed=())
    assert build_noise(Analysis(make_experiment([alone]))) is None
    bare = replace(alone, trials=())
    assert build_noise(Analysis(make_experiment([bare]))) is None


def test_equal_trainings_alone_are_enough() -> None:
    ones = replace(STUDIES[0], confirmed=())
    section = build_noise(Analysis(make_experiment([ones, replace(ones, name="again", strategy="tpe")])))
    assert section is not None
    assert "is not known" in texts(section)
    assert "1 of 1 times" in texts(section)


def test_a_rope_of_nothing_divides_nothing() -> None:
    section = build_noise(Analysis(replace(make_experiment(STUDIES), rope=0.0)))
    assert section is not None
    table = section.blocks[0]
    assert isinstance(table, Table)
    assert table.rows[0][-2:] == [None, 100.0]


def test_figures_tables_and_json_hold_together() -> None:
    section = build_noise(Analysis(several(tasks=("a", "b"))))
    assert section is not None
    for block in section.blocks:
        if isinstance(block, Figure):
            check_figure(block)
            assert [view.label for view in block.views] == ["a: validation", "a: test", "b: validation", "b: test"]
            assert block.caption
    assert report_json(Report("r", "", (), (section,))) == report_json(
        Report("r", "", (), (build_noise(Analysis(several(tasks=("a", "b")))),))
    )
