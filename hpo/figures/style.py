"""The style of the pages that people read, one for a report and for a model's evaluation.

What a page holds, and how it is laid out, is its own template's.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def page_style() -> str:
    """Returns the CSS: light and dark, on a phone, on paper."""
    return Path(__file__).with_name("page.css").read_text("utf-8")
