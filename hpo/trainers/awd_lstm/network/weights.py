"""The final weights of a trial: `model.safetensors`, and `model.json` saying what network they fit.

Checkpoints during training are `checkpoint`'s.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from hpo.machine.files import hash_bytes, write_atomically, write_json
from hpo.trainers.awd_lstm.network.classifier import Architecture, build_classifier
from hpo.trainers.awd_lstm.network.encoder import REMEDY, check_fit, read_encoder, read_weights, vocab_digest

WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"


def count_params(model: nn.Module) -> int:
    """Returns the number of trainable scalars."""
    return sum(param.numel() for param in model.parameters())


def save_weights(folder: str, model: nn.Module, architecture: Architecture) -> None:
    """Writes the weights, then the description that vouches for them."""
    data = pack(named_tensors(model))
    write_atomically(Path(folder) / WEIGHTS, data)
    description = {"architecture": asdict(architecture), "sha256": hash_bytes(data), "n_params": count_params(model)}
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


DECODER_BIAS = "decoder.bias"  # kept beside the body, for language models that begin with it


def copy_encoder(folder: str, body: nn.Module, vocab: Sequence[str], *, bias: Tensor | None = None) -> None:
    """Copies the weights of an encoder into the body of a network, and its decoder's bias into `bias`.

    Raises:
        ValueError: if it is damaged, or of another architecture or vocabulary.
    """
    check_fit(folder, read_encoder(folder), vocab=vocab_digest(vocab))
    try:
        tensors = load(read_weights(folder))
    except SafetensorError as error:
        raise ValueError(f"model.encoder={folder} is no file of weights ({error}); {REMEDY}.") from error
    found = tensors.pop(DECODER_BIAS, None)
    copy_tensors(tensors, body)
    if bias is not None and found is not None:
        with torch.no_grad():
            bias.copy_(found)


def pack(tensors: Mapping[str, Tensor]) -> bytes:
    """Returns tensors as the bytes of a safetensors file."""
    return save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
