"""A record with many trials: those of one study that was run, again and again under further numbers."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

ATTACHED = {
    "trial_user_attributes": "key, value_json",
    "trial_system_attributes": "key, value_json",
    "trial_params": "param_name, param_value, distribution_json",
    "trial_values": "objective, value, value_type",
    "trial_intermediate_values": "step, intermediate_value, intermediate_value_type",
}


def multiply_trials(record: Path, times: int) -> int:
    """Gives the only study of a record so many times its trials, and returns how many these are."""
    with closing(sqlite3.connect(record)) as database, database:
        n = int(database.execute("SELECT count(*) FROM trials").fetchone()[0])
        database.execute("CREATE TEMP TABLE copies (i INTEGER)")
        database.executemany("INSERT INTO copies VALUES (?)", [(i,) for i in range(1, times)])
        database.execute(
            f"INSERT INTO trials SELECT trial_id + i * {n}, number + i * {n}, study_id, state, datetime_start, "
            "datetime_complete FROM trials, copies"
        )
        for table, columns in ATTACHED.items():
            database.execute(
                f"INSERT INTO {table} (trial_id, {columns}) SELECT trial_id + i * {n}, {columns} FROM {table}, copies"
            )
    return n * times
