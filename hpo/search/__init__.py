"""Who proposes params and who stops trials early: samplers, their grid and candidates, pruners.

The space they search is `space`'s; whoever asks them is `study`.
"""

__all__ = ["candidates", "once", "promote", "pruners", "samplers", "told"]
