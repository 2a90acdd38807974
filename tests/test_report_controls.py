"""Random search with twice the budget as everybody's control."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from made_up import experiment, normal, study

from hpo.report.content import Table, Text
from hpo.report.controls import build_control
from hpo.report.records import Experiment
from hpo.report.scale import scales

RANDOM = (study("random", 0, [4, 5]), study("random", 1, [6, 3]), study("random", 2, [8, 9]))


def made(*studies, **changes) -> Experiment:
    of = experiment({"x": normal()}, rng=np.random.default_rng(0), n_trials=2)
    return replace(of, studies=(*RANDOM, *studies), **changes)


def built(of: Experiment):
    return build_control(of, scales(of))


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
