"""The trainer that looks trials up in a table of recorded learning curves, and how such a table is written.

In which time they seem to run is decided by `executors.simulated`.
"""

__all__ = ["conversion", "recorder", "space"]
