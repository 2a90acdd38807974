"""The weights of an encoder, into a network and out of one.

Files are `encoder`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from hpo.encoder import REMEDY, check_fit, read_encoder, read_weights, vocab_digest
from hpo.weights import copy_tensors, named_tensors

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


def pack_encoder(tensors: Mapping[str, Tensor]) -> bytes:
    """Returns tensors as the bytes of a safetensors file."""
    return save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})


def encoder_tensors(body: nn.Module, bias: Tensor) -> dict[str, Tensor]:
    """Returns what is kept of a language model."""
    return {**named_tensors(body), DECODER_BIAS: bias}


def names_of(folder: Path) -> list[str]:
    """Returns the names of the tensors of an encoder."""
    return sorted(load(read_weights(folder)))
