"""What a person sees of a study in the terminal: the live screen, the summary, numbers as text.

The screen of a comparison is in `compare`.
"""

__all__ = ["console", "display", "format", "progress", "screen", "summary"]
