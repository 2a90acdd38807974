from __future__ import annotations

import statistics
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from hpo.contracts.trainer import Reason, TrialRequest
from hpo.trainers.synthetic import Synthetic, SyntheticConfig, expected_loss
from tests.support.trial_requests import Listener, make_request


def make(folder: Path, *, noise: float = 0.0, epoch_s: float = 0.0, **changes: object) -> TrialRequest:
    return make_request(folder, trainer=SyntheticConfig(noise=noise, epoch_s=epoch_s), **changes)


def loss(folder: Path, *, epoch: int = 50, lr: float = 1e-2, **model: object) -> float:
    request = make_request(folder, model={"n_hid": 128, "drop_mult": 0.4, **model}, lr=lr)
    return expected_loss(request.model, request.train, epoch)


def test_has_its_optimum_inside_the_space(tmp_path: Path) -> None:
    lrs = [10 ** (x / 10 - 4) for x in range(41)]
    drops = [x / 20 for x in range(41)]
    assert min(lrs, key=lambda lr: loss(tmp_path, lr=lr)) == pytest.approx(1e-2)
    assert min(drops, key=lambda drop: loss(tmp_path, drop_mult=drop)) == pytest.approx(0.4)
    assert loss(tmp_path, n_hid=1152, lr=5e-3) < loss(tmp_path, n_hid=128) < loss(tmp_path, n_hid=64)
    best_of_large = min(lrs, key=lambda lr: loss(tmp_path, lr=lr, n_hid=1152))
    assert best_of_large < 1e-2  # lr and n_hid interact


def test_more_epochs_help_ever_less(tmp_path: Path) -> None:
    losses = [loss(tmp_path, epoch=epoch) for epoch in range(10)]
    gains = [before - after for before, after in pairwise(losses)]
    assert all(gain > 0 for gain in gains)
    assert gains == sorted(gains, reverse=True)


@pytest.mark.parametrize("lr", [1e-6, 1e-3, 1e-1, 0.99])
@pytest.mark.parametrize("drop_mult", [0.0, 2.0])
@pytest.mark.parametrize("n_hid", [1, 4096])
def test_scores_agree_wherever_one_looks(tmp_path: Path, lr: float, drop_mult: float, n_hid: int) -> None:
    listener = Listener()
    model = {"drop_mult": drop_mult, "n_hid": n_hid}
    Synthetic().train(make(tmp_path, noise=0.3, lr=lr, model=model, epochs=8), listener)
    scores = [report.metrics for report in listener.reports]
    for score in scores:
        assert 0 < score["macro_f1"] < score["accuracy"] < 1
        assert score["valid_loss"] > 0
    by_accuracy = sorted(scores, key=lambda score: score["accuracy"])
    assert by_accuracy == sorted(scores, key=lambda score: -score["valid_loss"])


def test_noise_has_the_deviation_asked_for(tmp_path: Path) -> None:
    accuracies, losses = [], []
    for seed in range(200):
        listener = Listener()
        Synthetic().train(make(tmp_path / f"{seed}", noise=0.02, seed=seed, epochs=1), listener)
        accuracies.append(listener.reports[0].metrics["accuracy"])
        losses.append(listener.reports[0].metrics["valid_loss"])
    clean = Listener()
    Synthetic().train(make(tmp_path / "clean", epochs=1), clean)
    assert statistics.stdev(accuracies) == pytest.approx(0.02, rel=0.2)
    assert statistics.mean(accuracies) == pytest.approx(clean.reports[0].metrics["accuracy"], abs=0.005)


def test_an_epoch_takes_as_long_as_told(tmp_path: Path) -> None:
    started = time.perf_counter()
    listener = Listener()
    Synthetic().train(make(tmp_path, epoch_s=0.05, epochs=2), listener)
    assert time.perf_counter() - started >= 0.1
    assert listener.reports[0].metrics["seconds"] >= 0.05


@pytest.mark.parametrize("lr", [1.0, 50.0, float("nan")])
def test_diverges_from_lr_1_on(tmp_path: Path, lr: float) -> None:
    result = Synthetic().train(make(tmp_path, lr=lr), Listener())
    assert result.reason is Reason.DIVERGED


def test_params_need_not_be_those_of_the_space(tmp_path: Path) -> None:
    request = replace(make(tmp_path), params={})
    assert Synthetic().train(request, Listener()).n_epochs == 3
