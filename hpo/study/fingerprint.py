"""What a study's results depend on, so that a study is only ever continued as what it is.

Budgets, workers, places and displays are not in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum

from optuna.distributions import CategoricalDistribution

from hpo.config.metric import ALWAYS
from hpo.config.schema import Config
from hpo.config.training import DOMAIN, ClassWeights
from hpo.space.space import Param, Space, values_of
from hpo.trainers.awd_lstm.network.encoder import BACKWARD, backward_folder, is_path, read_encoder

RECORD_FORMAT = 1  # raised when an older record can no longer be continued
SECTIONS = ("sampler", "pruner", "model", "train", "trainer")
UNUSED_BY_REPLAY = ("model", "train")  # a recorded curve is what it is
WHOLE = ("data.path",)  # settings of which a mapping is one value
PLACES = ("trainer.path", "trainer.card", "model.log")  # a moved table is the same table: `trainer.sha256` says which
CALL, CODE = "trainer.call", "trainer.sha256"  # a user's function, and the file that defines it
LATER = {"sampler.group": "False"}  # what older records lack, and what it amounts to
IMPLIED = "encoder.backward"  # where it matters, model.bidir says so


def fingerprint(config: Config, space: Space, corpus: str, *, n_workers: int) -> dict[str, str]:
    """Returns every setting that changes results, by its config path.

    A grid may be extended and reordered, so neither its levels and ranges nor its seed count. With ordered
    results the number of workers decides what a proposal has seen.
    """
    settings = {"format": str(RECORD_FORMAT), "study.metric": config.study.metric}
    if config.study.metric not in ALWAYS:
        settings["study.direction"] = config.study.goal.value
    if config.study.positive is not None:
        settings["study.positive"] = config.study.positive
    settings.update({path: str(value) for path, value in flatten(config.params, "params").items()})
    settings["storage.folder"] = config.storage.folder  # where the trials' weights are, and the lock
    settings["study.ordered"] = str(config.study.ordered)
    if config.study.ordered:
        settings["executor.n_workers"] = str(n_workers)
    if not config.sampler.is_grid:
        settings["seed"] = str(config.seed)
    if corpus:
        settings["data"] = corpus
    is_recorded = config.trainer.is_recorded
    for section in SECTIONS:
        if is_recorded and section in UNUSED_BY_REPLAY:
            continue
        node = getattr(config, section)
        settings[section] = type(node).__name__.removesuffix("Config")
        settings.update({path: str(value) for path, value in flatten(node, section).items() if path not in PLACES})
    if config.train.class_weights is ClassWeights.none:  # studies that began before there were any go on
        settings.pop("train.class_weights", None)
    settings |= _encoders(config, space)
    if is_recorded:
        settings["train.epochs"] = str(config.train.epochs)
    settings |= _told(config, space)
    for param in space.params:
        if param.when is None:
            settings.pop(param.path, None)  # every trial sets it
        settings[f"space.{param.path}"] = _describe(param, is_grid=config.sampler.is_grid)
    return settings


def _told(config: Config, space: Space) -> dict[str, str]:
    """Returns what the search is told from outside: first trials, beliefs, earlier studies."""
    told: dict[str, str] = {}
    if config.study.enqueue is not None:
        told["study.enqueue"] = json.dumps(config.study.enqueue, sort_keys=True)
    if config.study.learn_from:
        told["study.learn_from"] = ", ".join(config.study.learn_from)
    if any(param.prior for param in space.params):
        told["study.prior_weight"] = str(config.study.prior_weight)
    return told | {f"space.{param.path}.prior": str(param.prior) for param in space.params if param.prior}


def _encoders(config: Config, space: Space) -> dict[str, str]:
    """Returns what the encoders are that trials start from: how they are trained, or the hash of one that is given."""
    if not config.trainer.reads_texts:
        return {}
    hashes: dict[str, str] = {}
    encoders = [str(value) for value in values_of(space, "model.encoder", config.model.encoder)]
    if DOMAIN in encoders:
        settings = flatten(config.encoder, "encoder")
        hashes.update({path: str(value) for path, value in settings.items() if path != IMPLIED})
    is_bidir = True in values_of(space, "model.bidir", config.model.bidir)
    for encoder in filter(is_path, encoders):
        path = "model.encoder" if len(encoders) == 1 else f"model.encoder={encoder}"
        hashes[path] = read_encoder(encoder).sha256
        if is_bidir:
            hashes[f"{path}/{BACKWARD}"] = read_encoder(backward_folder(encoder)).sha256
    return hashes


def _describe(param: Param, *, is_grid: bool) -> str:
    """Returns what of `param` may not change; a grid's numbers may move, their kind may not."""
    text = repr(param.distribution)
    if is_grid and not isinstance(param.distribution, CategoricalDistribution):
        text = type(param.distribution).__name__
    return f"{text} when {param.when.path} in {list(param.when.values)}" if param.when else text


def flatten(node: object, path: str) -> dict[str, object]:
    """Returns the leaves of nested dataclasses, mappings and enums by their config path."""
    if is_dataclass(node):
        node = {field.name: getattr(node, field.name) for field in fields(node)}
    if isinstance(node, Mapping) and path not in WHOLE:
        leaves: dict[str, object] = {}
        for key, value in node.items():
            leaves.update(flatten(value, f"{path}.{key}" if path else str(key)))
        return leaves
    return {path: node.name if isinstance(node, Enum) else node}


def check_fingerprint(
    name: str, stored: Mapping[str, str], now: Mapping[str, str], *, free: str, accepts_code: bool = False
) -> None:
    """Refuses to continue a study as something else.

    Args:
        name: The study.
        stored, now: What its results depended on, and would from now on.
        free: The override that gives it a name of its own.
        accepts_code: Whether a user's function may have changed.

    Raises:
        ValueError: one sentence with every difference.
    """
    if stored.get("format") != now["format"]:
        raise ValueError(
            f"Study '{name}' was made by another version of hpo (record format {stored.get('format')}, "
            f"this one writes {now['format']}); continue it with that version, or give another name: {free}."
        )
    stored = {**{path: value for path, value in LATER.items() if path in now}, **stored}
    changed = {path for path in {*stored, *now} if stored.get(path) != now.get(path)}
    if CODE in changed and stored.get(CALL) == now.get(CALL) is not None:
        if not accepts_code:
            raise ValueError(
                f"The file of {now[CALL]} has changed since study '{name}' began; to continue it all the same give "
                f"study.accept_code=true, else a name that is free: {free}."
            )
        changed.remove(CODE)
    if changed:
        differences = "; ".join(
            f"{path} was {stored.get(path, 'absent')} and is now {now.get(path, 'absent')}" for path in sorted(changed)
        )
        raise ValueError(
            f"Study '{name}' cannot be continued with other settings: {differences}. "
            f"Give the old values, or a name that is free: {free}."
        )
