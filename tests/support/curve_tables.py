"""Small tables of recorded learning curves, and their cards, for the tests that replay them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from tests.support import ROOT

TASKSET = ROOT.parent / "shared" / "tables" / "taskset"
TASKSET_CARD = ROOT / "experiments" / "003-pruners-on-recorded-curves" / "taskset.yaml"

CARD: dict[str, Any] = {
    "params": {"rate": {"type": "float", "log": True}, "size": {"type": "int"}, "kind": {"type": "categorical"}},
    "metrics": {"valid_loss": "loss"},
    "test": {"test_loss": "test"},
    "direction": "minimize",
    "seconds": "seconds",
}


def write_table(
    path: Path,
    columns: Mapping[str, Sequence[Any]] | None = None,
    card: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Path:
    """Writes a table and its card; returns the table's path.

    Args:
        path: Where; the card goes beside it.
        columns: Column by name; by default those of `make_columns`.
        card: What the card says, by default `CARD`.
        changes: Entries of the card that are other than that; None leaves one out.
    """
    pq.write_table(pa.table({name: list(column) for name, column in (columns or make_columns()).items()}), path)
    said = {key: value for key, value in {**(card or CARD), **changes}.items() if value is not None}
    path.with_suffix(".yaml").write_text(yaml.safe_dump(said, sort_keys=False))
    return path


def make_columns(n: int = 24, *, n_epochs: int = 5) -> dict[str, list[Any]]:
    """Returns `n` different configurations whose losses fall, each at its own pace and speed."""
    rates = [10 ** (-4 + 3 * (i * 7 % n) / n) for i in range(n)]
    floors = [0.2 + abs(math.log10(rate) + 2.5) / 4 + 0.01 * (i % 5) for i, rate in enumerate(rates)]
    curves = [[floor + 1.5 * math.exp(-(epoch + 1) / 2) for epoch in range(n_epochs)] for floor in floors]
    return {
        "rate": rates,
        "size": [32 * (1 + i % 4) for i in range(n)],
        "kind": ["ab"[i % 2] for i in range(n)],
        "loss": curves,
        "test": [[loss + 0.1 for loss in curve] for curve in curves],
        "seconds": [[1.0 + i % 3 + 0.25 * (i % 7)] * n_epochs for i in range(n)],
    }
