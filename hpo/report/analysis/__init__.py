"""What the records of an experiment say: incumbents, outcomes, regrets, pairs, claims.

How it is worded and laid out is the business of `sections`.
"""

__all__ = ["planning", "records", "sequential"]
