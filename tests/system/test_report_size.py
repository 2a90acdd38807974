"""A large report: how long it takes and how much memory, as a user's command."""

from __future__ import annotations

import csv
import random
import time
from pathlib import Path

import pytest

from tests.support.measured_commands import measured_command

COLUMNS = "experiment,task,strategy,seed,trial,value,state,epochs,seconds,test,param.lr,param.n_hid"
LIMIT_S, LIMIT_BYTES = 60, 2e9


@pytest.mark.slow
def test_a_hundred_studies_of_a_hundred_trials_take_less_than_a_minute_and_two_gigabytes(tmp_path: Path) -> None:
    records = tmp_path / "records.csv"
    write_records(records, n_strategies=5, n_seeds=20, n_trials=100)
    begun_s = time.monotonic()
    done = measured_command("report", f"records={records}", "tracking=none", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "reports/large/report.html").is_file()
    assert time.monotonic() - begun_s < LIMIT_S
    assert done.peak_bytes < LIMIT_BYTES


def write_records(path: Path, *, n_strategies: int, n_seeds: int, n_trials: int) -> None:
    rng = random.Random(0)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS.split(","))
        for strategy in range(n_strategies):
            for seed in range(n_seeds):
                for trial in range(n_trials):
                    state = "PRUNED" if rng.random() < 0.2 else "COMPLETE"
                    value, params = rng.gauss(0.5, 0.05), (10 ** rng.uniform(-4, -1), rng.choice([32, 64, 128]))
                    cost = rng.randint(1, 6), rng.uniform(1, 9)
                    writer.writerow(["large", "t", f"s{strategy}", seed, trial, value, state, *cost, value, *params])
