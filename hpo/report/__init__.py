"""The comparison report: plain records in, one believable document out.

Nothing here trains, drives or writes the record; `python -m hpo.report` is `__main__`.
"""
