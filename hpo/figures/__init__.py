"""Figures as data, and their drawings by matplotlib and plotly.

What a figure shows is decided by those who make it: `report`, `model`.
"""

__all__ = ["figure", "geometry", "matplotlib", "palette", "plotly"]
