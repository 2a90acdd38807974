"""Falsely pruned trials: what an audit, or a recorded table, tells of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from hpo.report.analysis.records import Audit, Experiment, Study, Trial
from hpo.report.document.content import Table, Text
from hpo.report.sections.pruning_audit import audit, build_audit
from tests.support.search_experiments import make_experiment


def trial(number: int, value: float, *, state: str = "COMPLETE", continued: float | None = None) -> Trial:
    return Trial(number, state, value, 1, 1.0, 1.0 + number, {"x": number}, (value,), continued=continued)


def pruned(number: int, continued: float | None) -> Trial:
    return trial(number, 0.9, state="PRUNED", continued=continued)


TRIALS = (
    pruned(0, 0.1),  # before there is an incumbent; better than all
    trial(1, 0.5),
    pruned(2, 0.4),  # a false prune, made good for by trial 4
    pruned(3, 0.6),  # rightly pruned
    trial(4, 0.3),
    pruned(5, math.inf),  # diverges
    pruned(6, None),  # not in the sample
    pruned(7, 0.3),  # no better than the incumbent
    pruned(8, 0.2),  # a false prune
)
STUDY = Study("asha-0", "", "asha", 0, TRIALS)


def numbers(experiment: Experiment, strategy: str = "asha") -> Mapping[str, Any]:
    found = build_audit(experiment).numbers[strategy]
    assert isinstance(found, Mapping)
    return found


def texts(experiment: Experiment) -> str:
    return " ".join(block.text for block in build_audit(experiment).blocks if isinstance(block, Text))


def test_beaten_is_the_incumbent_of_the_moment_or_the_final_best() -> None:
    (found,) = audit(make_experiment([STUDY]))
    assert [one.beats_incumbent for one in found.found] == [None, True, False, False, False, True]
    assert [one.beats_final for one in found.found] == [True, False, False, False, False, True]
    given = numbers(make_experiment([STUDY]))
    assert (given["n_pruned"], given["n_audited"], given["epochs"]) == (7, 6, None)
    assert [(given[key]["k"], given[key]["n"]) for key in ("incumbent", "final")] == [(2, 5), (2, 6)]


def test_the_numbers_have_exact_intervals() -> None:
    given = numbers(make_experiment([STUDY]))["incumbent"]
    assert given["share"] == 0.4
    assert (given["low"], given["high"]) == (pytest.approx(0.0527, abs=1e-4), pytest.approx(0.8534, abs=1e-4))


def test_maximising_turns_what_is_better_but_not_divergence() -> None:
    turned = [
        replace(
            each,
            value=-(each.value or 0),
            continued=None if each.continued is None else abs(each.continued) * (-1 if each.continued < 9 else 1),
        )
        for each in TRIALS
    ]
    (found,) = audit(make_experiment([replace(STUDY, trials=tuple(turned))], direction="maximize"))
    assert [one.beats_incumbent for one in found.found] == [None, True, False, False, False, True]


def test_a_search_without_a_complete_trial_has_nothing_to_beat() -> None:
    (found,) = audit(make_experiment([replace(STUDY, trials=(pruned(0, 0.1),))]))
    assert [(one.beats_incumbent, one.beats_final) for one in found.found] == [(None, None)]
    table = build_audit(make_experiment([replace(STUDY, trials=(pruned(0, 0.1),))])).blocks[0]
    assert isinstance(table, Table)
    assert table.rows == [["asha", "1/1", *[None] * 9]]


def test_the_table_has_a_row_for_each_strategy_that_pruned() -> None:
    audited = replace(STUDY, audit=Audit(6, 0, epochs=40, seconds=1.0))
    other = replace(audited, name="asha-1", seed=1)
    none = Study("random", "", "random", 0, (trial(0, 0.5),))
    experiment = make_experiment([none, audited, other])
    table = build_audit(experiment).blocks[0]
    assert isinstance(table, Table)
    ((strategy, sampled, share, *_, epochs),) = table.rows
    assert (strategy, sampled, share, epochs) == ("asha", "12/14", "4/10", 80)
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert len({column.title for column in table.columns}) == len(table.columns)
    assert numbers(experiment, "random")["n_pruned"] == 0


def test_it_is_said_where_the_numbers_come_from_and_what_is_missing() -> None:
    recorded = texts(make_experiment([STUDY]))
    assert "known of 6 of 7 pruned trials" in recorded
    assert "drawn at random" not in recorded
    assert "1 were pruned before there was an incumbent" in recorded
    trained = texts(make_experiment([replace(STUDY, audit=Audit(8, 2, epochs=40, seconds=1.0, is_ended=False))]))
    assert "8 were drawn at random" in trained
    assert "40 epochs, outside the budgets" in trained
    assert "2 of them failed in that" in trained
    assert "The audit of 1 study is not finished." in trained


def test_params_trained_elsewhere_stand_apart() -> None:
    whole = Study("random", "", "random", 0, (trial(6, 0.1),))
    experiment = make_experiment([STUDY, whole])
    blocks = build_audit(experiment).blocks
    assert [block.key for block in blocks if isinstance(block, Table)] == ["pruning_audit", "pruning_twins"]
    given = numbers(experiment)
    assert (given["incumbent"]["n"], given["elsewhere"]["n"], given["elsewhere"]["k"]) == (5, 1, 1)


def test_without_a_sample_that_is_said_and_without_pruning_nothing() -> None:
    alone = replace(STUDY, trials=tuple(replace(each, continued=None) for each in TRIALS))
    (text,) = build_audit(make_experiment([alone])).blocks
    assert isinstance(text, Text)
    assert "no audit sample was drawn" in text.text
    assert "No other study trained the params" in text.text
    whole = Study("random", "", "random", 0, (trial(6, 0.1),))
    assert "no audit sample was drawn" in texts(make_experiment([alone, whole]))
    assert "No other study" not in texts(make_experiment([alone, whole]))
    assert build_audit(make_experiment([whole])).blocks == []
