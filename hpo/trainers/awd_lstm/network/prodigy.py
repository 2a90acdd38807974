"""Prodigy inside fastai's optimizer: Adam that finds its learning rate while it trains (Mishchenko and Defazio 2024).

The arithmetic is that of the package prodigyopt. Groups, freezing and what decay spares are fastai's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torch import nn

from hpo.trainers.awd_lstm.network.fastai import Optimizer

_EPS = 1e-8  # the package's
_FOUND = ("d", "d_max", "d_numerator", "k")  # of a group, what a step leaves beside the states of its parameters


class ProdigyW(Optimizer):  # type: ignore[misc]  # fastai is untyped
    """Prodigy with decoupled decay; `lr` is the share of the rate found that is taken, 1 as a rule.

    The estimate begins at 1e-6 and grows for about a hundred steps; with a schedule that warms up it stays far too low.
    """

    moments = ("s", "p0", "exp_avg", "exp_avg_sq")  # what a step leaves in a parameter's state

    def __init__(self, params: Sequence[Iterable[nn.Parameter]], lr: float, wd: float = 0.01) -> None:
        super().__init__(params, cbs=[], lr=lr, mom=0.9, sqr_mom=0.99, eps=_EPS, wd=wd)
        self._found: dict[str, float] = {}
        self._inner: Any = None  # made where the first step is, when it is known what decay spares

    @property
    def rate(self) -> float:
        """The learning rate found so far."""
        return float(self.found().get("d", 0.0))

    def step(self) -> None:
        inner = self._inner = self._inner or self._make()
        for group in inner.param_groups:
            hyper = self.hypers[group["index"]]
            group["lr"], group["betas"] = float(hyper["lr"]), (float(hyper["mom"]), float(hyper["sqr_mom"]))
            group["weight_decay"] = hyper["wd"] if group["is_decayed"] else 0.0
        inner.step()

    def zero_grad(self) -> None:
        for group in self.param_lists:
            for param in group:
                param.grad = None

    def clear_state(self) -> None:
        """Forgets what was found: a fit begins anew."""
        super().clear_state()
        self._inner, self._found = None, {}

    def found(self) -> dict[str, float]:
        """Returns what a step leaves beside the states of the parameters, as JSON."""
        return {key: self._inner.param_groups[0][key] for key in _FOUND} if self._inner else dict(self._found)

    def find(self, found: dict[str, float]) -> None:
        """Goes on from what `found` returned; the states of the parameters are put back by themselves."""
        self._inner, self._found = None, dict(found)

    def _make(self) -> Any:
        from prodigyopt import Prodigy

        groups = [
            {"params": params, "index": index, "is_decayed": is_decayed}
            for index, group in enumerate(self.param_lists)
            for is_decayed in (True, False)
            if (params := [param for param in group if self.state[param].get("do_wd", True) is is_decayed])
        ]
        inner = Prodigy(groups, lr=1.0, eps=_EPS)
        for group in inner.param_groups:
            group.update(self._found)
            for param in group["params"]:
                state = self.state[param]
                if self._found and "s" in state:
                    state["step"] = self._found["k"]  # it is never read, but says that there is a state
                inner.state[param] = state
        return inner
