"""What each command of the console does: `hpo`, and its words.

The doors `hpo/*.py` only call them; the work itself is done in other rooms.
"""

__all__ = ["compare", "console", "copy", "curves", "predict", "report", "show", "sync"]
