"""Tables that name the task only where there are several."""

from __future__ import annotations

from searched import several

from hpo.report.content import Column, Table
from hpo.report.per_task import TASK, task_name, task_table

TABLE = Table("t", "T", [TASK, Column("Value")], [["a", 1.0], ["b", 2.0]])


def test_the_column_is_there_for_several_tasks_only() -> None:
    assert task_table(several(tasks=("a", "b"), n_seeds=1), TABLE) == TABLE
    alone = task_table(several(n_seeds=1), TABLE)
    assert [column.title for column in alone.columns] == ["Value"]
    assert alone.rows == [[1.0], [2.0]]


def test_a_task_without_a_name_has_one_to_show() -> None:
    assert task_name("imdb") == "imdb"
    assert task_name("") == "all trials"
