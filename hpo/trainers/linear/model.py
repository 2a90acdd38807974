"""A linear model: n-grams with a weight for each class, as the files of a trial and as what answers.

How it is fitted is `trainer`'s business.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from hpo.artifacts.folders import WEIGHTS
from hpo.data.grams import Grams
from hpo.data.regressions import Weights, softmax
from hpo.data.tokens import BOS
from hpo.data.vocabulary import Part
from hpo.machine.files import hash_bytes, write_atomically, write_json

KIND = "linear"
SEPARATOR = "\0"  # of n-grams of characters in the file of weights


@dataclass(frozen=True)
class LinearModel:
    """N-grams, and what they weigh."""

    grams: Grams
    weights: Weights
    n_classes: int

    @property
    def n_params(self) -> int:
        return int(self.weights.weights.size + self.weights.bias.size)

    @property
    def architecture(self) -> dict[str, object]:
        return {
            "kind": KIND,
            "n_classes": self.n_classes,
            "n_columns": self.grams.n_columns,
            "words": len(self.grams.runs) + 1,
            "chars": self.grams.longest,
        }

    def probabilities(self, part: Part, names: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Returns the probabilities of texts, shape (texts, classes), and which of these hold a known n-gram.

        Args:
            part: The texts, as codes.
            names: The token of each code.
        """
        bags = self.grams.of(part, names)
        logits = self.weights.logits(bags)
        if self.n_classes > 2:  # each regression knows its class and the rest: what it says of one is a probability
            logits = -np.logaddexp(0.0, -logits)
        return softmax(logits), np.diff(bags.indptr) > int(BOS in self.grams.words)


def save_model(folder: str, model: LinearModel) -> None:
    """Writes the weights, then the description that vouches for them, which says what texts are cut to, too."""
    grams = model.grams
    chars = SEPARATOR.join(grams.chars).encode("utf-8", "surrogatepass")
    tensors = {"weights": model.weights.weights, "bias": model.weights.bias, "idf": grams.idf}
    tensors |= {f"runs.{length}": run for length, run in enumerate(grams.runs, start=2)}
    data = save(tensors | {"chars": np.frombuffer(chars, dtype=np.uint8)})
    write_atomically(Path(folder) / WEIGHTS[0], data)
    description = {
        "architecture": model.architecture,
        "sha256": hash_bytes(data),
        "n_params": model.n_params,
        "vocab": list(grams.words),
        "max_tokens": None,
    }
    write_json(Path(folder) / WEIGHTS[-1], description)


def load_model(folder: str) -> LinearModel:
    """Returns the model that `save_model` left in the folder of a trial.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged.
    """
    path = Path(folder) / WEIGHTS[0]
    try:
        description = json.loads((Path(folder) / WEIGHTS[-1]).read_text("utf-8"))
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"The weights of this trial are gone: there is no {error.filename}; put the study's folder back as it was, "
            "or train the same configuration again in another study: its params are in the record (hpo show)."
        ) from error
    if hash_bytes(data) != description["sha256"]:
        raise ValueError(f"{path} does not match its hash in {WEIGHTS[-1]}; train the trial again.")
    return read_model(description["architecture"], description["vocab"], data, path)


def read_model(architecture: Mapping[str, Any], words: Sequence[str], data: bytes, path: Path) -> LinearModel:
    """Returns the model with the weights in `data`.

    Args:
        architecture: What it says of itself.
        words: Its words.
        data: A safetensors file.
        path: Where it was read from.

    Raises:
        ValueError: If they are no weights, or not of such a model.
    """
    try:
        found = load(data)
    except SafetensorError as error:
        raise ValueError(f"{path} is no file of weights ({error}); copy it again, or train the trial again.") from error
    try:
        n_classes, n_columns, longest = (int(architecture[key]) for key in ("n_classes", "n_columns", "chars"))
        runs = tuple(found[f"runs.{length}"] for length in range(2, int(architecture["words"]) + 1))
        spelt = found["chars"].tobytes().decode("utf-8", "surrogatepass")
        chars = spelt.split(SEPARATOR) if spelt else []
        weights, bias, idf = found["weights"], found["bias"], found["idf"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not the linear model that is described ({error}); copy it again.") from error
    n_rows = n_classes if n_classes > 2 else 1
    n_named = len(words) + sum(map(len, runs)) + len(chars)
    shapes = (weights.shape, bias.shape, idf.shape) == ((n_rows, n_columns), (n_rows,), (n_columns,))
    is_finite = all(np.isfinite(tensor).all() for tensor in (weights, bias, idf))
    if not shapes or not is_finite or n_named != n_columns or not all(run.dtype == np.int64 for run in runs):
        raise ValueError(f"{path} holds other weights than its description says; copy the model's folder again.")
    return LinearModel(Grams(words, runs, chars, longest, idf), Weights(weights, bias), n_classes)
