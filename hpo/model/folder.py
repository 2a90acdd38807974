"""The folder of a model: `model.safetensors`, `model.json` that describes and vouches for it, and a card to read.

Bytes only: the network is `classifier`'s business, what a study puts there `study.keep_model`'s.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from hpo.config.schema import Keep, Tokenizer
from hpo.data.tokens import Cut
from hpo.machine.files import hash_bytes, sync, write_json
from hpo.model.schema import check_description

WEIGHTS, DESCRIPTION, CARD = "model.safetensors", "model.json", "README.md"
EVALUATION, PAGE = "evaluation.json", "evaluation.html"
CONFUSION, CALIBRATION = "confusion.png", "calibration.png"
TESTED = (EVALUATION, PAGE, CONFUSION, CALIBRATION)  # there if it was tested
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
        architecture: What its kind makes of its weights: what
            `hpo.trainers.awd_lstm.network.classifier.Architecture` takes, or a mapping with the name of another `kind`.
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

    @property
    def kind(self) -> str:
        """What it is, by the name of its trainer; models that do not say so are AWD-LSTMs."""
        return str(self.architecture.get("kind", "awd_lstm"))


def write_model(
    folder: Path, description: Description, files: Mapping[str, Path], contents: Mapping[str, bytes]
) -> None:
    """Replaces `folder` by a model; whoever opens it finds the old one or the new one.

    Args:
        folder: The model's folder.
        description: What to write of it.
        files: Other files by name, as they lie elsewhere; they share the bytes on disk where they can.
        contents: The bytes of still others by name, for people.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _clear_abandoned(folder)
    making = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    making.mkdir()
    try:
        for name, source in files.items():
            (making / name).parent.mkdir(parents=True, exist_ok=True)
            _link(source, making / name)
        write_json(making / DESCRIPTION, to_json(description))
        for name, content in contents.items():
            (making / name).write_bytes(content)
        sync(making)
        old = making.with_name(f"{making.name}.old")
        if folder.exists():
            folder.rename(old)
        making.rename(folder)
        sync(folder.parent)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def read_description(folder: Path) -> Description:
    """Returns what the model in `folder` says of itself; the other files are not looked at.

    Raises:
        ValueError: If there is no model, or its description was changed or is of another format.
    """
    path = folder / DESCRIPTION
    data = _read(path, _no_model(folder))
    try:
        content = json.loads(data)
    except ValueError as error:  # no JSON, or not even text
        raise ValueError(f"{path} is damaged (it is no JSON); copy the model's folder again.") from error
    return from_json(content, path)


def read_file(folder: Path, description: Description, name: str) -> bytes:
    """Returns the bytes of one of a model's files.

    Raises:
        ValueError: If it is missing or not as it was written.
    """
    data = _read(folder / name, f"The model in {folder} lacks its file {name}; copy the whole folder again.")
    if hash_bytes(data) != description.files.get(name):
        raise ValueError(f"{folder / name} is not as it was written (its hash differs); copy the model's folder again.")
    return data


def to_json(description: Description) -> dict[str, object]:
    """Returns what `from_json` reads: all of it, the format, and a hash over both."""
    content: dict[str, object] = {"format": FORMAT, **asdict(description)}
    return {**content, DIGEST: _digest(content)}


def from_json(content: object, path: Path) -> Description:
    """Returns the description in `content`, which was read from `path`.

    Raises:
        ValueError: If it is none of this format, is not as it was written, or nothing that hpo would have written.
    """
    if not isinstance(content, Mapping) or "format" not in content:
        raise ValueError(f"{path} describes no model (it has no format); give the folder 'model' of a study.")
    if content["format"] != FORMAT:
        raise ValueError(
            f"{path} is of format {content['format']!r}, this version of hpo reads format {FORMAT}; use the version "
            "that wrote the model, or run its study again."
        )
    values = {key: value for key, value in content.items() if key != DIGEST}
    names = {"format", *(field.name for field in fields(Description))}
    if content.get(DIGEST) != _digest(values) or set(values) != names:
        raise ValueError(f"{path} is not as it was written (its hash differs); copy the model's folder again.")
    del values["format"]
    check_description(values, path)
    return Description(**{**values, "tokenizer": TokenizerSettings(**values["tokenizer"])})


def digest_of(description: Description) -> str:
    """Returns the hash over all that is said of a model, that of its weights included."""
    return str(to_json(description)[DIGEST])


def _digest(content: Mapping[str, object]) -> str:
    return hash_bytes(json.dumps(content, sort_keys=True).encode())


def _read(path: Path, lacking: str) -> bytes:
    """Returns the bytes of a file; refuses with the sentence `lacking` where there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ValueError(lacking) from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}.") from error


def _no_model(folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder} is no folder of a model; give a study's name or the folder 'model' of a study."
    reason = "model.json is missing beside its weights" if (folder / WEIGHTS).exists() else "it has no model.json"
    return f"{folder} holds no model ({reason}); give a study's name or the folder 'model' of a study."


def _link(source: Path, path: Path) -> None:
    """Gives a file a second name, or copies it where that cannot be: whoever replaces such files writes new ones."""
    try:
        os.link(source, path)
    except OSError:
        shutil.copyfile(source, path)
        sync(path)


def _clear_abandoned(folder: Path) -> None:
    """Deletes what a process that was killed has left; a folder it had taken away is put back."""
    for path in folder.parent.glob(f".{folder.name}.*"):
        if path.name.endswith(".old") and not folder.exists():
            path.rename(folder)
        else:
            shutil.rmtree(path, ignore_errors=True)
