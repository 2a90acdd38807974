"""The settings: their types and limits, how conf/ and a command line become them, what is said when they cannot.

What a setting does is the business of the room that reads it.
"""

__all__ = [
    "compare",
    "compose",
    "defaults",
    "limits",
    "metric",
    "override_text",
    "overrides",
    "registry",
    "report",
    "schema",
    "search",
    "training",
]
