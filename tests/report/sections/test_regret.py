"""The regret section: what it draws and prints."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hpo.figures.figure import Figure
from hpo.figures.geometry import check_figure
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Section, Table, Text
from hpo.report.sections.regret import build_regret
from tests.support.noise_experiments import costly, experiment, normal, study, trial


def made(*, n_seeds: int = 8, **changes) -> Experiment:
    strategies = {"random": normal(), "tpe": normal(-2)}
    return experiment(strategies, rng=np.random.default_rng(0), n_seeds=n_seeds, **changes)


def block(section: Section, key: str):
    return next(each for each in section.blocks if getattr(each, "key", None) == key)


def test_the_better_strategy_has_less_regret_a_lower_rank_and_a_smaller_area() -> None:
    numbers = build_regret(Analysis(made(), n_resamples=100)).numbers
    for key in ("area_over_log_budget", "final_mean_rank_of_incumbents"):
        assert numbers[key]["tpe"] < numbers[key]["random"]  # type: ignore[index]
    assert numbers["final_mean_regret"]["tpe"]["task"] < numbers["final_mean_regret"]["random"]["task"]  # type: ignore[index]
    assert sum(numbers["final_mean_rank_of_incumbents"].values()) == pytest.approx(3)  # type: ignore[attr-defined]


def test_figures_have_a_logarithmic_axis_and_views_of_mean_and_iqm() -> None:
    section = build_regret(Analysis(made(), n_resamples=100))
    figure = block(section, "regret")
    assert isinstance(figure, Figure)
    assert [view.label for view in figure.views] == ["mean", "IQM"]
    assert figure.views[0].y.is_log
    assert block(section, "rank").views[0].y.is_reversed


def test_thin_lines_keep_every_change_and_the_end() -> None:
    of = made(n_seeds=1)
    series = block(build_regret(Analysis(of, n_resamples=50)), "regret").views[0].series
    line = next(one for one in series if one.kind == "thin" and one.strategy == "tpe")
    values = np.minimum.accumulate([t.value for t in of.of(strategy="tpe")[0].trials])
    assert len(set(line.y)) == len(set(values))
    assert line.x[-1] == 12


def test_areas_carry_an_interval_over_seeds() -> None:
    table = block(build_regret(Analysis(made(), n_resamples=200)), "regret-area")
    assert isinstance(table, Table)
    for _, n, typical, low, high in table.rows:
        assert n == 8
        assert low < typical < high


def test_several_tasks_have_a_map_with_raw_numbers() -> None:
    of = made(n_seeds=2, tasks=["t", "u"])
    (cells,) = (
        block(build_regret(Analysis(of, n_resamples=50)), "tasks").views[0].series
    )  # one: their text is sized together
    assert list(zip(cells.x, cells.y, strict=True)) == [(t, s) for t in ("t", "u") for s in ("random", "tpe")]
    assert list(cells.z)[:2] == [0.0, 1.0]
    final = np.mean([min(t.value for t in s.trials) for s in of.of(task="t", strategy="tpe")])
    assert cells.text[1] == f"{final:.4g}"


def test_higher_is_better_when_maximising() -> None:
    numbers = build_regret(Analysis(replace(made(), direction="maximize"), n_resamples=50)).numbers
    assert numbers["final_mean_rank_of_incumbents"]["random"] < numbers["final_mean_rank_of_incumbents"]["tpe"]  # type: ignore[index]
    assert numbers["scales"]["task"]["best_known"] > numbers["scales"]["task"]["reference"]  # type: ignore[index]


@pytest.mark.parametrize("n_seeds", [1, 5])
def test_few_seeds_have_no_band(n_seeds: int) -> None:
    series = block(build_regret(Analysis(made(n_seeds=n_seeds), n_resamples=50)), "regret").views[0].series
    assert {one.kind for one in series} == {"thin", "points"}


def test_nothing_complete_is_said() -> None:
    of = replace(made(), studies=(replace(study("a", 0, []), trials=(trial(0, None, state="FAIL"),)),))
    (text,) = build_regret(Analysis(of)).blocks
    assert isinstance(text, Text)
    assert "No trial is COMPLETE" in text.text


def test_one_strategy_has_no_ranks() -> None:
    of = experiment({"a": normal()}, rng=np.random.default_rng(0))
    assert not any(getattr(each, "key", None) == "rank" for each in build_regret(Analysis(of, n_resamples=50)).blocks)


def test_the_same_records_give_the_same_section() -> None:
    assert build_regret(Analysis(made(), n_resamples=50)) == build_regret(Analysis(made(), n_resamples=50))


def test_a_strategy_of_which_nothing_is_compared_has_dashes() -> None:
    late = tuple(costly("tpe", seed, [1.0], epochs=90) for seed in range(8))
    of = experiment({"random": normal()}, rng=np.random.default_rng(0), unit="epochs", is_least=True)
    section = build_regret(Analysis(replace(of, studies=(*of.studies, *late)), n_resamples=50))
    assert section.numbers["final_mean_regret"]["tpe"] == {}  # type: ignore[index]
    assert section.numbers["final_mean_rank_of_incumbents"] == {"random": None, "tpe": None}
    for block in section.blocks:
        if isinstance(block, Figure):
            check_figure(block)
