"""A learner's whole training state as arrays and plain values, and back.

Files are `checkpoint`'s business. After restoring, training goes on bit for bit as if never interrupted.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hpo.artifacts.checkpoint import Array, Checkpoint
from hpo.trainers.awd_lstm.network.fastai import Learner
from hpo.trainers.awd_lstm.network.optimizer import FusedAdamW
from hpo.trainers.awd_lstm.network.prodigy import ProdigyW
from hpo.trainers.awd_lstm.network.weights import copy_tensors, named_tensors


def capture(learner: Learner, order: Mapping[str, object]) -> tuple[dict[str, Array], dict[str, object]]:
    """Returns what a Checkpoint takes as tensors and state; `order` is the state of the data order's generator.

    Tensors: weights, optimizer moments, torch's generators. State: the generator of the data's order,
    Python's and numpy's global ones, the loss scale of fp16. The schedule follows from the epoch.
    """
    named = [(f"model.{name}", tensor) for name, tensor in named_tensors(learner.model).items()]
    named += [*_moments(learner.opt), ("random.torch", torch.get_rng_state())]
    if _device(learner.model).type == "cuda":
        named.append(("random.cuda", torch.cuda.get_rng_state(_device(learner.model))))
    tensors = {name: tensor.detach().cpu().numpy() for name, tensor in named}
    scaler = getattr(learner, "scaler", None)
    found = {"found": learner.opt.found()} if isinstance(learner.opt, ProdigyW) else {}
    return tensors, {**_capture_random(order), "scaler": scaler.state_dict() if scaler else {}, **found}


def restore(checkpoint: Checkpoint, learner: Learner, order: np.random.Generator, *, with_moments: bool) -> None:
    """Puts everything back but the weights; without moments where a new fit begins with new ones."""
    if with_moments:
        _restore_moments(learner.opt, checkpoint.tensors)
        if checkpoint.state["scaler"]:
            learner.scaler.load_state_dict(checkpoint.state["scaler"])
        if isinstance(learner.opt, ProdigyW):
            learner.opt.find(checkpoint.state["found"])  # type: ignore[arg-type]  # it is as it was saved
    torch.set_rng_state(torch.from_numpy(checkpoint.tensors["random.torch"].copy()))
    if "random.cuda" in checkpoint.tensors and _device(learner.model).type == "cuda":
        torch.cuda.set_rng_state(torch.from_numpy(checkpoint.tensors["random.cuda"].copy()), _device(learner.model))
    _restore_random(checkpoint.state, order)


def restore_weights(model: nn.Module, checkpoint: Checkpoint) -> None:
    """Copies weights and buffers into `model`."""
    arrays = {name: array for name, array in checkpoint.tensors.items() if name.startswith("model.")}
    copy_tensors({name.removeprefix("model."): torch.from_numpy(array) for name, array in arrays.items()}, model)


def _moments(optimizer: FusedAdamW | ProdigyW) -> Iterator[tuple[str, Tensor]]:
    for index, param in enumerate(_params(optimizer)):
        for key in optimizer.moments:
            if key in optimizer.state[param]:  # a frozen parameter has none
                yield f"optimizer.{index}.{key}", optimizer.state[param][key]


def _restore_moments(optimizer: FusedAdamW | ProdigyW, tensors: Mapping[str, Array]) -> None:
    params = _params(optimizer)
    for name, array in tensors.items():
        match name.split("."):
            case ["optimizer", index, key]:
                param = params[int(index)]
                optimizer.state[param][key] = torch.from_numpy(array.copy()).to(param.device)


def _params(optimizer: FusedAdamW | ProdigyW) -> list[nn.Parameter]:
    return [param for group in optimizer.param_lists for param in group]


def _capture_random(order: Mapping[str, object]) -> dict[str, object]:
    kind, words, *rest = np.random.get_state(legacy=True)
    return {
        "order": dict(order),
        "python": random.getstate(),
        "numpy": [kind, np.asarray(words).tolist(), *rest],
    }


def _restore_random(state: Mapping[str, Any], order: np.random.Generator) -> None:
    order.bit_generator.state = state["order"]
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device
