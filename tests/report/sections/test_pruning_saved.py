"""Epochs saved by pruning: planned less done."""

from __future__ import annotations

import pytest

from hpo.report.analysis.records import Experiment, Study, Trial
from hpo.report.document.content import Table, Text
from hpo.report.sections.pruning import build_savings, planned_epochs
from tests.support.search_experiments import make_experiment


def trial(number: int, state: str, epochs: float, *, planned: int | None = None) -> Trial:
    value = None if state == "FAIL" else 0.5
    return Trial(number, state, value, epochs, 1.0, 1.0, {} if planned is None else {"train.epochs": planned})


def experiment(*trials: Trial) -> Experiment:
    return make_experiment([Study("s", "", "tpe+asha", 0, trials)])


def test_planned_epochs_are_those_searched_or_the_longest() -> None:
    assert planned_epochs(trial(0, "PRUNED", 2, planned=6), 10) == 6
    assert planned_epochs(trial(0, "PRUNED", 2), 10) == 10
    assert planned_epochs(trial(0, "PRUNED", 12), 10) == 12
    assert planned_epochs(Trial(0, "PRUNED", 1.0, 2, 1.0, 1.0, {"epochs": 4}), 10) == 4


def test_only_pruned_trials_save() -> None:
    trials = (trial(0, "COMPLETE", 8), trial(1, "PRUNED", 2), trial(2, "FAIL", 1), trial(3, "PRUNED", 3, planned=5))
    section = build_savings(experiment(*trials))
    numbers = section.numbers["tpe+asha"]
    assert numbers == {
        "n_finished": 4,
        "n_pruned": 2,
        "epochs_done": 14.0,
        "epochs_saved": 8.0,  # 6 of trial 1, 2 of trial 3
        "share_saved": pytest.approx(8 / 22),
    }
    table, source = section.blocks
    assert isinstance(table, Table)
    assert isinstance(source, Text)
    assert "1 of 2 pruned trials" in source.text


def test_the_longest_is_that_of_the_same_task() -> None:
    studies = [
        Study("a", "a", "asha", 0, (trial(0, "COMPLETE", 4), trial(1, "PRUNED", 1))),
        Study("b", "b", "asha", 0, (trial(0, "COMPLETE", 10), trial(1, "PRUNED", 1))),
    ]
    assert build_savings(make_experiment(studies)).numbers["asha"]["epochs_saved"] == 3 + 9  # type: ignore[index]


def test_without_pruned_trials_a_sentence() -> None:
    section = build_savings(experiment(trial(0, "COMPLETE", 8)))
    assert [type(block) for block in section.blocks] == [Text]
