"""An encoder on disk: the body of a trained language model, its sizes and its vocabulary, and what is known of it.

Safetensors and JSON; no torch here. Training one is `language_model`'s business, putting one into a network
`weights`'s.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hpo.config.schema import ModelConfig
from hpo.config.training import DOMAIN, SCRATCH, WT103, Sizes
from hpo.machine.cache import digest
from hpo.machine.files import hash_bytes, write_atomically, write_json
from hpo.machine.paths import expanded, is_file, is_folder

FORMAT = 1  # raised whenever equal settings and texts would give another encoder, or another form of one
WEIGHTS, DESCRIPTION = "encoder.safetensors", "encoder.json"
BACKWARD = "backward"  # in an encoder's folder of one's own: that of the one which reads texts backwards
MAX_EMB_SZ = 400
REMEDY = "train one with model.encoder=domain, or choose model.encoder=scratch"


@dataclass(frozen=True)
class Encoder:
    """What is known of an encoder.

    Attributes:
        sizes: Those of its body.
        vocab: Digest of the tokens that its rows stand for, in their order.
        sha256: Of its weights.
        facts: Where it comes from: kind, key, settings, texts, versions, seconds.
        history: The metrics of each epoch of its training; empty for one that was not trained here.
        started_ms, ended_ms: When its training began and each of them ended, in milliseconds since 1970, UTC.
    """

    sizes: Sizes
    vocab: str
    sha256: str
    facts: Mapping[str, str | int | float] = field(default_factory=dict)
    history: Sequence[Mapping[str, float]] = ()
    started_ms: int = 0
    ended_ms: Sequence[int] = ()

    @property
    def knows_wikipedia(self) -> bool:
        """Whether it is, or began as, fastai's language model of Wikipedia."""
        return WT103 in (self.facts.get("kind"), self.facts.get("encoder.start"))

    def has_read(self, data_fingerprint: str) -> bool:
        """Whether it was trained on all texts of the data with this fingerprint, those of the test part among them."""
        return bool(self.facts.get("encoder.use_all_texts")) and self.facts.get("data_fingerprint") == data_fingerprint

    @property
    def is_backward(self) -> bool:
        """Whether it reads texts backwards."""
        return bool(self.facts.get("encoder.backward"))


def sizes_of(model: ModelConfig) -> Sizes:
    """Returns the effective sizes; `emb_sz: null` becomes half of n_hid, at most 400."""
    return Sizes(model.emb_sz or max(1, min(MAX_EMB_SZ, model.n_hid // 2)), model.n_hid, model.n_layers)


def vocab_digest(vocab: Sequence[str]) -> str:
    """Returns what tells vocabularies apart."""
    return digest(vocab)


def is_path(encoder: str) -> bool:
    """Returns whether `model.encoder` is the folder of an encoder."""
    return encoder not in (SCRATCH, WT103, DOMAIN)


def backward_folder(given: str) -> Path:
    """Returns where the backward encoder that belongs to an encoder of one's own lies.

    Raises:
        ValueError: if there is none.
    """
    folder = expanded(given) / BACKWARD
    if not is_folder(folder):
        raise ValueError(
            f"model.encoder={given} has no backward encoder, which model.bidir=true needs; train one with "
            f"encoder.backward=true and copy its folder to {given}/{BACKWARD}, or choose model.encoder=domain, which "
            "trains both, or model.bidir=false."
        )
    return folder


def write_encoder(folder: Path, weights: bytes, encoder: Encoder) -> None:
    """Writes the weights, then the description that vouches for them."""
    write_atomically(folder / WEIGHTS, weights)
    write_json(folder / DESCRIPTION, {"format": FORMAT, **asdict(encoder)})


def read_encoder(given: str | Path) -> Encoder:
    """Returns what is known of the encoder in a folder.

    Raises:
        ValueError: if there is none that this version can read, in one sentence.
    """
    folder = expanded(str(given))
    shown = f"model.encoder={given}"
    if not is_file(folder / DESCRIPTION) or not is_file(folder / WEIGHTS):
        lacking = DESCRIPTION if not is_file(folder / DESCRIPTION) else WEIGHTS
        raise ValueError(
            f"{shown} is not scratch, wt103, domain or the folder of an encoder, as it lacks {lacking}; {REMEDY}."
        )
    try:
        found = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        if found["format"] != FORMAT:
            raise ValueError(f"{shown} has format {found['format']}, this version reads {FORMAT}; {REMEDY}.")
        return Encoder(**{**{k: v for k, v in found.items() if k != "format"}, "sizes": Sizes(**found["sizes"])})
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{shown} has a damaged {DESCRIPTION} ({type(error).__name__}: {error}); {REMEDY}.") from error


def read_weights(given: str | Path) -> bytes:
    """Returns the weights of an encoder, compared with their hash.

    Raises:
        ValueError: if they are damaged, or it is no encoder.
    """
    encoder = read_encoder(given)
    data = (expanded(str(given)) / WEIGHTS).read_bytes()
    if hash_bytes(data) != encoder.sha256:
        raise ValueError(f"model.encoder={given} is damaged: {WEIGHTS} does not match its hash; {REMEDY}.")
    return data


def check_direction(given: str | Path, encoder: Encoder, *, backward: bool) -> None:
    """Refuses an encoder that reads texts the other way.

    Raises:
        ValueError: in one sentence.
    """
    if encoder.is_backward and not backward:
        raise ValueError(
            f"model.encoder={given} reads texts backwards; give the folder of one that reads them forwards, with a "
            f"copy of this one in it as {BACKWARD}, and model.bidir=true."
        )
    if backward and not encoder.is_backward:
        raise ValueError(
            f"model.encoder={given} reads texts forwards, but lies where a backward encoder belongs; put one there "
            "that was trained with encoder.backward=true, or choose model.encoder=domain, which trains both."
        )


def check_fit(given: str | Path, encoder: Encoder, *, sizes: Sizes | None = None, vocab: str = "") -> None:
    """Refuses an encoder of another architecture or of another vocabulary.

    Raises:
        ValueError: in one sentence.
    """
    if sizes is not None and encoder.sizes != sizes:
        asked = ", ".join(
            f"model.{name}={value}" for name, value in asdict(sizes).items() if value != getattr(encoder.sizes, name)
        )
        raise ValueError(
            f"model.encoder={given} has other sizes than {asked}; give {encoder.sizes.as_overrides}, or "
            "model.encoder=domain with encoder.start=scratch, which trains one for any sizes."
        )
    if vocab and encoder.vocab != vocab:
        raise ValueError(
            f"model.encoder={given} was trained with another vocabulary than that of these texts; use it with the "
            f"data and the tokenizer settings it was trained with, or {REMEDY}."
        )
