from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from hpo.config.training import LrAdapt, Schedule
from hpo.contracts.trainer import TrialRequest
from hpo.trainers.awd_lstm.network.fastai import AWD_LSTM, Learner, Optimizer  # noqa: F401  # silences fastai's import
from hpo.trainers.awd_lstm.network.prodigy import ProdigyW
from hpo.trainers.awd_lstm.trainer import AwdLstm
from tests.support.trial_requests import Listener, PauseAfter, make_request, repeatable, write_corpus

prodigyopt = pytest.importorskip("prodigyopt", reason="an extra: pip install 'hpo-studies[prodigy]'")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "small")


def finding(folder: Path, corpus: Path) -> TrialRequest:
    return make_request(folder, corpus=corpus, lr=1.0, lr_adapt=LrAdapt.prodigy, schedule=Schedule.flat)


def descend(optimizer: Any, weights: nn.Parameter, n_steps: int) -> None:
    for _ in range(n_steps):
        ((weights - 3.0) ** 2).sum().backward()
        optimizer.step()
        optimizer.zero_grad()


@pytest.mark.parametrize("wd", [0.0, 0.1])
def test_equals_the_package(wd: float) -> None:
    ours, theirs = (nn.Parameter(torch.tensor([1.0, -2.0])) for _ in range(2))
    descend(ProdigyW([[ours]], lr=1.0, wd=wd), ours, 60)
    inner = prodigyopt.Prodigy([theirs], lr=1.0, betas=(0.9, 0.99))
    inner.param_groups[0]["weight_decay"] = wd
    descend(inner, theirs, 60)
    assert torch.equal(ours, theirs)
    assert abs(float(ours.detach()[0]) - 3.0) < 1.0


def test_decay_spares_what_fastai_spares() -> None:
    spared, decayed = (nn.Parameter(torch.tensor([2.0])) for _ in range(2))
    optimizer = ProdigyW([[spared, decayed]], lr=1.0, wd=0.5)
    optimizer.state[spared]["do_wd"] = False
    optimizer.find({"d": 0.1, "d_max": 0.1, "d_numerator": 0.0, "k": 0})
    for param in (spared, decayed):
        param.grad = torch.full((1,), 1e-9)
    before = [spared.detach().clone(), decayed.detach().clone()]
    optimizer.step()
    moved = [float((old - new.detach()).abs()) for old, new in zip(before, (spared, decayed), strict=True)]
    assert moved[1] - moved[0] == pytest.approx(0.1 * 0.5 * 2.0, rel=1e-4)


def test_a_pause_anywhere_changes_no_bit(tmp_path: Path, corpus: Path) -> None:
    straight = Listener()
    AwdLstm().train(finding(tmp_path / "straight", corpus), straight)
    for n_batches in (1, 8, 20):
        cut, again = finding(tmp_path / f"cut{n_batches}", corpus), Listener()
        assert AwdLstm().train(cut, Listener(), PauseAfter(n_batches)).paused
        torch.manual_seed(5)
        AwdLstm().train(cut, again)
        assert repeatable(again.reports) == repeatable(straight.reports)
        weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("straight", f"cut{n_batches}")]
        assert weights[0] == weights[1]
    rates = [report.metrics["lr"] for report in straight.reports]
    assert rates == sorted(rates)
    assert rates[-1] > 1e-6  # where it begins
