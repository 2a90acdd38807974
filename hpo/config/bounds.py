"""How much a configuration may hold: what is past it is refused before it is read, which would take all memory.

A few lines of YAML can stand for thousands of millions of values; what they mean is `compose`'s business.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra._internal.sources_registry import SourcesRegistry

MAX_BYTES, MAX_VALUES, MAX_DEPTH = 1_000_000, 20_000, 50
MAX_WORD = 20_000  # characters of an override
ADVICE = "A configuration holds settings; keep tables of data in files of their own."


class TooMuch(ValueError):
    """A configuration is larger than any that is meant; the sentence says what of it."""


@dataclass
class _Node:
    """A mapping or a list that is being read."""

    anchor: str
    size: int = 0  # values in it so far


def bound_files() -> None:
    """Lets Hydra, once it is initialized, look at each file before it reads it."""
    kind: Any = SourcesRegistry.instance().types["file"]  # its own copy of the class, which is no plug-in's to replace
    unseen = kind.load_config
    if hasattr(unseen, "unseen"):
        return

    def load(source: Any, config_path: str) -> object:
        path = Path(source.path, source._normalize_file_name(config_path))
        with suppress(OSError), path.open("rb") as file:  # Hydra says what is not there
            check_yaml(file.read(MAX_BYTES + 1), str(path))
        return unseen(source, config_path)

    load.unseen = unseen  # type: ignore[attr-defined]  # says that it is this one already
    kind.load_config = load


def check_yaml(content: bytes, path: str) -> None:
    """Refuses a file that is too long, too deep, or stands for too many values; anything else in it is not looked at.

    Raises:
        TooMuch: naming the limit.
    """
    if len(content) > MAX_BYTES:
        raise TooMuch(f"{path} has more than {MAX_BYTES:,} bytes. {ADVICE}")
    sizes: dict[str, int] = {}  # how many values each anchor stands for
    around: list[_Node] = [_Node("")]
    try:
        for event in yaml.parse(content, Loader=yaml.CSafeLoader):
            match event:
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                    around.append(_Node(event.anchor or "", 1))
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    node = around.pop()
                    sizes[node.anchor] = node.size
                    around[-1].size += node.size
                case yaml.AliasEvent():
                    around[-1].size += sizes.get(event.anchor or "", 1)
                case yaml.ScalarEvent():
                    around[-1].size += 1
            if len(around) > MAX_DEPTH:
                raise TooMuch(f"{path} is nested more than {MAX_DEPTH} deep. {ADVICE}")
            if around[-1].size > MAX_VALUES:
                raise TooMuch(f"{path} stands for more than {MAX_VALUES:,} values. {ADVICE}")
    except (yaml.YAMLError, UnicodeDecodeError):  # whoever reads it says so
        return
