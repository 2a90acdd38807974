"""Records as tables and as the numbers of report.json."""

from __future__ import annotations

from hpo.report.document.content import Table
from hpo.report.sections.tables import Field, Record, nested, numbers, table
from tests.support.search_experiments import several

RECORDS: list[Record] = [{"task": "a", "value": 1.0, "n": 3}, {"task": "b", "value": 2.0}]
FIELDS: list[Field[Record]] = [
    Field("task", "Task"),
    Field("value", "Value", format=".2f"),
    Field("n", "Seeds"),
    Field("double", "", lambda record: 2 * float(record["value"] or 0)),
]


def shown(tasks: tuple[str, ...]) -> Table:
    return table(several(tasks=tasks, n_seeds=1), "t", "T", FIELDS, RECORDS)


def test_the_column_is_there_for_several_tasks_only() -> None:
    assert [column.title for column in shown(("a", "b")).columns] == ["Task", "Value", "Seeds"]
    assert shown(("a", "b")).rows == [["a", 1.0, 3], ["b", 2.0, None]]
    alone = shown(("a",))
    assert [(column.title, column.format) for column in alone.columns] == [("Value", ".2f"), ("Seeds", ".4g")]
    assert alone.rows == [[1.0, 3], [2.0, None]]


def test_numbers_stand_under_what_they_are_of() -> None:
    assert nested(RECORDS[:1], by=["task"]) == {"a": {"value": 1.0, "n": 3}}
    assert nested(RECORDS, by=["task"], names=["value"]) == {"a": {"value": 1.0}, "b": {"value": 2.0}}
    known = {"c": {}, "a": {"of": 1}}
    assert nested(RECORDS, by=["task"], names=["value"], into=known) is known
    assert known == {"c": {}, "a": {"of": 1, "value": 1.0}, "b": {"value": 2.0}}


def test_numbers_are_what_has_a_name() -> None:
    shown_only = Field[Record]("", "Shown", lambda _: 1)
    assert numbers(RECORDS[1], [*FIELDS, shown_only]) == {"task": "b", "value": 2.0, "n": None, "double": 4.0}
