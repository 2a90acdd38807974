"""Sampler x pruner: when strategies form one, its means and its interaction."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import pytest

from hpo.report.analysis.records import Study, Trial
from hpo.report.document.content import Table
from hpo.report.sections.pruning_factorial import build_factorial, find_cells
from tests.support.search_experiments import make_experiment, several


def study(sampler: str, pruner: str, seed: int, value: float | None) -> Study:
    state = "FAIL" if value is None else "COMPLETE"
    trials = (Trial(0, state, value, 1, 1.0, 1.0), Trial(1, "PRUNED", -9.0, 1, 1.0, 2.0))
    facts = {"sampler": sampler, "pruner": pruner}
    return Study(f"{sampler}{pruner}{seed}", "", f"{sampler}+{pruner}", seed, trials, facts=facts)


def four(values: dict[tuple[str, str], list[float | None]]):
    return make_experiment(
        [study(*kind, seed, value) for kind, column in values.items() for seed, value in enumerate(column)]
    )


VALUES: dict[tuple[str, str], list[float | None]] = {
    ("random", "asha"): [0.5, 0.6, 0.7, 0.1],
    ("random", "none"): [0.4, 0.4, 0.4, 0.4],
    ("tpe", "asha"): [0.3, 0.3, 0.3, None],
    ("tpe", "none"): [0.4, 0.4, 0.4, 0.4],
}


def test_means_and_interaction_by_hand() -> None:
    section = build_factorial(four(VALUES))
    assert section is not None
    found = section.numbers["all trials"]["differences"]  # type: ignore[index]
    assert found["random: asha - none"]["mean"] == pytest.approx((0.1 + 0.2 + 0.3 - 0.3) / 4)
    assert found["tpe: asha - none"] == {
        "mean": pytest.approx(-0.1),
        "low": pytest.approx(-0.1),
        "high": pytest.approx(-0.1),
        "n_seeds": 3,
    }
    interaction = found["interaction of asha: random - tpe"]
    assert interaction["mean"] == pytest.approx(0.3)  # .2, .3, .4: seed 3 has no value with tpe and asha
    assert interaction["n_seeds"] == 3
    assert interaction["high"] - 0.3 == pytest.approx(4.302653 * 0.1 / sqrt(3), rel=1e-5)  # t of 2 degrees of freedom
    table = section.blocks[0]
    assert isinstance(table, Table)
    assert [column.title for column in table.columns][1:] == ["Pruner none (valid_loss)", "Pruner asha (valid_loss)"]
    assert table.rows[0] == ["random", pytest.approx(0.4), pytest.approx(0.475)]


def test_few_seeds_have_no_interval() -> None:
    section = build_factorial(four({kind: column[:2] for kind, column in VALUES.items()}))
    assert section is not None
    found = section.numbers["all trials"]["differences"]["tpe: asha - none"]  # type: ignore[index]
    assert (found["low"], found["n_seeds"]) == (None, 2)


def test_only_a_whole_factorial_is_one() -> None:
    whole = several()
    assert find_cells(whole) is not None
    assert find_cells(replace(whole, studies=whole.of(strategy="random") + whole.of(strategy="tpe"))) is None
    three = tuple(s for s in whole.studies if s.strategy != "tpe+asha")
    assert build_factorial(replace(whole, studies=three)) is None
    twice = (*whole.studies, replace(whole.studies[0], name="more", strategy="random again"))
    assert find_cells(replace(whole, studies=twice)) is None
    unknown = tuple(replace(s, facts={}) for s in whole.studies)
    assert find_cells(replace(whole, studies=unknown)) is None
