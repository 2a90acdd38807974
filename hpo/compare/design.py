"""The design card of a comparison: what was fixed before the first trial, and the hash that proves it.

What a report makes of it is the report's business.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml
from optuna.storages import BaseStorage

from hpo.compare.comparison import Comparison
from hpo.config.training import DOMAIN
from hpo.data.corpus import open_corpus
from hpo.machine.files import write_atomically
from hpo.report.reading.membership import FIRST_HASH, first_hash
from hpo.report.reading.scales import ROPE
from hpo.space.space import Param, values_of
from hpo.storage import record
from hpo.storage.record import DESIGN, study_attrs
from hpo.study.plan import Plan
from hpo.study.provenance import git_commit, plain

LIBRARIES = ("hpo", "optuna", "torch", "fastai", "hydra-core", "mlflow", "numpy", "scipy")


def describe(
    comparison: Comparison, *, rope: float | None, is_cached: bool, corpora: Mapping[str, Path]
) -> dict[str, Any]:
    """Returns the card: plain nested data, without clocks and hosts.

    Args:
        comparison: What is going to be done.
        rope: Differences up to this size do not matter; None follows from the metric.
        is_cached: Whether equal trials are trained once.
        corpora: Folder of the prepared corpus by study name; absent for studies without data.
    """
    config = comparison.plans[0].config
    study = config.study
    return {
        "format": 1,
        "experiment": comparison.name,
        "metric": study.metric,
        "direction": study.goal.value,
        "unit": comparison.unit.value,
        "budget": comparison.budget,
        "rope": ROPE.get(study.metric, 0.0) if rope is None else rope,
        "primary": _primary(comparison),
        "seeds": list(comparison.seeds),
        **({"stop": dict(comparison.stop)} if comparison.stop else {}),
        "strategies": _strategies(comparison),
        "tasks": _tasks(comparison, corpora),
        "confirm": {"top_k": study.confirm.top_k, "n_seeds": study.confirm.n_seeds, "tested": study.test},
        "audit": study.audit,
        "n_concurrent": comparison.plans[0].n_workers,
        "cached": is_cached,
        "device": config.executor.device,
        "threads": config.executor.threads,
        "versions": {name: _version(name) for name in LIBRARIES},
        "git_commit": git_commit(),
    }


def register(
    card: Mapping[str, Any], earlier: Mapping[str, Any] | None, *, n_trials: int, command: str
) -> dict[str, Any]:
    """Returns the card with its hash, and with every change since trials were run under an earlier one.

    Args:
        card: What is going to be done.
        earlier: What was registered before, if anything was.
        n_trials: How many trials of it there are already.
        command: The command line, without passwords.
    """
    amendments = list(earlier["amendments"]) if earlier else []
    changes = list(_changes(earlier["card"], card)) if earlier else []
    if changes and n_trials:
        amendments.append(f"After {n_trials:,} trials: {'; '.join(changes)}.")
    new_hash = card_hash(card)
    first = first_hash(earlier) if earlier else new_hash
    return {"hash": new_hash, FIRST_HASH: first, "card": dict(card), "amendments": amendments, "command": command}


def beside_sentence(storage: BaseStorage, comparison: Comparison, design: Mapping[str, Any]) -> str:
    """Returns that the experiment holds another comparison, which this one's report does not show; "" if it does not.

    Comparisons on the same data have one name unless they are given one each.
    """
    designs = [attrs.get(DESIGN) for attrs in study_attrs(storage).values()]
    mine = [other for other in designs if other and other["card"]["experiment"] == comparison.name]
    n_others = sum(first_hash(other) != first_hash(design) for other in mine)
    if not n_others:
        return ""
    studies = "1 study" if n_others == 1 else f"{n_others} studies"
    return (
        f"Experiment {comparison.name} holds another comparison already, of {studies}; this one's report leaves them "
        "out and takes the place of theirs. With name=NAME each has a report of its own."
    )


def _changes(before: Mapping[str, Any], now: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for key in sorted({*before, *now}):
        where = f"{path}.{key}" if path else key
        if key not in before:
            yield f"{where} was added"
        elif key not in now:
            yield f"{where} was taken out"
        elif isinstance(before[key], Mapping) and isinstance(now[key], Mapping):
            yield from _changes(before[key], now[key], where)
        elif before[key] != now[key]:
            yield f"{where} was {_short(before[key])} and is now {_short(now[key])}"


def card_hash(card: Mapping[str, Any]) -> str:
    """Returns the SHA-256 of the card's canonical JSON."""
    return hashlib.sha256(json.dumps(card, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def find_registered(storage: BaseStorage, comparison: Comparison) -> dict[str, Any] | None:
    """Returns what was registered when this comparison was begun, with all amendments; None if nothing was.

    A kill may have left the newest design with some of the studies only.
    """
    designs = [attrs.get(DESIGN) for attrs in _begun(storage, comparison).values()]
    mine = [design for design in designs if design and design["card"]["experiment"] == comparison.name]
    return max(mine, key=lambda design: len(design["amendments"]), default=None)


def n_trials(storage: BaseStorage, comparison: Comparison) -> int:
    """Returns how many trials the studies of this comparison have already."""
    return sum(record.n_trials(storage, name) for name in _begun(storage, comparison))


def _begun(storage: BaseStorage, comparison: Comparison) -> dict[str, Mapping[str, Any]]:
    """Returns the system attributes of the studies of this comparison that are there, by name."""
    names = {planned.name for planned in comparison.plans}
    return {name: attrs for name, attrs in study_attrs(storage).items() if name in names}


def write_card(design: Mapping[str, Any], folder: Path) -> None:
    """Writes the registered card as people read it, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "design.yaml", to_yaml(design).encode())


def to_yaml(design: Mapping[str, Any]) -> str:
    """Returns the registered card as people read it."""
    head = f"# SHA-256 of this card as canonical JSON: {design['hash']}\n"
    notes = "".join(f"# Amended. {amendment}\n" for amendment in design["amendments"])
    return head + notes + yaml.safe_dump(dict(design["card"]), sort_keys=False, allow_unicode=True, width=110)


def _primary(comparison: Comparison) -> str:
    study = comparison.plans[0].config.study
    if study.confirm.top_k and study.test:
        return (
            f"test {study.metric} of the confirmed configuration: the best by mean validation of the "
            f"{study.confirm.top_k} best of each search, retrained with {study.confirm.n_seeds} fresh seeds"
        )
    if study.confirm.top_k:
        return (
            f"validation {study.metric} of the best configuration of each search, retrained with "
            f"{study.confirm.n_seeds} fresh seeds; there is no test"
        )
    return f"best validation {study.metric} within {comparison.budget:g} {comparison.unit.value}"


def _strategies(comparison: Comparison) -> dict[str, Any]:
    strategies: dict[str, Any] = {}
    for variant in comparison.variants:
        config, choices = variant.composition.config, variant.composition.choices
        strategies.setdefault(
            variant.strategy,
            {
                "overrides": list(variant.overrides),
                "sampler": {"name": choices["sampler"], **plain(asdict(config.sampler))},
                "pruner": {"name": choices["pruner"], **plain(asdict(config.pruner))},
            },
        )
    return strategies


def _tasks(comparison: Comparison, corpora: Mapping[str, Path]) -> dict[str, Any]:
    """Returns what each task is; where a strategy changes that, what it is for this strategy."""
    tasks: dict[str, Any] = {}
    for planned in comparison.plans[:: len(comparison.seeds)]:
        task, strategy = planned.tags["task"], planned.tags["strategy"]
        entry = _task(planned, corpora.get(planned.name))
        first = tasks.setdefault(task, dict(entry))
        changed = {key: value for key, value in entry.items() if value != first.get(key)}
        if changed:
            first.setdefault("except", {})[strategy] = changed
    return tasks


def _task(planned: Plan, corpus: Path | None) -> dict[str, Any]:
    config = planned.config
    encoders = values_of(planned.space, "model.encoder", config.model.encoder)
    data = {key: value for key, value in plain(asdict(config.data)).items() if key != "cache"}
    return {
        "data": {"name": planned.choices["data"], **data},
        "corpus": dict(open_corpus(corpus).facts) if corpus else {},
        "model": {key: value for key, value in plain(asdict(config.model)).items() if key != "log"},
        **({"encoder": plain(asdict(config.encoder))} if DOMAIN in encoders else {}),
        "train": plain(asdict(config.train)),
        "trainer": {"name": planned.choices["trainer"], **plain(asdict(config.trainer))},
        "space": {param.path: _param(param) for param in planned.space.params},
        "levels": {param.path: list(param.levels) for param in planned.space.params},
        **({"follow the seed": list(planned.seeded)} if planned.seeded else {}),
    }


def _param(param: Param) -> str:
    condition = f" when {param.when.path} in {list(param.when.values)}" if param.when else ""
    return f"{param.distribution!r}{condition}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _short(value: object, limit: int = 120) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else text[: limit - 1] + "…"
