"""The trainer of a user's own training function: found by its name, called, listened to, resumed.

Which of its arguments are searched is the space's business.
"""

__all__ = ["fastai", "find"]
