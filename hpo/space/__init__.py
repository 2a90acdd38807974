"""The search space: read from settings, applied to them, seen as distributions, grid and unit cube.

Which of its points to try is the business of `search`.
"""

__all__ = ["apply", "cube", "read", "space"]
