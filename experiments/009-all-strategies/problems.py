"""Six problems of known optimum: each yields one loss, 0 at the best params, about 1 at the median ones."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator


def bowl(x: float, y: float, z: float) -> Iterator[dict[str, float]]:
    """Smooth, every param alike."""
    yield {"loss": (x - 0.3) ** 2 + (y + 0.2) ** 2 + (z - 0.1) ** 2}


def valley(lr: float, wd: float, x: float) -> Iterator[dict[str, float]]:
    """A narrow curved valley: where lr * wd is right, and then slowly along it."""
    across = math.log10(lr) + math.log10(wd) + 5 - 0.2 * math.log10(lr / wd)
    along = math.log10(lr) + 2
    steep = (across / 0.5) ** 2
    yield {"loss": steep / (1 + steep) + 0.1 * along**2 + 0.1 * (x - 0.5) ** 2}


def conditional(kind: str, lr: float, momentum: float, beta: float) -> Iterator[dict[str, float]]:
    """Each of two kinds has a param that the other does not use."""
    of_lr = (math.log10(lr) + (1.5 if kind == "sgd" else 3)) ** 2 / 4
    own = 4 * (momentum - 0.9) ** 2 if kind == "sgd" else 0.1 + 4 * (beta - 0.6) ** 2
    yield {"loss": of_lr + own}


def noisy(x: float, y: float, z: float, seed: int) -> Iterator[dict[str, float]]:
    """The bowl, with as much noise as its best tenth is wide."""
    (exact,) = bowl(x, y, z)
    yield {"loss": exact["loss"] + random.Random(seed).gauss(0, 0.15)}


def flat(x: float, y: float, z: float, seed: int) -> Iterator[dict[str, float]]:
    """Nothing but noise."""
    yield {"loss": random.Random(f"{seed} {x} {y} {z}").gauss(0.5, 0.15)}


def mixed(lr: float, layers: int, width: int, kind: str) -> Iterator[dict[str, float]]:
    """Numbers of every sort and a choice, of which one level is wrong."""
    wrong = {"relu": 0.0, "gelu": 0.05, "tanh": 0.2, "sigmoid": 0.6}[kind]
    size = abs(math.log2(width / 128)) / 4 + abs(layers - 3) / 6
    yield {"loss": (math.log10(lr) + 2.5 + 0.2 * layers - 0.6) ** 2 / 4 + size + wrong}
