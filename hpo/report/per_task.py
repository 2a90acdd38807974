"""How tasks are named in tables and views, and tables that name them only where there are several.

What is said of a task is the analyses' business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hpo.report.content import Cell, Column, Table
from hpo.report.records import Experiment

TASK = Column("Task")


def task_name(task: str) -> str:
    """Returns the name of a task as it is shown; the only one of an experiment may have none."""
    return task or "all trials"


def task_table(experiment: Experiment, table: Table) -> Table:
    """Returns `table`, whose first column is the task, without this column where there is one task only."""
    if len(experiment.tasks) > 1:
        return table
    rows: list[Sequence[Cell]] = [row[1:] for row in table.rows]
    return replace(table, columns=table.columns[1:], rows=rows)
