"""The verdict does not depend on units, offsets, names, the order of rows, or on which way values are better."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.records import Experiment, Study, Trial
from hpo.report.sections.verdict import build_verdict
from tests.support.noise_experiments import experiment, normal, study

NAMES = ("random", "tpe", "gp")
FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@st.composite
def recorded(draw: st.DrawFn) -> Experiment:
    """Returns records of two decimals: two or three strategies, seeds on one task, or two seeds on six."""
    tasks = draw(st.sampled_from([("t",), tuple("tuvwxy")]))
    n_seeds = draw(st.integers(6, 9)) if len(tasks) == 1 else 2
    n_strategies = draw(st.integers(2, 3))
    value = st.integers(60, 99).map(lambda hundredths: hundredths / 100)
    of = tuple(
        study(name, seed, [draw(value), draw(value)], task=task)
        for task in tasks
        for name in NAMES[:n_strategies]
        for seed in range(n_seeds)
    )
    empty = experiment({"x": normal()}, rng=np.random.default_rng(0), n_trials=1)
    return replace(empty, studies=of, budget=2, rope=draw(st.sampled_from([0.0, 0.02, 0.05])))


def changed(of: Experiment, *, unit: float = 1.0, offset: float = 0.0) -> Experiment:
    def moved(trial: Trial) -> Trial:
        assert trial.value is not None
        return replace(trial, value=unit * trial.value + offset)

    studies = tuple(replace(each, trials=tuple(map(moved, each.trials))) for each in of.studies)
    return replace(of, studies=studies, rope=abs(unit) * of.rope)


def said(of: Experiment, *, unit: float = 1.0, names: dict[str, str] | None = None) -> dict:
    """Returns what the verdict rests on, in the first unit and under the first names."""
    analysis, names = Analysis(of, n_resamples=50), names or {}
    unit = 1.0 if of.has_tasks else unit
    looks = build_verdict(analysis).numbers["looks"]
    found: dict = {}
    for key, look in looks.items():  # type: ignore[attr-defined]
        found[key, "friedman"] = [-1.0 if look["friedman_p"] is None else look["friedman_p"]]
        found[key, "winner"] = names.get(look["winner"], look["winner"])
        for one in look["pairs"]:
            both = [names.get(one[place], one[place]) for place in ("first", "second")]
            turn = 1 if NAMES.index(both[0]) < NAMES.index(both[1]) else -1
            ends = [one["low_in_loss"], one["high_in_loss"]]
            effect = [turn * end / abs(unit) for end in (one["shift_in_loss"], *ends[::turn]) if end is not None]
            better = names.get(one["better"], one["better"])
            found[key, "claim", *sorted(both)] = one["n"], better, one["holm_p"]
            found[key, "effect", *sorted(both)] = effect
    for one in analysis.looks[0].comparisons:
        both = sorted(names.get(name, name) for name in (one.pair.first, one.pair.second))
        found["kind", *both] = one.kind, {one.wins, one.defeats}
    for each in analysis.summaries:
        ends = sorted(end / unit for end in (each.interval.low, each.interval.high) if end is not None)
        found["IQM", names.get(each.strategy, each.strategy)] = [each.iqm / unit, *ends]
    return found


def assert_same(found: dict, expected: dict, *, offset: bool = False) -> None:
    """Asserts that words, tests and ranks are equal, and effects but for rounding."""
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        if isinstance(value, list):
            if not (offset and key[0] == "IQM"):  # the values themselves move
                np.testing.assert_allclose(found[key], value, rtol=1e-6, atol=1e-9, err_msg=str(key))
        else:
            assert found[key] == value, key


@FEW
@given(recorded(), st.sampled_from([100.0, 1 / 3, 1e-3, 7.0]))
def test_of_units(of: Experiment, unit: float) -> None:
    assert_same(said(changed(of, unit=unit), unit=unit), said(of))


@FEW
@given(recorded(), st.sampled_from([0.1, 5.3, -1000.0]))
def test_of_offsets(of: Experiment, offset: float) -> None:
    assert_same(said(changed(of, offset=offset)), said(of), offset=True)


@FEW
@given(recorded())
def test_of_which_way_is_better(of: Experiment) -> None:
    assert_same(said(replace(changed(of, unit=-1.0), direction="maximize"), unit=-1.0), said(of))


@FEW
@given(recorded(), st.permutations(range(54)))
def test_of_the_order_of_rows(of: Experiment, order: list[int]) -> None:
    shuffled = tuple(of.studies[place] for place in order if place < len(of.studies))
    assert_same(said(replace(of, studies=shuffled)), said(of))


@FEW
@given(recorded())
def test_of_names(of: Experiment) -> None:
    names = {"zebra": "random", "ant": "tpe", "Mole": "gp"}
    given_names = {old: new for new, old in names.items()}

    def renamed(each: Study) -> Study:
        return replace(each, strategy=given_names[each.strategy], task=f"task {each.task}"[::-1], seed=90 - each.seed)

    assert_same(said(replace(of, studies=tuple(map(renamed, of.studies))), names=names), said(of))
