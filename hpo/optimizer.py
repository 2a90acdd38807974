"""AdamW in one fused kernel that, like fastai's own, leaves batch-norm and linear biases undecayed.

The schedule of its hyperparameters lives in `fits`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from hpo.fastai_api import OptimWrapper, norm_bias_params

_BETAS, _EPS = (0.9, 0.99), 1e-5  # the defaults of fastai.optimizer.Adam


class FusedAdamW(torch.optim.AdamW):
    """AdamW (Loshchilov & Hutter, 2019) whose decay spares `undecayed` and parameters without a gradient.

    The decay `p *= 1 - lr * decay` precedes the step, as in fastai. torch's own `weight_decay` stays
    0: it knows one value per group, and fastai's groups mix weights with biases.
    """

    def __init__(
        self, params: Iterable[dict[str, Any]], *, lr: float, decay: float, undecayed: Iterable[nn.Parameter]
    ) -> None:
        super().__init__(params, lr=lr, betas=_BETAS, eps=_EPS, weight_decay=0.0, fused=True)
        self._decay = decay
        spared = {id(param) for param in undecayed}
        self._decayed = [[p for p in group["params"] if id(p) not in spared] for group in self.param_groups]

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # nobody passes a closure
        if self._decay:
            for group, params in zip(self.param_groups, self._decayed, strict=True):
                trained = [param for param in params if param.grad is not None]
                if trained:
                    torch._foreach_mul_(trained, 1.0 - float(group["lr"]) * self._decay)
        super().step(closure)


def build_opt_func(model: nn.Module, *, decay: float) -> Callable[..., OptimWrapper]:
    """Returns what a Learner over `model` takes as `opt_func`: (parameter groups, lr) -> optimizer."""
    # fastai.torch_core.norm_bias_params also collects the flag `nn.LSTM.bias`, which is a bool
    undecayed = [param for param in norm_bias_params(model, with_bias=True) if isinstance(param, nn.Parameter)]

    def opt_func(groups: Iterable[Iterable[nn.Parameter]], lr: float) -> OptimWrapper:
        params = [{"params": list(group)} for group in groups]
        return OptimWrapper(opt=FusedAdamW(params, lr=lr, decay=decay, undecayed=undecayed))

    return opt_func
