"""How well early values foretell final ones: by hand, against loops, and on recorded tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hpo.figures.figure import Figure
from hpo.report.analysis.records import Study, Trial
from hpo.report.document.content import Table, Text
from hpo.report.sections.pruning_foresight import build_correlation, foresights, top_overlap
from tests.support import ROOT
from tests.support.search_experiments import make_experiment, make_study, several

TABLES = sorted((ROOT.parent / "shared/tables/taskset").glob("*.parquet"))
GOLDENS = {2: (0.69, 0.85), 4: (0.78, 0.89), 6: (0.81, 0.91), 11: (0.85, 0.94), 26: (0.90, 0.98)}


def trial(number: int, *curve: float, state: str = "COMPLETE") -> Trial:
    return Trial(number, state, curve[-1], len(curve), 1.0, 1.0 + number, {"x": number}, curve)


def study(*trials: Trial, pruner: str = "none", name: str = "random") -> Study:
    return Study(name, "", name, 0, trials, facts={"pruner": pruner})


def test_ranks_of_each_epoch_against_the_last() -> None:
    # After epoch 1 the order of the final values 1..5 is turned round but for its ends; after epoch 2 it is the final.
    trials = [trial(n, early, n, n) for n, early in enumerate([1.0, 4.0, 3.0, 2.0, 5.0], start=1)]
    (found,) = foresights(make_experiment([study(*trials)]), "")
    assert (found.n_epochs, found.n_trials) == (3, 5)
    assert found.spearman == pytest.approx([0.6, 1.0, 1.0])  # 1 - 6 * (2² + 2²) / (5 * 24)
    assert found.kendall == pytest.approx([0.4, 1.0, 1.0])  # 7 pairs in order, 3 not
    assert found.overlap == (1.0, 1.0, 1.0)


def test_the_best_tenth_is_counted_by_direction() -> None:
    final = np.arange(20.0)
    assert top_overlap(-final, -final) == 1.0
    assert top_overlap(-final, final) == 0.0
    half = np.where(final == 1, 99.0, final)
    assert top_overlap(half, final) == 0.5  # of trials 0 and 1, the best two, one is among the early best


@pytest.mark.parametrize(("direction", "overlap"), [("minimize", 1.0), ("maximize", 0.0)])
def test_best_is_what_the_direction_says(direction, overlap) -> None:
    # The lowest stays the lowest, the highest does not stay the highest.
    trials = [trial(n, early, n) for n, early in enumerate([1.0, 2.0, 5.0, 4.0, 3.0], start=1)]
    (found,) = foresights(make_experiment([study(*trials)], direction=direction), "")
    assert found.overlap[0] == overlap


def test_trials_of_different_lengths_are_not_compared() -> None:
    short = [trial(n, n, n) for n in range(5)]
    long = [trial(10 + n, 1.0, 1.0 + n % 2, float(n)) for n in range(6)]
    found = foresights(make_experiment([study(*short, *long)]), "")
    assert [(one.n_epochs, one.n_trials) for one in found] == [(2, 5), (3, 6)]
    assert found[1].spearman[0] is None  # all equal after epoch 1
    text = build_correlation(make_experiment([study(*short, *long)])).blocks[0]
    assert isinstance(text, Text)
    assert "same number of epochs" in text.text


def test_studies_that_prune_are_used_only_where_there_is_no_other() -> None:
    survivors = study(*(trial(n, n, n) for n in range(8)), pruner="asha", name="pruned")
    whole = study(*(trial(n, -n, n) for n in range(6)))
    (both,) = foresights(make_experiment([survivors, whole]), "")
    (alone,) = foresights(make_experiment([survivors]), "")
    assert both.spearman[0] == pytest.approx(-1)
    assert alone.spearman[0] == pytest.approx(1)
    text = build_correlation(make_experiment([survivors])).blocks[0]
    assert isinstance(text, Text)
    assert "stopped early are missing" in text.text


def test_one_training_counts_once() -> None:
    one = study(*(trial(n, n, n) for n in range(6)))
    (found,) = foresights(make_experiment([one, replace(one, name="again", strategy="tpe")]), "")
    assert found.n_trials == 6


def test_too_few_trials_are_a_sentence() -> None:
    section = build_correlation(make_experiment([study(*(trial(n, n, n) for n in range(4)))]))
    assert len(section.blocks) == 1
    assert section.numbers == {}


def test_the_table_and_figure_hold_every_length() -> None:
    blocks = build_correlation(several(tasks=("a", "b"))).blocks
    table, figure = (next(b for b in blocks if isinstance(b, kind)) for kind in (Table, Figure))
    assert isinstance(table, Table)
    assert isinstance(figure, Figure)
    assert {(row[0], row[1]) for row in table.rows} == {(task, n) for task in "ab" for n in (3, 4, 5)}
    assert [view.label for view in figure.views] == ["Spearman", "Kendall", "top 10 %"]
    assert len(figure.views[0].y.categories) == 6
    assert len(make_study("random", 0).trials) == 20


@pytest.mark.parametrize("path", TABLES or [None], ids=lambda path: path.stem if path else "absent")
def test_recorded_tables_have_the_published_correlations(path) -> None:
    if path is None:
        pytest.skip("the recorded tables are not beside this checkout (../shared/tables/taskset)")
    curves = np.stack(pd.read_parquet(path)["valid_loss"].tolist())
    curves = curves[np.isfinite(curves).all(axis=1)]
    trials = [trial(number, *curve) for number, curve in enumerate(curves.tolist())]
    (found,) = foresights(make_experiment([study(*trials)]), "")
    for epoch, (low, high) in GOLDENS.items():
        spearman = found.spearman[epoch - 1]
        assert spearman is not None
        assert low - 0.005 <= spearman <= high + 0.005, f"{path.stem}, checkpoint {epoch}"
