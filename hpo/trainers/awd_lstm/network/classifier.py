"""The AWD-LSTM text classifier: fastai's network with three of its parts replaced by equals.

The replacements keep fastai's distributions, initial weights and state_dict keys. No training here; how two of them
make an ensemble is `ensemble`'s business.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from hpo.config.schema import ModelConfig, TrainConfig
from hpo.config.training import Sizes
from hpo.trainers.awd_lstm.network.batches import PAD
from hpo.trainers.awd_lstm.network.body import build_body
from hpo.trainers.awd_lstm.network.encoder import sizes_of
from hpo.trainers.awd_lstm.network.ensemble import Ensemble
from hpo.trainers.awd_lstm.network.fastai import (
    PoolingLinearClassifier,
    SentenceEncoder,
    SequentialRNN,
    awd_lstm_clas_config,
)

MAX_SIZE = 2**31 - 1
MAX_LAYERS = 100  # more than anybody's; each is a module that takes its time to make
_HEAD_WIDTH, _HEAD_DROPOUT = 50, 0.1  # the defaults of fastai.text.models.core.get_text_classifier


@dataclass(frozen=True)
class Architecture:
    """Everything `build_classifier` needs; written beside the weights so that they can be loaded again."""

    n_vocab: int
    n_classes: int
    emb_sz: int
    n_hid: int
    n_layers: int
    drop_mult: float
    bptt: int
    max_len: int
    bidir: bool = False


def read_architecture(content: Mapping[str, Any]) -> Architecture:
    """Returns the architecture that was written beside weights.

    Raises:
        ValueError: if it is none that this version knows, or one of no sense.
    """
    kinds = {"drop_mult": (int, float), "bidir": (bool,)}
    names = {field.name for field in fields(Architecture)}
    if {*content} | {"bidir"} != names:
        raise ValueError(f"it has {', '.join(sorted({*content} ^ names))}")
    for name, value in content.items():
        kind = kinds.get(name, (int,))
        is_right = isinstance(value, kind) and isinstance(value, bool) == (name == "bidir")
        if not is_right or (name != "bidir" and not (0 if name == "drop_mult" else 1) <= value <= MAX_SIZE):
            raise ValueError(f"its {name} is {value!r}")
    if content["n_layers"] > MAX_LAYERS:
        raise ValueError(f"its n_layers is {content['n_layers']}, above {MAX_LAYERS}")
    return Architecture(**content)


def n_chunks_dropped(width: int, n_after: int = 0, *, bptt: int, max_len: int) -> int:
    """Returns of how many leading chunks the output is not kept.

    Args:
        width: Tokens of the longest text.
        n_after: Padded columns behind the text that ends first; fastai's may keep no token of that text, and fails.
        bptt: Tokens of a chunk.
        max_len: Tokens whose output is kept at most, but for those that fill a chunk.
    """
    return max(0, min(math.ceil((width - max_len) / bptt), (width - 1 - n_after) // bptt))


def choose_architecture(model: ModelConfig, train: TrainConfig, *, n_vocab: int, n_classes: int) -> Architecture:
    """Returns the effective sizes; `emb_sz: null` becomes half of n_hid, at most 400."""
    return Architecture(
        n_vocab=n_vocab,
        n_classes=n_classes,
        **asdict(sizes_of(model)),
        drop_mult=model.drop_mult,
        bptt=train.bptt,
        max_len=train.max_len,
        bidir=model.bidir,
    )


def build_classifier(architecture: Architecture) -> nn.Module:
    """Returns the untrained network; draws its weights from torch's global generator as fastai does.

    Input: ids, shape (rows, tokens), padded as by `Batches`. Output: a tuple whose first item is the
    logits, shape (rows, n_classes); the others serve fastai's AR and TAR regularisation. Of two, see `Ensemble`.
    """
    one = _build_one(architecture)
    return Ensemble(one, _build_one(architecture)) if architecture.bidir else one


def _build_one(architecture: Architecture) -> nn.Module:
    a = architecture
    dropouts = {name: p * a.drop_mult for name, p in awd_lstm_clas_config.items() if name.endswith("_p")}
    output_p = dropouts.pop("output_p")
    body = build_body(a.n_vocab, Sizes(a.emb_sz, a.n_hid, a.n_layers), dropouts)
    widths = [3 * a.emb_sz, _HEAD_WIDTH, a.n_classes]
    head = PoolingLinearClassifier(widths, [output_p, _HEAD_DROPOUT], bptt=a.bptt)
    network: nn.Module = SequentialRNN(_SentenceEncoder(a.bptt, body, pad_idx=PAD, max_len=a.max_len), head)
    return network


class DropMult:
    """Sets the dropouts of a classifier that is being trained, all of them in proportion as `build_classifier` does.

    A multiplier of 0 leaves the network without the head's first dropout for good.

    Attributes:
        start: The multiplier that the network was built with.
    """

    def __init__(self, network: Any, start: float) -> None:
        self.start = start
        body = network[0].module
        unit = awd_lstm_clas_config
        self._places: list[tuple[Any, str, float]] = [
            (body.encoder_dp, "embed_p", unit["embed_p"]),
            (body.input_dp, "p", unit["input_p"]),
            *((each, "p", unit["hidden_p"]) for each in body.hidden_dps),
            *((each, "weight_p", unit["weight_p"]) for each in body.rnns),
        ]
        dropouts = [module for module in network[1].modules() if isinstance(module, nn.Dropout)]
        self._places += [(each, "p", unit["output_p"]) for each in dropouts[:1] if start]

    def set(self, mult: float) -> None:
        for module, name, p in self._places:
            setattr(module, name, p * mult)


def bodies_of(network: Any) -> list[nn.Module]:
    """Returns the parts that encoders are for: of a classifier, or of the forward and the backward one."""
    return [part[0].module for part in _parts(network)]


def heads_of(network: Any) -> list[nn.Module]:
    """Returns what makes logits of what the bodies say: of a classifier, or of the forward and the backward one."""
    return [part[1] for part in _parts(network)]


def _parts(network: Any) -> list[Any]:
    return [network.forwards, network.backwards] if isinstance(network, Ensemble) else [network]


class _SentenceEncoder(SentenceEncoder):  # type: ignore[misc]  # fastai is untyped
    """SentenceEncoder that looks a batch up at once and asks the GPU once which rows have begun, not per chunk."""

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        self.reset()
        n_rows, width = ids.shape
        mask = ids == self.pad_idx
        vectors = self.module.encoder_dp(ids, self.bptt)
        begun: list[int] = (~mask[:, :: self.bptt]).sum(0).tolist()
        n_dropped = 0
        if width > self.max_len:
            n_after = int((~mask).flip(1).int().argmax(1).max())  # padded columns behind the text that ends first
            n_dropped = n_chunks_dropped(width, n_after, bptt=self.bptt, max_len=self.max_len)
        outputs = []
        for chunk, n_begun in enumerate(begun):
            columns = slice(chunk * self.bptt, (chunk + 1) * self.bptt)
            output = self.module.read(vectors[:n_begun, columns])
            if chunk >= n_dropped:
                outputs.append(pad(output, (0, 0, 0, 0, 0, n_rows - n_begun)))
        return torch.cat(outputs, dim=1), mask[:, n_dropped * self.bptt :]
