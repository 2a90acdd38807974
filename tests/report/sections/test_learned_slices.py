"""Slices and parallel coordinates: which trials are drawn, and where."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpo.figures.figure import Figure
from hpo.figures.geometry import check_figure, lay_out
from hpo.report.sections.learned import MAX_POINTS, N_BEST, build_parallel, build_slices, top_trials
from tests.support.search_experiments import SPACE, make_experiment, make_study, several


def view_of(figure: Figure, label: str):
    return next(view for view in figure.views if view.label == label)


def test_a_slice_has_a_view_a_param_on_its_own_scale() -> None:
    (figure,) = build_slices(several(), {"": SPACE})
    assert [view.label for view in figure.views] == list(SPACE)
    assert view_of(figure, "train.lr").x.is_log
    assert not view_of(figure, "model.drop_mult").x.is_log
    assert list(view_of(figure, "model.kind").x.categories) == ["awd", "qrnn"]
    series = view_of(figure, "train.lr").series
    assert [one.strategy for one in series] == ["random", "random+asha", "tpe", "tpe+asha"]
    assert len(series[0].x) == 80
    assert len(series[1].x) == 56  # pruned trials have no final value


def test_the_points_of_a_long_search_are_thinned() -> None:
    (figure,) = build_slices(make_experiment([make_study("tpe", 0, n_trials=700)]), {"": SPACE})
    assert len(figure.views[0].series[0].x) == MAX_POINTS


def test_every_task_has_a_figure_with_a_key_of_its_own() -> None:
    figures = build_slices(several(tasks=("a", "b"), n_seeds=1), dict.fromkeys("ab", SPACE))
    assert [figure.key for figure in figures] == ["learned_slice", "learned_slice_2"]


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_best_trials_are_different_and_best_first(direction) -> None:
    experiment = several(direction=direction)
    top = top_trials(experiment, "")
    assert len(top) == N_BEST
    losses = [experiment.sign * (trial.value or 0) for _, trial in top]
    assert losses == sorted(losses)
    assert losses[0] == min(experiment.sign * (t.value or 0) for s in experiment.studies for t in s.complete)
    assert len({tuple(trial.params.values()) for _, trial in top}) == N_BEST


def test_lines_run_through_the_unit_cube_with_gaps_for_missing_params() -> None:
    study = make_study("random", 0)
    less = tuple(
        replace(t, params={path: value for path, value in t.params.items() if path != "model.drop_mult"})
        for t in study.trials
    )
    (figure,) = build_parallel(make_experiment([replace(study, trials=less)]), {"": SPACE})
    assert figure is not None
    line = figure.views[0].series[0]
    assert list(line.x) == list(SPACE)
    assert line.y[1] is None
    assert all(0 <= place <= 1 for place in line.y if isinstance(place, float))


def test_every_figure_can_be_laid_out() -> None:
    experiment = several()
    (parallel,) = build_parallel(experiment, {"": SPACE})
    assert [view.label for view in parallel.views] == [f"best {N_BEST} trials", "best of each study"]
    for figure in (*build_slices(experiment, {"": SPACE}), parallel):
        check_figure(figure)
        for view in figure.views:
            lay_out(view)


def test_one_param_needs_no_lines() -> None:
    experiment = several(n_seeds=1)
    assert build_parallel(experiment, {"": {"train.lr": SPACE["train.lr"]}}) == []
