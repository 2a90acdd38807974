"""JSON as rows of values: one object a line, or a list of objects, or columns as pandas writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

Rows = list[tuple[str, dict[str, object]]]  # place, values by name


def read_json(text: str, *, shown: str) -> Rows:
    """Returns the objects of a JSON file and where each was found: "line 3", or "row 3" of a list.

    Args:
        text: The file's text.
        shown: What errors call it.

    Raises:
        ValueError: If it is neither lines of objects nor a list of them.
    """
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if text.lstrip()[:1] == "{" and (len(lines) > 1 or not _is_whole(text)) and _is_object(lines[0][1]):
        return [
            (f"line {number}", _object(_parsed(line, shown, number), f"line {number}", shown)) for number, line in lines
        ]
    if not lines:
        return []
    content = _parsed(text, shown)
    if isinstance(content, dict):
        content = _of_one(content, shown)
    if not isinstance(content, list):
        raise ValueError(f"{shown} {_wrong(content)}")
    return [(f"row {number}", _object(value, f"row {number}", shown)) for number, value in enumerate(content, start=1)]


def names_of(rows: Rows) -> list[str]:
    """Returns the names of all values, in the order of their first appearance."""
    return list(dict.fromkeys(name for _, values in rows for name in values))


def _is_whole(text: str) -> bool:
    """Returns whether a text of one line is one of columns or holds a list, not one row."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return False
    values = list(content.values()) if isinstance(content, dict) else []
    holds_rows = any(isinstance(value, list) and value and isinstance(value[0], dict) for value in values)
    return bool(values) and (holds_rows or all(isinstance(value, list | dict) for value in values))


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return line.strip() != "{" and not line.strip().endswith(("{", "[", ","))


def _parsed(text: str, shown: str, line: int = 0) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {line or error.lineno}, character {error.colno}"
        raise ValueError(
            f"{shown} is no JSON in {where} ({error.msg}); write one object a line, or a list of objects."
        ) from error
    except RecursionError as error:
        raise ValueError(f"{shown} is nested too deeply; write one object a line, or a list of objects.") from error


def _of_one(content: dict[str, object], shown: str) -> Sequence[object]:
    """Returns the rows of an object of columns, or those that it holds under one name."""
    lists = [value for value in content.values() if isinstance(value, list)]
    held = [value for value in lists if value and all(isinstance(item, dict) for item in value)]
    if len(held) == 1:
        return held[0]
    columns = [list(value.values()) if isinstance(value, dict) else value for value in content.values()]
    filled = [column for column in columns if isinstance(column, list) and column]
    if filled and len(filled) == len(columns) and len(set(map(len, filled))) == 1:
        return [dict(zip(content, row, strict=True)) for row in zip(*filled, strict=True)]
    raise ValueError(f"{shown} {_wrong(content)}")


def _object(value: object, place: str, shown: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"{shown} has {_kind(value)} in {place}, where an object with a text and a label belongs.")
    return dict(_flat(value))


def _flat(values: dict[str, object], before: str = "") -> Iterator[tuple[str, object]]:
    """Yields the values of an object, and those of objects in it under both names: "data" and "data.text"."""
    for name, value in values.items():
        yield f"{before}{name.strip()}", value
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name.strip()}.")


def _wrong(content: object) -> str:
    return f"holds {_kind(content)}, no rows; write one object a line, or a list of objects."


def _kind(value: object) -> str:
    kinds = {dict: "one object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")
