"""Settings as they are typed: values and lines of overrides that Hydra, and a shell, read back as they were.

Reading what was typed is the business of `overrides`; `quoted_override` is for what Hydra's grammar cannot read.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

ASSIGNED = re.compile(r"([+]{0,2}[A-Za-z_][\w.@/]*)=(?!\s*$)\s*(.+)", re.DOTALL)
PIECE = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[][{},]|:(?=\s)|(?:[^][{},:'"]|:(?!\s))+""", re.DOTALL)
READABLE = re.compile(r"[\w/\\+.$%*@?|:-]+", re.ASCII)  # what Hydra's grammar takes without quotes


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


def quoted_override(word: str, *, may_be_several: bool = False) -> str:
    """Returns an override with quotes around the texts of its value, as Hydra must have paths with blanks, `~` or ö.

    Where it `may_be_several`, commas stand between values.
    "" where the value holds quotes of its own or line ends, or its brackets do not match: that a person must mend.
    """
    match = ASSIGNED.fullmatch(word)
    if match is None or not word.isprintable():
        return ""
    key, value = match.groups()
    if value[0] not in "[{" and not (may_be_several and "," in value):
        return f"{key}={override_value(value)}" if value[0] not in "\"'" else ""
    pieces = PIECE.findall(value)
    is_sound = "".join(pieces) == value and all(value.count(a) == value.count(b) for a, b in ("[]", "{}"))
    return f"{key}={''.join(map(_quoted_piece, pieces))}" if is_sound else ""


def _quoted_piece(piece: str) -> str:
    """Returns a piece of a list or a mapping; texts that are no plain words have quotes."""
    text = piece.strip()
    is_text = bool(text) and text[0] not in "[]{},:\"'" and READABLE.fullmatch(text) is None
    return piece.replace(text, override_value(text)) if is_text else piece


def _is_plain(text: str) -> bool:
    """Returns whether Hydra reads `text` back as this very text without quotes."""
    is_word = re.fullmatch(r"(?:[A-Za-z_]|\.{0,2}/)[A-Za-z0-9_./:@+-]*", text) is not None  # words, paths, addresses
    return is_word and text.lower() not in {"null", "true", "false", "nan", "inf"}


def _escaped(text: str) -> str:
    """Returns `text` for single quotes in Hydra's grammar: backslashes count only before a quote."""
    return re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), text)
