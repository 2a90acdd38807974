"""Settings with limits: the values a number of the configuration may have, and the sentence for one that it may not.

Types are checked when the configuration is composed; whether the data exist is found out by `data.sources`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

MISSING: Any = "???"  # omegaconf's mark for "no value yet"; spelled here so that this module stays dependency-free
MAX_INT = 2**63 - 1  # what databases and tensors hold
MAX_SEED = 2**32 - 1
MAX_S = 1e9  # 30 years: more than clocks and timers are asked to wait


@dataclass(frozen=True)
class Limit:
    """An interval; `above` and `below` exclude their ends, `low` and `high` include them."""

    low: float = -math.inf
    high: float = math.inf
    above: float = -math.inf
    below: float = math.inf

    def allows(self, value: float) -> bool:
        return self.low <= value <= self.high and self.above < value < self.below

    def __str__(self) -> str:
        parts = [
            f"at least {self.low:.10g}" if self.low > -math.inf else "",
            f"above {self.above:g}" if self.above > -math.inf else "",
            f"at most {self.high:.10g}" if self.high < math.inf else "",
            f"below {self.below:g}" if self.below < math.inf else "",
        ]
        return " and ".join(part for part in parts if part) or "finite"


def setting(default: Any = MISSING, **limit: float) -> Any:
    """Returns a field of an option or a section for a number within a `Limit`: `n_trials: int = setting(low=1)`."""
    return field(default=default, metadata={"limit": Limit(**limit)})


def count(default: Any = MISSING) -> Any:
    """Returns a field for a number of things, of which there is at least one."""
    return setting(default, low=1)


def share(default: Any = MISSING) -> Any:
    """Returns a field for a part of a whole, neither none nor all of it."""
    return setting(default, above=0, below=1)


def seconds(default: Any = MISSING) -> Any:
    """Returns a field for a length of time."""
    return setting(default, above=0, high=MAX_S)


def check_limits(config: object, *, only: str | None = None) -> None:
    """Refuses a number outside its interval.

    Args:
        config: Any configuration whose types are right.
        only: Look at this path alone.

    Raises:
        ValueError: naming the first such path, what was given and what is allowed.
    """
    for path, value, limit in _numbers(config, "", Limit()):
        if only not in (None, path):
            continue
        if isinstance(value, int) and abs(value) > MAX_INT:
            raise ValueError(f"{path} is a whole number of more than 64 bits; give a smaller one.")
        if not math.isfinite(value):
            raise ValueError(f"{path}={value:g} must be a finite number.")
        if not limit.allows(value):
            raise ValueError(f"{path}={value:.10g} must be {limit}.")


def _numbers(node: object, path: str, limit: Limit) -> Iterator[tuple[str, float, Limit]]:
    """Yields each number below `node` with its path and its limit."""
    if is_dataclass(node):
        for item in fields(node):
            if item.name != "space":
                limit = item.metadata.get("limit", Limit())
                yield from _numbers(getattr(node, item.name), f"{path}.{item.name}".lstrip("."), limit)
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield path, node, limit
