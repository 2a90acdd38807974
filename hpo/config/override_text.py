"""Settings as they are typed: values and lines of overrides that Hydra, and a shell, read back as they were.

Reading what was typed is the business of `overrides`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping


def override_line(values: Mapping[str, object]) -> str:
    """Returns settings for pasting behind `hpo` in a shell, every digit kept."""
    return " ".join(shlex.quote(f"{path}={override_value(value)}") for path, value in values.items())


def override_value(value: object) -> str:
    """Returns `value` as Hydra reads it back."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return value if _is_plain(value) else "'" + _escaped(value) + "'"
        case list() | tuple():
            return f"[{','.join(map(override_value, value))}]"
        case Mapping():
            return f"{{{','.join(f'{key}:{override_value(item)}' for key, item in value.items())}}}"
    return repr(value)


def _is_plain(text: str) -> bool:
    """Returns whether Hydra reads `text` back as this very text without quotes."""
    is_word = re.fullmatch(r"(?:[A-Za-z_]|\.{0,2}/)[A-Za-z0-9_./:@+-]*", text) is not None  # words, paths, addresses
    return is_word and text.lower() not in {"null", "true", "false", "nan", "inf"}


def _escaped(text: str) -> str:
    """Returns `text` for single quotes in Hydra's grammar: backslashes count only before a quote."""
    return re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), text)
