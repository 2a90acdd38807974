"""The final weights of a trial: `model.safetensors`, and `model.json` saying what network they fit.

Checkpoints during training are `checkpoint`'s.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from hpo.machine.files import hash_bytes, write_atomically, write_json
from hpo.trainers.awd_lstm.network.classifier import Architecture, build_classifier, read_architecture
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
        FileNotFoundError: if there is none; says what helps.
        ValueError: if it is not what the description was written for.
    """
    try:
        description = json.loads((Path(folder) / DESCRIPTION).read_text())
        data = (Path(folder) / WEIGHTS).read_bytes()
        content, digest = description["architecture"], description["sha256"]
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"The weights of this trial are gone: there is no {error.filename}; put the study's folder back as it was, "
            "or train the same configuration again in another study: its params are in the record (hpo show)."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{Path(folder) / DESCRIPTION} is damaged ({error}); train the trial again.") from error
    if hash_bytes(data) != digest:
        raise ValueError(f"{Path(folder) / WEIGHTS} does not match its hash in {DESCRIPTION}; train the trial again.")
    architecture = read_architecture(content)
    return load_network(architecture, data, Path(folder) / WEIGHTS), architecture


def load_network(architecture: Architecture, data: bytes, path: Path) -> nn.Module:
    """Returns the network with the weights in `data`, in evaluation mode, on the CPU.

    It is built once they are known to fit it, so that no description makes it larger than they are.

    Args:
        architecture: What it is built from.
        data: A safetensors file.
        path: Where it was read from.

    Raises:
        ValueError: if they are no weights, of another network, or no numbers.
    """
    try:
        tensors = load(data)
    except SafetensorError as error:
        raise ValueError(f"{path} is no file of weights ({error}); copy it again, or train the trial again.") from error
    with torch.device("meta"), _Unset():
        _check_fit(tensors, build_classifier(architecture))
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise ValueError(f"{path} holds weights that are no finite numbers; train the trial again.")
    with _Unset():
        network = build_classifier(architecture)
    copy_tensors(tensors, network)
    return network.eval()


class _Unset(TorchFunctionMode):
    """Leaves new modules' weights as they are: drawing those of a description alone imports torch's compiler."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__module__", "") == nn.init.__name__:
            return kwargs["tensor"] if kwargs and "tensor" in kwargs else args[0]
        return func(*args, **(kwargs or {}))


def named_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Returns parameters and buffers by name; one that several modules share appears once."""
    return dict([*model.named_parameters(), *model.named_buffers()])


def copy_tensors(tensors: Mapping[str, Tensor], model: nn.Module) -> None:
    """Copies what `named_tensors` gave into `model`.

    Raises:
        ValueError: if names or shapes are not the model's own.
    """
    _check_fit(tensors, model)
    with torch.no_grad():
        for name, tensor in named_tensors(model).items():
            tensor.copy_(tensors[name])


def _check_fit(tensors: Mapping[str, Tensor], model: nn.Module) -> None:
    found, own = ({name: (t.shape, t.dtype) for name, t in of.items()} for of in (tensors, named_tensors(model)))
    if found != own:
        raise ValueError("The weights belong to a network of other sizes; train the trial again.")


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
