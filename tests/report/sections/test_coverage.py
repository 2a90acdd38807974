"""Coverage of the space: clusters are told from even places."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from optuna.distributions import FloatDistribution
from scipy.stats import qmc

from hpo.report.analysis.spaces import draw_places, space_of
from hpo.report.document.content import Table, Text
from hpo.report.sections.coverage import (
    DRAWN,
    MAX_PLACES,
    build_coverage,
    centred_discrepancy,
    measure,
    shared_params,
)
from hpo.report.sections.series import evenly
from tests.support.search_experiments import SPACE, make_experiment, make_study, several

SQUARE = {"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(0.0, 1.0)}
PROBES = draw_places(SQUARE, 500, np.random.default_rng(0))


def test_a_known_square() -> None:
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]])
    found = measure(corners, SQUARE, PROBES, 2.0)
    assert (found.n_places, found.n_different) == (5, 4)
    assert found.neighbour == pytest.approx((3 * 0.5 + 0 + 0) / 5)
    assert found.discrepancy == pytest.approx(float(qmc.discrepancy(corners)) ** 0.5 / 2)
    assert found.gap == pytest.approx(0.25, abs=0.02)  # the mean of two means of distances to the nearer end
    assert found.visited == pytest.approx(4 * 0.5 * 0.2**2, abs=0.03)  # four triangles with legs of .2


def test_a_cluster_covers_less_than_even_places() -> None:
    even = qmc.Sobol(2, rng=0).random(64)
    cluster = 0.5 + 0.05 * (even - 0.5)
    reference = centred_discrepancy(PROBES[:64])
    ones, others = (measure(places, SQUARE, PROBES, reference) for places in (even, cluster))
    assert ones.discrepancy is not None
    assert others.discrepancy is not None
    assert ones.discrepancy < 1 < others.discrepancy
    assert ones.visited > 0.9 > 0.15 > others.visited
    assert ones.gap < others.gap


def test_the_discrepancy_of_one_place_in_the_middle() -> None:
    assert centred_discrepancy(np.array([[0.5]])) == pytest.approx((1 / 12) ** 0.5)  # 13/12 - 2 + 1


def test_one_place_has_no_neighbour() -> None:
    found = measure(np.array([[0.5, 0.5]]), SQUARE, PROBES, None)
    assert (found.discrepancy, found.neighbour) == (None, None)


def test_random_search_is_as_even_as_random() -> None:
    experiment = several()
    section = build_coverage(experiment, {"": space_of(experiment, "")}, np.random.default_rng(0))
    found = section.numbers["all trials"]
    assert set(found) == {*experiment.strategies, DRAWN}  # type: ignore[arg-type]
    assert found["random"].discrepancy == pytest.approx(1, abs=0.25)  # type: ignore[index]
    (table,) = section.blocks
    assert isinstance(table, Table)
    assert len(table.rows) == 5


def test_params_that_some_trials_lack_are_left_out_and_named() -> None:
    study = make_study("random", 0)
    first, *rest = study.trials
    less = replace(first, params={path: v for path, v in first.params.items() if path != "model.kind"})
    experiment = make_experiment([replace(study, trials=(less, *rest))])
    assert "model.kind" not in shared_params(experiment, "", SPACE)
    section = build_coverage(experiment, {"": SPACE}, np.random.default_rng(0))
    note = section.blocks[-1]
    assert isinstance(note, Text)
    assert "model.kind" in note.text


def test_without_shared_params_a_sentence() -> None:
    study = make_study("random", 0)
    bare = replace(study, trials=tuple(replace(trial, params={}) for trial in study.trials))
    section = build_coverage(make_experiment([bare]), {"": {}}, np.random.default_rng(0))
    assert [type(block) for block in section.blocks] == [Text]


def test_thinning_keeps_the_order_and_the_ends_of_a_long_study() -> None:
    places = np.linspace(0, 1, 1000)[:, None]
    kept = places[evenly(range(len(places)), MAX_PLACES)]
    assert len(kept) == MAX_PLACES
    assert (np.diff(kept[:, 0]) > 0).all()
    assert kept[-1, 0] > 0.99
