"""The targets section: where targets lie, what is printed when they are missed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.records import Experiment
from hpo.report.analysis.regrets import scales
from hpo.report.document.content import Section, Table, Text
from hpo.report.sections.targets import build_targets, log_spaced_targets
from tests.support.noise_experiments import costly, experiment, normal, study, trial


def made(*studies, **changes) -> Experiment:
    of = experiment({"random": normal(), "tpe": normal(-2)}, rng=np.random.default_rng(0))
    return replace(of, **{**({"studies": studies} if studies else {}), **changes})


def rows(section: Section) -> dict[tuple[str, str], list]:
    table = next(each for each in section.blocks if isinstance(each, Table) and each.key == "targets-ert")
    return {(str(row[0]), str(row[2])): list(row) for row in table.rows}


def test_fifty_targets_lie_between_the_random_median_and_the_best_plus_rope() -> None:
    of = made(rope=0.5)
    scale = scales(of)["task"]
    losses = [target.loss for target in log_spaced_targets(of, "task", scale)]
    assert len(losses) == 50
    assert losses[0] == pytest.approx(scale.reference)
    assert losses[-1] == pytest.approx(scale.best + 0.5)
    ratios = np.diff(np.log(np.array(losses) - scale.best))
    assert ratios == pytest.approx(np.full(49, ratios[0]))


def test_expected_running_times_and_their_ratio() -> None:
    of = made(
        study("random", 0, [9, 8, 4, 4]),
        study("random", 1, [9, 8, 8, 8]),
        study("tpe", 0, [9, 4, 4, 4]),
        study("tpe", 1, [4, 4, 4, 2]),
        budget=4,
    )
    found = rows(build_targets(Analysis(of, n_resamples=50)))
    # The median of random search's finals 4 and 8 is 6.
    name, value, strategy, reached, ert, ratio, *_ = found["random search's median final", "random"]
    assert (name, value, strategy) == ("random search's median final", 6, "random")
    assert (reached, ert, ratio) == ("1/2 reached", 3 + 4, None)
    assert found["random search's median final", "tpe"][3:6] == ["2/2 reached", (2 + 1) / 2, pytest.approx(1.5 / 7)]
    assert found["first trial's median", "tpe"][1] == 9
    assert found["best known + ROPE", "random"][3:5] == ["0/2 reached", None]


def test_epochs_are_charged_also_for_failed_trials() -> None:
    slow = replace(study("tpe", 0, []), trials=(trial(0, None, state="FAIL", epochs=5), trial(1, 1.0, epochs=2)))
    of = made(study("random", 0, [3, 2]), slow, unit="epochs", budget=10)
    assert rows(build_targets(Analysis(of, n_resamples=50)))["best known + ROPE", "tpe"][4] == 7


def test_a_faster_strategy_reaches_more_and_is_more_efficient() -> None:
    section = build_targets(Analysis(made(), n_resamples=50))
    numbers = section.numbers
    assert numbers["log_efficiency"]["tpe"] > 0  # type: ignore[index]
    assert numbers["log_efficiency"]["random"] is None  # type: ignore[index]
    assert numbers["reached"]["tpe"]["n"] == 8 * 50  # type: ignore[index]
    assert numbers["reached"]["tpe"]["reached"] > numbers["reached"]["random"]["reached"]  # type: ignore[index]


def test_the_curve_ends_at_the_share_that_was_reached() -> None:
    section = build_targets(Analysis(made(), n_resamples=50))
    figure = next(each for each in section.blocks if getattr(each, "key", None) == "targets")
    for series in figure.views[0].series:  # type: ignore[union-attr]
        reached = section.numbers["reached"][series.name]  # type: ignore[index]
        assert series.y[-1] == pytest.approx(reached["reached"] / reached["n"])


def test_without_random_search_there_is_no_ratio() -> None:
    of = experiment({"tpe": normal(), "gp": normal(-1)}, rng=np.random.default_rng(0))
    found = rows(build_targets(Analysis(of, n_resamples=50)))
    assert {name for name, _ in found} == {"first trial's median", "all strategies' median final", "best known + ROPE"}
    assert all(row[5] is None for row in found.values())


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_values_are_in_units_of_the_metric(direction) -> None:
    of = made(direction=direction)
    value = rows(build_targets(Analysis(of, n_resamples=50)))["best known + ROPE", "tpe"][1]
    best = (min if direction == "minimize" else max)(t.value for s in of.studies for t in s.complete)
    assert value == pytest.approx(best)


def test_little_is_no_obstacle() -> None:
    one = build_targets(Analysis(experiment({"a": normal()}, rng=np.random.default_rng(0), n_seeds=1), n_resamples=50))
    assert rows(one)
    flat = build_targets(Analysis(made(study("random", 0, [5, 5]), study("tpe", 0, [5, 5])), n_resamples=50))
    assert rows(flat)["best known + ROPE", "tpe"][3] == "1/1 reached"
    failed = made(replace(study("a", 0, []), trials=(trial(0, None, state="FAIL"),)))
    (text,) = build_targets(Analysis(failed)).blocks
    assert isinstance(text, Text)


def test_who_is_not_compared_has_not_missed_its_targets() -> None:
    studies = (study("random", 0, [6, 6, 5]), costly("tpe", 0, [1.0], epochs=9))
    of = replace(experiment({"x": normal()}, rng=np.random.default_rng(0)), studies=studies, budget=3, unit="epochs")
    shares = [build_targets(Analysis(replace(of, is_least=is_least))).numbers["reached"] for is_least in (False, True)]
    assert [share["tpe"] for share in shares] == [{"reached": 0, "n": 50}, {"reached": 0, "n": 0}]  # type: ignore[index]
