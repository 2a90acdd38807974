"""Figures as data, their drawings by matplotlib and plotly, and the style of the pages that they stand on.

What a figure shows is decided by those who make it: `report`, `model`.
"""

__all__ = ["figure", "geometry", "matplotlib", "palette", "plotly", "style"]
