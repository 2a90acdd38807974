"""Optuna's figures drawn from records."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.contracts.records import COMPLETE, FAIL, PRUNED, RUNNING, TrialRecord
from hpo.tracking.plots import write_plots
from tests.support.mlflow_contents import make_study, make_trial

SPACE = {
    "train.lr": FloatDistribution(1e-4, 1.0, log=True),
    "model.n_hid": IntDistribution(8, 64),
    "model.kind": CategoricalDistribution(["a", "b"]),
    "model.extra": FloatDistribution(0, 1),
}
HOSTILE = '"><img src=x onerror=alert(1)></script>'
ALL = {"optimization_history", "intermediate_values", "param_importances", "slice", "parallel_coordinate"}


def some_trials(n_trials: int = 12) -> list[TrialRecord]:
    states = [COMPLETE, COMPLETE, PRUNED, FAIL]
    return [make_trial(n, states[n % 4], params=some_params(n), value=0.1 * (n % 5)) for n in range(n_trials)]


def some_params(number: int) -> dict[str, float | int | str | bool | None]:
    params = {"train.lr": 0.01 * (number + 1), "model.n_hid": 8 + number, "model.kind": "ab"[number % 2]}
    return params | ({"model.extra": 0.5} if number % 2 else {})


def test_every_figure_of_a_real_study_is_drawn_again_identically(tmp_path: Path) -> None:
    trials = [*some_trials(), make_trial(12, RUNNING)]
    first = write_plots(make_study(tmp_path), trials, SPACE, tmp_path / "a")
    again = write_plots(make_study(tmp_path), trials, SPACE, tmp_path / "b")
    assert {path.stem for path in first} == ALL
    for one, other in zip(first, again, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert "PED-ANOVA" in (tmp_path / "a" / "param_importances.html").read_text()


def test_a_page_needs_no_network_and_little_room(tmp_path: Path) -> None:
    for path in write_plots(make_study(tmp_path), some_trials(), SPACE, tmp_path / "a"):
        page = path.read_text()
        assert "<script src=" not in page
        assert "default-src 'none'" in page
        assert len(page) < 2_200_000


def test_a_name_cannot_break_out_of_the_page(tmp_path: Path) -> None:
    study = make_study(tmp_path, name=HOSTILE)
    for path in write_plots(study, some_trials(), SPACE, tmp_path / "a"):
        assert "<img src=x" not in path.read_text()


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on PATH to draw the page")
def test_a_browser_draws_the_page(tmp_path: Path) -> None:
    trials = [replace(trial, params={HOSTILE: 0.1 * trial.number}) for trial in some_trials()]
    paths = write_plots(make_study(tmp_path, name=HOSTILE), trials, {HOSTILE: FloatDistribution(0, 9)}, tmp_path)
    page = next(path for path in paths if path.stem == "slice")
    arguments = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile", "--dump-dom"]
    command = ["chromium", *arguments, "--virtual-time-budget=20000", page.as_uri()]
    drawn = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    assert 'class="main-svg"' in drawn
    assert "alert(1)" in drawn
    assert "<img src=" not in drawn


@pytest.mark.parametrize(
    ("trials", "names"),
    [
        ([], set()),
        ([make_trial(0)], set()),
        ([make_trial(0, FAIL), make_trial(1, PRUNED), make_trial(2)], set()),
        ([make_trial(n, value=0.5) for n in range(3)], ALL - {"param_importances"}),
        ([make_trial(n, n_epochs=0) for n in range(3)], ALL - {"intermediate_values"}),
        ([make_trial(n, params={}) for n in range(3)], {"optimization_history", "intermediate_values"}),
        ([make_trial(n, params={"train.lr": 0.1}) for n in range(3)], ALL - {"param_importances"}),
        ([make_trial(n) for n in range(2)], ALL),
    ],
)
def test_figures_that_make_no_sense_are_left_out(trials: list[TrialRecord], names: set[str], tmp_path: Path) -> None:
    assert {path.stem for path in write_plots(make_study(tmp_path), trials, SPACE, tmp_path)} == names


def test_a_param_unknown_to_the_space_is_left_out(tmp_path: Path) -> None:
    paths = write_plots(make_study(tmp_path), [make_trial(n) for n in range(3)], {}, tmp_path)
    assert {path.stem for path in paths} == {"optimization_history", "intermediate_values"}
