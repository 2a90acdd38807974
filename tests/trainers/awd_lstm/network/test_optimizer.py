from __future__ import annotations

import pytest
import torch
from torch import nn

from hpo.trainers.awd_lstm.network.fastai import AWD_LSTM, Learner, Optimizer  # noqa: F401  # silences fastai's import
from hpo.trainers.awd_lstm.network.optimizer import FusedAdamW


class Loaders:
    """As much of fastai's DataLoaders as building an optimizer takes."""

    path, train_ds = None, None


def make_learner(opt_func: type, *, wd: float) -> Learner:
    torch.manual_seed(0)
    # no bias before batch norm: its gradient is rounding noise, which Adam magnifies
    model = nn.Sequential(nn.Linear(6, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))

    def split(m: nn.Sequential) -> list[list[nn.Parameter]]:
        return [list(m[0].parameters()), [*m[1].parameters(), *m[3].parameters()]]

    loss_func = nn.functional.cross_entropy
    learner = Learner(Loaders(), model, loss_func, opt_func, splitter=split, wd=wd, default_cbs=False)
    learner.create_opt()
    learner.opt.set_hypers(wd=wd)
    return learner


def train(learner: Learner, n_steps: int, *, first: int = 0) -> None:
    generator = torch.Generator().manual_seed(5)
    ids, labels = torch.randn(100, 16, 6, generator=generator), torch.randint(3, (100, 16), generator=generator)
    for i in range(first, first + n_steps):
        learner.opt.set_hyper("lr", [0.01 * (1 + i % 3), 0.02])
        learner.opt.set_hyper("mom", 0.8 + 0.01 * (i % 5))
        nn.functional.cross_entropy(learner.model(ids[i]), labels[i]).backward()
        learner.opt.step()
        learner.opt.zero_grad()


def difference(a: Learner, b: Learner) -> float:
    pairs = zip(a.model.parameters(), b.model.parameters(), strict=True)
    return max(float((p - q).abs().max().detach()) for p, q in pairs)


@pytest.mark.parametrize("wd", [0.0, 0.01, 0.5])
def test_equals_fastais_adam(wd: float) -> None:
    from fastai.optimizer import Adam

    ours, fastais = make_learner(FusedAdamW, wd=wd), make_learner(Adam, wd=wd)
    for learner in (ours, fastais):
        train(learner, 20)
    assert difference(ours, fastais) < 1e-6


def test_equals_fastais_adam_when_frozen_and_unfrozen() -> None:
    from fastai.optimizer import Adam

    ours, fastais = make_learner(FusedAdamW, wd=0.1), make_learner(Adam, wd=0.1)
    before = ours.model[0].weight.clone()
    for learner in (ours, fastais):
        learner.freeze()
        train(learner, 10)
    assert torch.equal(ours.model[0].weight, before)  # no gradient, no decay
    assert difference(ours, fastais) < 1e-6
    for learner in (ours, fastais):
        learner.unfreeze()  # forgets the moments
        train(learner, 10, first=10)
    assert not torch.equal(ours.model[0].weight, before)
    assert difference(ours, fastais) < 1e-6


def test_biases_and_batch_norm_do_not_decay() -> None:
    learner = make_learner(FusedAdamW, wd=0.5)
    learner.opt.set_hyper("lr", 0.1)
    before = [p.detach().clone() for p in learner.model.parameters()]
    for param in learner.model.parameters():
        param.grad = torch.zeros_like(param)
    learner.opt.step()
    for (name, param), old in zip(learner.model.named_parameters(), before, strict=True):
        kept = 1 - 0.1 * 0.5 if name in ("0.weight", "3.weight") else 1.0
        assert torch.allclose(param, old * kept), name
