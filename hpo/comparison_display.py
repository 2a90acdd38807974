"""What a person sees while a comparison runs: a cell for each strategy and seed.

A single study's screen is `display`'s.
"""

from __future__ import annotations

from hpo.comparison import Comparison
from hpo.display import Display, build_display


class ComparisonDisplay:
    def __init__(self, display: Display) -> None:
        self._display = display

    def of(self, _: str) -> Display:
        return self._display

    def __getattr__(self, name):
        return getattr(self._display, name)


def build_comparison_display(comparison: Comparison):
    return ComparisonDisplay(build_display())
