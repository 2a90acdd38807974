"""The final weights of a trial: `model.safetensors`, and `model.json` saying what network they fit.

Checkpoints during training are `checkpoint`'s.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from hpo.classifier import Architecture, build_classifier
from hpo.files import hash_bytes, write_atomically, write_json

WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"


def count_params(model: nn.Module) -> int:
    """Returns the number of trainable scalars."""
    return sum(param.numel() for param in model.parameters())


def save_weights(folder: str, model: nn.Module, architecture: Architecture) -> None:
    """Writes the weights, then the description that vouches for them."""
    data = save({name: tensor.detach().cpu() for name, tensor in named_tensors(model).items()})
    write_atomically(Path(folder) / WEIGHTS, data)
    description = {"architecture": architecture.as_plain, "sha256": hash_bytes(data), "n_params": count_params(model)}
    write_json(Path(folder) / DESCRIPTION, description)


def load_weights(folder: str) -> tuple[nn.Module, Architecture]:
    """Returns the network that `save_weights` left in `folder`, in evaluation mode, on the CPU.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if the weights are not those the description was written for.
    """
    description = json.loads((Path(folder) / DESCRIPTION).read_text())
    data = (Path(folder) / WEIGHTS).read_bytes()
    if hash_bytes(data) != description["sha256"]:
        raise ValueError(f"{Path(folder) / WEIGHTS} does not match its hash in {DESCRIPTION}; train the trial again.")
    architecture = Architecture(**description["architecture"])
    model = build_classifier(architecture)
    copy_tensors(load(data), model)
    return model.eval(), architecture


def named_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Returns parameters and buffers by name; one that several modules share appears once."""
    return dict([*model.named_parameters(), *model.named_buffers()])


def copy_tensors(tensors: Mapping[str, Tensor], model: nn.Module) -> None:
    """Copies what `named_tensors` gave into `model`.

    Raises:
        ValueError: if names or shapes are not the model's own.
    """
    own = named_tensors(model)
    if {name: t.shape for name, t in tensors.items()} != {name: t.shape for name, t in own.items()}:
        raise ValueError("The weights belong to a network of other sizes; train the trial again.")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(tensors[name])
