"""One study from its plan to its end: the driver, its trials, attempts and budget, resume, confirmation, audit.

What proposes, trains, stores and shows has rooms of its own.
"""

__all__ = [
    "audit",
    "confirmation",
    "mirroring",
    "plan",
    "preparation",
    "provenance",
    "refusal",
    "repeating",
    "reproduction",
    "session",
]
