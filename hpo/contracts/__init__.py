"""What everybody speaks: the contracts of trainers and executors, the plain records, the seeds.

No implementation of a contract lives here.
"""

__all__ = ["executor", "honest", "records", "seeds", "trainer"]
