"""The colour, dash and marker of each strategy, the same in every figure of a report.

Colours are those of Okabe and Ito (2008), told apart by colour-blind readers, the yellow darkened for paper.
Nothing is drawn here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

INK = "#1b1f24"  # stands for black; the HTML document turns it light on a dark screen
GREY = "#8a929c"
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", INK, "#CDB800")
# One hue from light (worst) to strong (best), read alike in grey; dark text is legible on all of it.
SHADES = ((0.0, "#f4f7fa"), (0.5, "#b9d5ea"), (1.0, "#6fa9d6"))
SHADE_INK = "#14171a"
# Names of plotly.js and of matplotlib for the same thing.
Linestyle = Literal["-", "--", ":", "-."]
DASHES: tuple[tuple[str, Linestyle], ...] = (("solid", "-"), ("dash", "--"), ("dot", ":"), ("dashdot", "-."))
MARKERS = (
    ("circle", "o"),
    ("square", "s"),
    ("diamond", "D"),
    ("triangle-up", "^"),
    ("triangle-down", "v"),
    ("cross", "P"),
    ("x", "X"),
    ("star", "*"),
)


@dataclass(frozen=True)
class Style:
    """How a strategy is drawn: by plotly.js (`dash`, `symbol`) and by matplotlib (`linestyle`, `marker`)."""

    color: str
    dash: str = "solid"
    linestyle: Linestyle = "-"
    symbol: str = "circle"
    marker: str = "o"


NEUTRAL = Style(GREY)
# Of a trial's state where curves are coloured by fate; told apart by colour-blind readers too.
FATES = {
    "COMPLETE": Style("#56B4E9"),
    "PRUNED": Style("#E69F00", symbol="diamond", marker="D"),
    "FAIL": Style(INK, symbol="x", marker="X"),
}
Styles = Mapping[str | None, Style]


def build_styles(strategies: Sequence[str]) -> dict[str | None, Style]:
    """Returns the style of each strategy by its place; beyond the eighth, dashes and markers tell them apart."""
    styles: dict[str | None, Style] = {}
    for place, strategy in enumerate(strategies):
        turn, color = divmod(place, len(COLORS))
        dash, linestyle = DASHES[turn % len(DASHES)]
        symbol, marker = MARKERS[(color + turn) % len(MARKERS)]
        styles[strategy] = Style(COLORS[color], dash, linestyle, symbol, marker)
    return styles


def style_of(styles: Styles, strategy: str | None) -> Style:
    """Returns the style of a strategy or of a trial's state; grey for none and for what the report does not name."""
    return styles.get(strategy) or FATES.get(strategy or "", NEUTRAL)
