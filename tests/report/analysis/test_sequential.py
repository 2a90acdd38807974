"""A comparison that stops when it is decided: what is decided at which look, and that its report has no other test."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.records import Experiment
from hpo.report.analysis.sequential import Course, follow, rules_of
from hpo.report.assemble import build_report
from hpo.report.document.content import Report, Table, Text, Verdict
from hpo.report.document.json import find_verdict, report_json
from tests.support.noise_experiments import experiment, normal

LOOKS = (8, 11, 15, 20)
CARD = {
    "primary": "best validation",
    "unit": "trials",
    "budget": 12,
    "stop": {
        "looks": list(LOOKS),
        "futility": 0.1,
        "rejects_up_to": [2, 6, 19, 43],
        "test": "exact signed-rank",
        "alpha": 0.05,
        "spending": "s",
    },
}


def stopping(shifts: dict[str, float], *, n_seeds: int, rope: float = 0.0, futility: float = 0.1) -> Experiment:
    """Returns an experiment under looks at 8, 11, 15 and 20 seeds, of which so many were trained."""
    strategies = {name: normal(shift) for name, shift in shifts.items()}
    made = experiment(strategies, rng=np.random.default_rng(4), n_seeds=n_seeds, rope=rope)
    stop = {**CARD["stop"], "futility": futility}  # type: ignore[dict-item]
    card = {
        **CARD,
        "stop": stop,
        "seeds": list(range(20)),
        "strategies": {key: {} for key in shifts},
        "tasks": {"task": {}},
    }
    return replace(made, card=card)


def course(of: Experiment) -> Course:
    rules = rules_of(of)
    assert rules is not None
    return follow(of, rules)


def test_a_large_difference_is_decided_at_the_first_look_and_later_seeds_change_nothing() -> None:
    early, late = (course(stopping({"a": 0.0, "b": 3.0}, n_seeds=n)) for n in (8, 20))
    assert [stage.n for stage in early.stages] == [stage.n for stage in late.stages] == [8]
    assert early.stages[0].reason == late.stages[0].reason == "a is better than the other"
    assert early.is_over
    assert late.is_over


@pytest.mark.parametrize(("n_seeds", "looks"), [(5, []), (8, [8]), (10, [8]), (14, [8, 11]), (20, [8, 11, 15, 20])])
def test_there_is_a_look_only_where_one_was_registered(n_seeds: int, looks: list[int]) -> None:
    found = course(stopping({"a": 0.0, "b": 0.0}, n_seeds=n_seeds, futility=0.0))
    assert [stage.n for stage in found.stages] == looks
    assert found.n_ready == n_seeds
    assert found.is_over == (n_seeds == 20)


def test_equal_strategies_are_given_up() -> None:
    found = course(stopping({"a": 0.0, "b": 0.0}, n_seeds=20))
    assert found.stages[-1].n < 20
    assert "told apart by 20 seeds" in found.stages[-1].reason


def test_within_the_rope_they_are_equivalent() -> None:
    found = course(stopping({"a": 0.0, "b": 0.0}, n_seeds=20, rope=50.0))
    assert found.stages[-1].reason == "every pair is decided"
    assert found.stages[-1].standings[0].word == "practically equivalent"


def test_three_strategies_go_on_while_the_best_two_are_not_told_apart() -> None:
    found = course(stopping({"a": 0.0, "b": 0.5, "c": 4.0}, n_seeds=20))
    assert [stage.look.called for stage in found.stages] == [[None, "a", "b"]] * 4
    assert [stage.reason for stage in found.stages] == ["", "", "", "all planned seeds are there"]
    decided = course(stopping({"a": 0.0, "b": 0.6, "c": 4.0}, n_seeds=20))
    assert [stage.reason for stage in decided.stages] == ["a is better than every other"]


def test_seeds_that_are_not_paired_do_not_count() -> None:
    whole = stopping({"a": 0.0, "b": 3.0}, n_seeds=12)
    gap = tuple(study for study in whole.studies if (study.strategy, study.seed) != ("b", 3))
    found = course(replace(whole, studies=gap))
    assert (found.n_ready, found.stages) == (3, [])
    running = tuple(replace(study, is_ended=study.seed != 7) for study in whole.studies)
    assert course(replace(whole, studies=running)).n_ready == 7


def texts(report: Report) -> str:
    """Returns all that a report says: texts, tables, the verdict, report.json."""
    said: list[str] = [report_json(report)]
    for section in report.sections:
        said.append(section.finding)
        for block in section.blocks:
            match block:
                case Text():
                    said.append(block.text)
                case Table():
                    said += [block.title, block.note, *(column.title for column in block.columns), str(block.rows)]
                case Verdict():
                    said += [block.headline, block.reading, *(claim.text for claim in block.claims), block.looks.note]
    return "\n".join(said)


@pytest.mark.parametrize(
    ("n_seeds", "beginning"), [(20, "Winner: a, better than b and c (look "), (5, "Nothing is decided")]
)
def test_the_report_has_the_sequential_test_and_no_other(n_seeds: int, beginning: str) -> None:
    report = build_report(stopping({"a": 0.0, "b": 3.0, "c": 5.0}, n_seeds=n_seeds), n_resamples=50)
    verdict = find_verdict(report)
    assert verdict is not None
    assert verdict.headline.startswith(beginning)
    said = texts(report)
    for word in ("Friedman", "friedman", "Holm", "holm_p", "Wilcoxon", "p = ", "p < ", '"p":'):
        assert word not in said, word
    numbers = json.loads(report_json(report))["sections"]["verdict"]
    assert numbers["sequential"]["is_over"] == (n_seeds == 20)
    if n_seeds == 20:
        pair = numbers["sequential"]["stages"][-1]["pairs"][0]
        looked = next(iter(numbers["looks"].values()))["pairs"][0]
        assert (pair["low_in_loss"], pair["shift_in_loss"]) == (looked["low_in_loss"], looked["shift_in_loss"])


def test_a_fixed_number_of_seeds_has_no_course() -> None:
    made = experiment({"a": normal(), "b": normal()}, rng=np.random.default_rng(0))
    assert Analysis(made).course is None
