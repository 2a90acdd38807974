"""MLflow's picture of the record: written beside the study, rebuilt from the record, never read by it.

What the record holds is decided elsewhere.
"""

__all__ = ["client", "content", "errors", "mirror", "reach", "tracker", "writer"]
