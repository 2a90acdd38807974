"""Random search with twice the budget as everybody's control."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.records import Experiment, Study
from hpo.report.document.content import Table, Text
from hpo.report.sections.statistics import build_control
from tests.support.noise_experiments import costly, experiment, normal, study

RANDOM = (study("random", 0, [4, 5]), study("random", 1, [6, 3]), study("random", 2, [8, 9]))


def made(*studies, **changes) -> Experiment:
    of = experiment({"x": normal()}, rng=np.random.default_rng(0), n_trials=2)
    return replace(of, studies=(*RANDOM, *studies), **changes)


def built(of: Experiment):
    return build_control(Analysis(of))


def test_the_control_is_the_exact_expectation_over_all_draws() -> None:
    _, numbers = built(made())
    draws = [min(draw) for draw in combinations([4, 5, 6, 3, 8, 9], 4)]
    assert numbers["task"] == {"expected": pytest.approx(np.mean(draws)), "trials": 4}


def test_who_does_not_beat_it_is_named() -> None:
    (table, text), _ = built(made(study("tpe", 0, [3.1, 9]), study("gp", 0, [9, 1]), study("cma", 0, [9, 9])))
    assert isinstance(table, Table)
    assert isinstance(text, Text)
    # The control comes to 3.27.
    assert {row[0]: row[4] for row in table.rows} == {
        "random × 2": None,
        "random": None,
        "tpe": "yes",
        "gp": "yes",
        "cma": "no",
    }
    assert text.text == "cma does not beat random with twice the budget."


def test_all_may_be_ahead() -> None:
    (_, text), _ = built(made(study("gp", 0, [9, 1])))
    assert text.text == "Every other strategy is ahead of random with twice the budget."


def running(strategy: str, **changes) -> Study:
    return study(strategy, 0, [1, 1], is_ended=False, **changes)


def test_of_who_has_not_ended_nothing_is_claimed() -> None:
    (_, text), _ = built(made(study("gp", 0, [9, 1]), running("tpe")))
    assert text.text == "gp is ahead of random with twice the budget; tpe has no study to hold against it."
    (_, text), _ = built(made(study("gp", 0, [9, 9]), running("tpe"), running("cma")))
    assert text.text == ("gp does not beat random with twice the budget; tpe and cma have no study to hold against it.")
    (_, text), _ = built(made(running("tpe")))
    assert text.text == (
        "No other strategy is held against random with twice the budget yet; tpe has no study to hold against it."
    )
    two = [study(name, seed, [3, 4], task="u") for name in ("random", "gp") for seed in (0, 1)]
    (_, text), _ = built(made(study("gp", 0, [9, 1]), *two, running("tpe"), study("tpe", 0, [0, 0], task="u")))
    assert text.text == (
        "gp (on 1 of 2 tasks) does not beat random with twice the budget; "
        "tpe (on 1 of 2 tasks) has no study to hold against it."
    )


def test_other_strategies_that_draw_at_random_are_not_the_control() -> None:
    other = study("wide", 0, [0, 0], facts={"sampler": "random"})
    (table, _), numbers = built(made(other))
    assert numbers["task"] == built(made())[1]["task"]
    assert {row[0]: row[4] for row in table.rows} == {"random × 2": None, "random": None, "wide": "yes"}


def test_who_is_not_compared_is_not_held_against_it() -> None:
    of = made(costly("tpe", 0, [9.0], epochs=9), unit="epochs", is_least=True)
    (_, text), _ = built(of)
    assert text.text.endswith("tpe has no study to hold against it.")
    (_, text), _ = built(replace(of, is_least=False))
    assert text.text == "tpe does not beat random with twice the budget."


def test_higher_is_better_when_maximising() -> None:
    (table, text), numbers = built(made(study("gp", 0, [10, 1]), direction="maximize"))
    assert numbers["task"]["expected"] > 8
    assert text.text.startswith("Every other")
    assert table.rows[2][3] == pytest.approx(10 - numbers["task"]["expected"])


def test_its_absence_has_a_reason() -> None:
    (text,), _ = built(replace(made(), studies=(study("tpe", 0, [1, 2]),)))
    assert "no random search" in text.text
    (text,), _ = built(replace(made(), studies=RANDOM[:1]))
    assert "at least two seeds" in text.text
