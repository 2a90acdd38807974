"""The design card of a comparison: what was fixed before the first trial, and the hash that proves it.

What a report makes of it is the report's business.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import yaml
from optuna.storages import BaseStorage

from hpo.comparison import Comparison
from hpo.config import Metric
from hpo.provenance import git_commit, plain
from hpo.storage import read_design, study_names

ROPE = {Metric.accuracy: 0.005, Metric.macro_f1: 0.005, Metric.valid_loss: 0.01}
LIBRARIES = ("hpo", "optuna", "torch", "fastai", "hydra-core", "mlflow", "numpy", "scipy", "statsmodels")


def describe(comparison: Comparison, *, rope: float | None, is_cached: bool) -> dict[str, Any]:
    """Returns the card: plain nested data, without clocks and hosts."""
    config = comparison.plans[0].config
    study = config.study
    return {
        "format": 1,
        "experiment": comparison.name,
        "metric": study.metric.name,
        "direction": study.metric.direction,
        "unit": comparison.unit.value,
        "budget": comparison.budget,
        "rope": ROPE[study.metric] if rope is None else rope,
        "primary": _primary(comparison),
        "seeds": list(comparison.seeds),
        "strategies": _strategies(comparison),
        "tasks": _tasks(comparison),
        "confirm": {"top_k": study.confirm.top_k, "n_seeds": study.confirm.n_seeds, "tested": study.test},
        "n_concurrent": comparison.plans[0].n_workers,
        "cached": is_cached,
        "device": config.executor.device,
        "threads": config.executor.threads,
        "versions": {name: _version(name) for name in LIBRARIES},
        "git_commit": git_commit(),
    }


def register(card: Mapping[str, Any], earlier: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns the card with its hash, and with every change since it was first registered.

    Args:
        card: What is going to be done.
        earlier: What was registered before, if anything was.
    """
    amendments = list(earlier["amendments"]) if earlier else []
    if earlier and earlier["card"] != card:
        changes = [
            f"{key} was {_short(earlier['card'].get(key))} and is now {_short(card.get(key))}"
            for key in sorted({*earlier["card"], *card})
            if earlier["card"].get(key) != card.get(key)
        ]
        amendments.append(f"After trials had run: {'; '.join(changes)}.")
    return {"hash": card_hash(card), "card": dict(card), "amendments": amendments}


def card_hash(card: Mapping[str, Any]) -> str:
    """Returns the SHA-256 of the card's canonical JSON."""
    return hashlib.sha256(json.dumps(card, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def find_registered(storage: BaseStorage, comparison: Comparison) -> dict[str, Any] | None:
    """Returns what was registered when this comparison was begun, if it was."""
    there = set(study_names(storage))
    for planned in comparison.plans:
        if planned.name in there and (design := read_design(storage, planned.name)) is not None:
            return dict(design) if design["card"]["experiment"] == comparison.name else None
    return None


def to_yaml(design: Mapping[str, Any]) -> str:
    """Returns the registered card as people read it."""
    head = f"# SHA-256 of this card as canonical JSON: {design['hash']}\n"
    notes = "".join(f"# Amended. {amendment}\n" for amendment in design["amendments"])
    return head + notes + yaml.safe_dump(dict(design["card"]), sort_keys=False, allow_unicode=True, width=110)


def _primary(comparison: Comparison) -> str:
    study = comparison.plans[0].config.study
    if study.confirm.top_k and study.test:
        return (
            f"test {study.metric.name} of the confirmed configuration: the best by mean validation of the "
            f"{study.confirm.top_k} best of each search, retrained with {study.confirm.n_seeds} fresh seeds"
        )
    return f"best validation {study.metric.name} within {comparison.budget:g} {comparison.unit.value}"


def _strategies(comparison: Comparison) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for variant in comparison.variants:
        config = variant.config
        found.setdefault(
            variant.strategy,
            {
                "overrides": list(variant.overrides),
                "sampler": {"name": variant.choices["sampler"], **plain(asdict(config.sampler))},
                "pruner": {"name": variant.choices["pruner"], **plain(asdict(config.pruner))},
            },
        )
    return found


def _tasks(comparison: Comparison) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for planned in comparison.plans:
        config = planned.config
        found.setdefault(
            planned.tags["task"],
            {
                "data": {"name": planned.choices["data"], **plain(asdict(config.data))},
                "model": plain(asdict(config.model)),
                "train": plain(asdict(config.train)),
                "trainer": {"name": planned.choices["trainer"], **plain(asdict(config.trainer))},
                "space": {param.path: repr(param.distribution) for param in planned.space.params},
                "levels": {param.path: list(param.levels) for param in planned.space.params},
            },
        )
    return found


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _short(value: object, limit: int = 120) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else text[: limit - 1] + "…"
