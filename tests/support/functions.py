"""Training functions as users write them, named by `trainer.call=tests.support.functions:NAME`."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import hpo

MODULE = "tests.support.functions"


def steps(lr: float, depth: int = 2, *, seed: int, epochs: int) -> Iterator[dict[str, float]]:
    """Begins anew when it is killed."""
    for epoch in range(1, epochs + 1):
        noise = random.Random(seed + epoch).random() / 100
        yield {"auc": 1 - abs(lr - 0.01) - 0.1 / epoch + depth / 1000 + noise, "loss": lr / epoch}


def test(lr: float, depth: int = 2) -> dict[str, float]:  # noqa: PT028  # no test of pytest's
    return {"auc": 1 - abs(lr - 0.01) + depth / 1000}


def walk(lr: float, *, seed: int, epochs: int, folder: Path, resume: int) -> Iterator[dict[str, float]]:
    """A random walk that goes on from its file, and says how often it began."""
    path = folder / "deep" / "walk.json"
    path.parent.mkdir(exist_ok=True)
    walked = json.loads(path.read_text()) if resume else []
    for epoch in range(len(walked), epochs):
        walked.append((walked[-1] if walked else lr) + random.Random(seed * 1000 + epoch).gauss(0, 0.1))
        path.write_text(json.dumps(walked))
        yield {"auc": walked[-1]}


def calls_back(lr: float, epochs: int, on_epoch: Callable[[dict[str, float]], None]) -> None:
    for epoch in range(1, epochs + 1):
        on_epoch({"auc": lr * epoch})


def swallows(lr: float, on_epoch: Callable[[dict[str, float]], None]) -> None:
    """Is told to stop, and does not care."""
    for epoch in range(5):
        try:
            on_epoch({"auc": lr * epoch})
        except hpo.Stop:
            continue


def takes_all(**params: float) -> Iterator[dict[str, float]]:
    yield {"auc": sum(params.values())}


def returns(lr: float) -> dict[str, float]:
    return {"auc": lr}


def is_silent(lr: float) -> Iterator[dict[str, float]]:
    yield from ()


def breaks(lr: float) -> Iterator[dict[str, float]]:
    yield {"auc": lr}
    raise ZeroDivisionError("as a user's code does")


def exits(lr: float) -> Iterator[dict[str, float]]:
    yield {"auc": lr}
    sys.exit(3)


def lists(lr: float) -> Iterator[object]:
    yield [lr]


def words(lr: float) -> Iterator[dict[str, object]]:
    yield {"auc": "high"}


def ends_in_nan(lr: float) -> Iterator[dict[str, float]]:
    yield {"auc": lr, "grad": float("inf")}
    yield {"auc": float("nan")}


def lacks_the_metric(lr: float) -> Iterator[dict[str, float]]:
    yield {"accuracy": lr, "loss": 1 - lr}


def loses_the_metric(lr: float) -> Iterator[dict[str, float]]:
    yield {"auc": lr}
    yield {"loss": 0.5}


def skips(lr: float) -> Iterator[dict[str, float]]:
    yield {"auc": lr, "epoch": 3}


def starts_processes(lr: float) -> Iterator[dict[str, float]]:
    """Has a process of its own, as data loaders have."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield {"auc": pool.submit(abs, -lr).result()}


not_a_function = 3
