"""The rows of the table: what of hpo is measured, what it is held against, how, and what the ratio is to be."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from benchmarks.meter import Cost, measure

PYTHON = sys.executable
HPO = [PYTHON, "-m", "hpo", "data.cache=cache", "data.tokenizer=spacy"]
SMALL = [*HPO, "sampler=random", "space=small", "model.emb_sz=64", "model.n_hid=64", "model.n_layers=2"]
SMALL += ["train.batch_size=32", "train.epochs=1"]
MEDIUM = [
    *SMALL[:5],
    *("model.emb_sz=128", "model.n_hid=128", "model.n_layers=2", "train.batch_size=64", "train.epochs=2"),
]
CLOSED = [*HPO, "trainer=synthetic", "space=small", "train.epochs=4", "executor=inline", "study.test=false"]
N_FIRST = 2  # trials in which workers start and libraries are loaded

Measured = Callable[[Path], float]
"""Runs something in a new folder of material; returns seconds."""


class Shared:
    """Measures commands; rows that are about the same ones share what a repeat of them cost."""

    costs: ClassVar[dict[tuple[int, str], Cost]] = {}
    repeat: ClassVar[int] = 0

    def __init__(self, commands: Sequence[Sequence[str]], read: Callable[[Cost], float]) -> None:
        self._commands, self._read = commands, read

    def __call__(self, folder: Path) -> float:
        key = (self.repeat, repr(self._commands))
        if key not in self.costs:
            self.costs[key] = measure(self._commands, folder)
        return self._read(self.costs[key])


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        name: What is measured.
        unit: What of it.
        ours: hpo.
        peers: What it is held against, by name.
        goals: The largest ratios ours / peer that are good, by peer; the smallest where more is better.
        n_repeats: How often all of it is measured, in turns.
        is_more_better: The ratio is peer / ours: how many times as many trials.
        is_quick: `make bench` has it.
        needs: A module without which the peer of that name is left out.
    """

    name: str
    unit: str
    ours: Measured
    peers: Mapping[str, Measured]
    goals: Mapping[str, float]
    n_repeats: int = 3
    is_more_better: bool = False
    is_quick: bool = True
    needs: Mapping[str, str] = ()  # type: ignore[assignment]

    def present(self) -> dict[str, Measured]:
        """Returns the peers that are installed."""
        needs = dict(self.needs)
        return {name: peer for name, peer in self.peers.items() if name not in needs or find_spec(needs[name])}


def _peer(name: str, *words: object) -> list[str]:
    return [PYTHON, "-m", f"benchmarks.peers.{name}", *map(str, words)]


def _trial(command: Sequence[str], *, clock: str = "cpu", n_beside: int = 1, n_first: int = N_FIRST) -> Measured:
    """Measures a trial behind the first ones."""
    return Shared([command] * n_beside, lambda cost: cost.of_a_trial(n_first=n_first * n_beside, clock=clock))


def _more(command: Callable[[int], Sequence[str]], few: int, many: int) -> Measured:
    """Measures a trial as what a command with more of them takes longer, whatever it does at its end included."""

    def run(folder: Path) -> float:
        costs: list[Cost] = []
        for n_trials in (few, many):
            inside = folder / str(n_trials)
            inside.mkdir()
            for name in ("conf", "cache", "corpus.txt"):
                (inside / name).symlink_to(folder / name)
            costs.append(measure([command(n_trials)], inside))
        return (costs[1].cpu_s - costs[0].cpu_s) / (many - few)

    return run


def _tail(command: Sequence[str]) -> Measured:
    return Shared([command], lambda cost: cost.after_last_s)


def _whole(command: Sequence[str]) -> Measured:
    return Shared([command], lambda cost: cost.cpu_s)


def _import(*names: str) -> Measured:
    return _whole([PYTHON, "-c", f"import {', '.join(names)}"])


def _predict(folder: Path) -> float:
    """Asks for one sentence, of a model that is made before."""
    measure([[*SMALL, "study.n_trials=1", "executor.n_workers=1", "tracking=none", "study.name=p"]], folder)
    words = ["model=studies/p/model", "a function that returns an array of the same shape"]
    return measure([[PYTHON, "-m", "hpo.predict", *words]], folder).cpu_s


def _again(folder: Path) -> float:
    """Types the command of a finished study again."""
    command = [*SMALL, "study.n_trials=1", "executor.n_workers=1"]
    measure([command], folder)
    return measure([command], folder).cpu_s


def _closed(sampler: str, tracking: str) -> Measured:
    words = [*CLOSED, f"sampler={sampler}", f"tracking={tracking}"]
    return _more(lambda n_trials: [*words, f"study.n_trials={n_trials}"], 20, 220)


BARE = _trial(_peer("bare", 12))
TWO_WORKERS = [*SMALL, "study.n_trials=40", "executor.n_workers=2"]
ROWS = [
    Row(
        "small trial, all bookkeeping",
        "CPU a trial",
        _more(lambda n_trials: [*SMALL, f"study.n_trials={n_trials}", "executor.n_workers=1"], 3, 13),
        {"bare": BARE, "naive": _trial(_peer("naive", 4)), "careful": _trial(_peer("careful", 6))},
        {"bare": 1.25},
    ),
    Row(
        "its trainer alone",
        "CPU a trial",
        _trial([PYTHON, "-m", "benchmarks.ours.trainer", "12"]),
        {"bare": BARE},
        {"bare": 1.08},
    ),
    Row(
        "trials an hour, two cores",
        "wall",
        _trial(TWO_WORKERS, clock="wall", n_first=4),
        {
            "naive": _trial(_peer("naive", 4), clock="wall", n_beside=2),
            "careful": _trial(_peer("careful", 6), clock="wall", n_beside=2),
            "Ray Tune": _trial(_peer("ray_tune", 10), clock="wall", n_first=4),
        },
        {"naive": 7.0, "careful": 4.5, "Ray Tune": 9.0},
        n_repeats=2,
        is_more_better=True,
        needs={"Ray Tune": "ray"},
    ),
    Row(
        "from the last trial's end to the prompt",
        "wall, of a bare small trial",
        _tail(TWO_WORKERS),
        {"a bare small trial": _trial(_peer("bare", 12), clock="wall")},
        {"a bare small trial": 2.9},
    ),
    Row(
        "driver + record",
        "CPU a trial",
        _closed("random", "none"),
        {"Optuna's own loop": _more(lambda n: _peer("optuna_loop", "random", n), 20, 220)},
        {"Optuna's own loop": 0.8},
    ),
    Row(
        "with MLflow",
        "CPU a trial",
        _closed("random", "mlflow"),
        {"Optuna and MLflow by hand": _more(lambda n: _peer("optuna_loop", "random", n, "mlflow"), 20, 120)},
        {"Optuna and MLflow by hand": 1.0},
        n_repeats=2,
    ),
    Row(
        "predict one sentence",
        "CPU",
        _predict,
        {"import torch, spacy": _import("torch", "spacy")},
        {"import torch, spacy": 1.5},
    ),
    Row(
        "a finished study typed again",
        "CPU",
        _again,
        {"import torch": _import("torch")},
        {"import torch": 0.7},
        is_quick=False,
    ),
    Row(
        "medium trial (128/128×2, batch 64, two epochs)",
        "CPU a trial",
        _more(lambda n_trials: [*MEDIUM, f"study.n_trials={n_trials}", "executor.n_workers=1"], 2, 6),
        {"bare": _trial(_peer("bare", 6, 128, 128, 2, 64, 2))},
        {"bare": 1.0},
        is_quick=False,
    ),
    Row(
        "driver + record, tpe",
        "CPU a trial",
        _closed("tpe", "none"),
        {"Optuna's own loop": _more(lambda n: _peer("optuna_loop", "tpe", n), 20, 220)},
        {"Optuna's own loop": 0.9},
        is_quick=False,
    ),
]
