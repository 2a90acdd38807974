"""The comparison report: plain records in, one believable document out.

Nothing here trains, drives or writes the record.
"""

__all__ = ["analysis", "assemble", "checking", "document", "making", "reading"]
