"""What each command of the console does: `python -m hpo`, and those beside it.

The doors `hpo/*.py` only call them; the work itself is done in other rooms.
"""

__all__ = ["compare", "copy", "curves", "predict", "report", "show", "study", "sync"]
