"""How a text from outside is written so that no reader takes it for markup, code or a formula.

One function per kind of document; what the texts say is not looked at. Jinja escapes the HTML itself.
"""

from __future__ import annotations

import re
import textwrap

LONG_WORD = 200

# What a spreadsheet takes for the beginning of a formula (OWASP, "CSV injection"), full-width forms included.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def one_line(text: str) -> str:
    """Returns `text` without line breaks, control characters, direction overrides and lone surrogates."""
    return "".join(char if char.isprintable() else " " for char in text)


def for_html(value: object) -> object:
    """Returns a text that changes nothing around it, line breaks kept; Jinja escapes its markup afterwards."""
    return "\n".join(map(one_line, value.split("\n"))) if type(value) is str else value


def for_plotly(text: str) -> str:
    """Returns `text` for a label, of which plotly.js would draw <b> as markup and $…$ as mathematics."""
    return one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("$", "&#36;")


def for_template(text: str) -> str:
    """Returns `text` for a hover template, in which plotly.js would also replace %{x}."""
    return for_plotly(text).replace("%", "&#37;")


def for_script(json_text: str) -> str:
    """Returns JSON that can stand inside <script>: it neither ends the element nor begins a comment."""
    for char in "<>&\u2028\u2029":
        json_text = json_text.replace(char, f"\\u{ord(char):04x}")
    return json_text


def for_matplotlib(text: str) -> str:
    """Returns `text` for a label, of which matplotlib would draw $…$ as mathematics."""
    return one_line(text).replace("$", r"\$")


def for_markdown(text: str) -> str:
    """Returns `text` on one line for a paragraph or a table cell: no markup, no HTML, no link, no mathematics."""
    line = re.sub(r"\s+", " ", one_line(text)).strip()
    line = re.sub(r"([\\`*_{}\[\]<>#|~!&$^])", r"\\\1", line)
    line = re.sub(r"(?i)\b(https?|ftp|www|mailto|xmpp)([:.])", r"\1\\\2", line)
    return re.sub(r"^([-+=])(?=[-=\s]|$)|^(\d+)(?=[.)](\s|$))", r"\2\\\1", line)


def for_spreadsheet(text: str) -> str:
    """Returns `text` for a CSV cell; one that begins like a formula is marked as text by an apostrophe."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def file_stem(key: str) -> str:
    """Returns `key` as a part of a file name and of an anchor on any system."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", key).strip("-_") or "unnamed"


def wrapped(text: str, *, width: int, max_lines: int) -> list[str]:
    """Returns `text` as at most `max_lines` lines of about `width` characters, the last ending in … when cut."""
    return textwrap.wrap(one_line(text), width, max_lines=max_lines, placeholder=" …") or [""]


def last_line(text: str) -> str:
    """Returns what an error or a traceback ends with."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return printable(lines[-1]) if lines else ""


def printable(text: str) -> str:
    """Returns `text` as one line that cannot steer a terminal."""
    return one_line(text).strip()


def as_line(sentence: str) -> str:
    """Returns `sentence` as one line that cannot steer a terminal and repeats no endless word."""
    words = (word if len(word) <= LONG_WORD else f"{word[:120]}…{word[-40:]}" for word in sentence.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in " ".join(words))
