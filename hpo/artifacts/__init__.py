"""What lies on disk of studies and trials: their folders, checkpoints, and copies of those behind a URL.

The record itself is in `storage`.
"""

__all__ = ["checkpoint", "folders", "remote", "steps"]
