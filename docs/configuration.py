"""Writes docs/configuration.md, every setting with its default, values and meaning: python docs/configuration.py

Types and limits come from the dataclasses of the options, defaults and meanings from the lines of conf/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from hpo.commands.help import Group, read_groups
from hpo.config.compare import CompareConfig
from hpo.config.registry import options
from hpo.config.report import ReportConfig
from hpo.config.schema import Config
from hpo.machine.paths import conf_folder

PAGE = Path(__file__).with_suffix(".md")
LINE = re.compile(r"(?P<indent> *)(?P<key>\w+):(?: +(?P<value>[^#\s].*?))?(?: +# (?P<comment>.*))?")
KINDS: dict[object, str] = {
    int: "whole number",
    float: "number",
    str: "text",
    bool: "`true`, `false`",
    NoneType: "`null`",
}

OPENING = """\
# Configuration: every setting

`hpo sampler=random study.n_trials=24` chooses an option of a group and gives a setting a value. What is not given has
the default of this page, which [`configuration.py`](configuration.py) writes from the files of [conf](../conf) and the
types behind them; `hpo --cfg job` prints what a command comes to. How a space is written, and where files of your own
lie, is in [the search](guide/search.md); what other commands take, `hpo COMMAND --help` says.
"""


@dataclass(frozen=True)
class Entry:
    """A setting as a file of conf/ has it: its path, its value, and what is said of it behind or above it."""

    path: str
    value: str
    comment: str


def reference() -> str:
    """Returns the whole page."""
    conf = conf_folder()
    commands = {"config": Config, "compare": CompareConfig, "report": ReportConfig}
    titles = {"config": "A study", "compare": "hpo compare, beside those of a study", "report": "hpo report"}
    roots = {
        name: f"## {titles[name]}\n\n{table(read(conf / f'{name}.yaml'), root)}\n" for name, root in commands.items()
    }
    groups = (group_text(conf / group.name, group) for group in read_groups(conf))
    return "\n".join([OPENING, roots["config"], *groups, roots["compare"], roots["report"]])


def group_text(folder: Path, group: Group) -> str:
    """Returns what a group is for, its options, and the settings of each that has some."""
    classes = options().get(group.name, {})
    files = {name: read(folder / f"{name}.yaml") for name in group.options if name in classes}
    said: dict[str, str] = {}  # of what several options have: by the default one, else by the first that says it
    for entry in (entry for name in [group.default, *files] for entry in files.get(name, [])):
        said[entry.path] = said.get(entry.path) or entry.comment
    lines = [f"## {group.name}: {group.purpose or 'a whole set-up in one word'}", ""]
    lines += [
        f"- `{group.name}={name}`{' (default)' * (name == group.default)}: {what}"
        for name, what in group.options.items()
    ]
    for name, entries in files.items():
        full = [Entry(entry.path, entry.value, entry.comment or said.get(entry.path, "")) for entry in entries]
        if full:
            lines += ["", f"### {group.name}={name}", "", table(full, classes[name], f"{group.name}.")]
    return "\n".join([*lines, ""])


def table(entries: Sequence[Entry], root: type, prefix: str = "") -> str:
    """Returns a table of the settings below `root`."""
    rows = (
        f"| `{prefix}{entry.path}` | {'' if entry.value == '???' else f'`{entry.value}`'} | "
        f"{values_of(root, entry.path)} | {entry.comment} |"
        for entry in entries
    )
    return "\n".join(["| setting | default | values | meaning |", "|---|---|---|---|", *rows])


def values_of(root: type, path: str) -> str:
    """Returns what a setting may be."""
    *parents, name = path.split(".")
    for parent in parents:
        root = get_type_hints(root)[parent]
    hint = get_type_hints(root)[name]
    kinds = get_args(hint) if NoneType in get_args(hint) else (hint,)
    limits = [
        str(field.metadata["limit"]) for field in fields(root) if field.name == name and "limit" in field.metadata
    ]
    first, *others = [kind_of(kind) for kind in kinds]
    return ", ".join([" ".join([first, *limits]), *others])


def kind_of(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(f"`{member.name}`" for member in kind)
    if get_origin(kind) is list:
        return "list"
    return KINDS.get(kind, "mapping or list")


def read(path: Path) -> list[Entry]:
    """Returns the settings of a file of conf/."""
    return list(_entries(path.read_text("utf-8").splitlines()))


def _entries(lines: Sequence[str]) -> Iterator[Entry]:
    parents: list[tuple[int, str]] = []
    above: list[str] = []
    for number, line in enumerate(lines):
        match = LINE.fullmatch(line)
        if match is None:
            above = [*above, line.lstrip("# ")] if line.startswith("#") and number else []
            continue
        indent = len(match["indent"])
        parents = [parent for parent in parents if parent[0] < indent]
        path = ".".join([*(name for _, name in parents), match["key"]])
        if match["value"]:
            yield Entry(path, match["value"], match["comment"] or " ".join(above))
        else:
            parents.append((indent, match["key"]))
        above = []


if __name__ == "__main__":
    PAGE.write_text(reference(), "utf-8")
