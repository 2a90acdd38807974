"""What `model.json` says of a model: its network, words, classes and tokenizer, where it comes from, and hashes.

Reading and writing the folder is `folder`'s business.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from hpo.config.schema import Keep, Tokenizer
from hpo.data.tokens import Cut
from hpo.machine.files import hash_bytes

FORMAT = 1  # raised when an older version could no longer read what this one writes
DIGEST = "digest"  # the key of the hash over all other keys: the weights say nothing of classes and words


@dataclass(frozen=True)
class TokenizerSettings:
    """How texts became tokens in training; equal settings and versions give equal tokens."""

    name: str
    max_tokens: int | None
    keep: str
    versions: Mapping[str, str]

    @property
    def tokenizer(self) -> Tokenizer:
        return Tokenizer[self.name]

    @property
    def cut(self) -> Cut:
        return Cut(self.max_tokens, Keep[self.keep])


@dataclass(frozen=True)
class Description:
    """Everything about a model but its weights.

    Attributes:
        architecture: What `hpo.trainers.awd_lstm.network.classifier.Architecture` takes.
        n_params: Trainable scalars.
        vocab: Token of each id.
        classes: Class name of each output.
        tokenizer: How texts become tokens.
        provenance: Study, trial, params, data, versions; plain data.
        files: SHA-256 of the other files of the folder, by name.
        is_logged: Whether MLflow is to have the model.
    """

    architecture: Mapping[str, Any]
    n_params: int
    vocab: Sequence[str]
    classes: Sequence[str]
    tokenizer: TokenizerSettings
    provenance: Mapping[str, Any]
    files: Mapping[str, str]
    is_logged: bool


def to_json(description: Description) -> dict[str, object]:
    """Returns what `from_json` reads: all of it, the format, and a hash over both."""
    content: dict[str, object] = {"format": FORMAT, **asdict(description)}
    return {**content, DIGEST: _digest(content)}


def from_json(content: object, *, shown: str) -> Description:
    """Returns the description in `content`.

    Args:
        content: What was read.
        shown: What errors call the file.

    Raises:
        ValueError: If it is none of this format, or is not as it was written.
    """
    if not isinstance(content, Mapping) or "format" not in content:
        raise ValueError(f"{shown} describes no model (it has no format); give the folder 'model' of a study.")
    if content["format"] != FORMAT:
        raise ValueError(
            f"{shown} is of format {content['format']!r}, this version of hpo reads format {FORMAT}; use the version "
            "that wrote the model, or run its study again."
        )
    kept = {key: value for key, value in content.items() if key != DIGEST}
    if content.get(DIGEST) != _digest(kept) or set(kept) != {"format", *(field.name for field in fields(Description))}:
        raise ValueError(f"{shown} is not as it was written (its hash differs); copy the model's folder again.")
    del kept["format"]
    return Description(**{**kept, "tokenizer": TokenizerSettings(**kept["tokenizer"])})


def digest_of(description: Description) -> str:
    """Returns the hash over all that is said of a model, that of its weights included."""
    return str(to_json(description)[DIGEST])


def _digest(content: Mapping[str, object]) -> str:
    return hash_bytes(json.dumps(content, sort_keys=True).encode())
