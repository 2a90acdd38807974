"""Prints the median over the seeds of the best loss seen, and which strategies beat random search on each problem.

python table.py reports/all-strategies-on-problems/records.csv
"""

from __future__ import annotations

import sys

import pandas as pd

from hpo.statistics.paired import holm
from hpo.statistics.signed_rank import signed_rank_p

records = pd.read_csv(sys.argv[1])
best = records[records.state == "COMPLETE"].groupby(["strategy", "task", "seed"]).value.min()
print(best.groupby(["strategy", "task"]).median().unstack().round(3).to_string())

wide = best.unstack("strategy")
for task in wide.index.unique("task"):
    of = wide.loc[task]
    names = [name for name in of.columns if name != "random"]
    p = [signed_rank_p((of[name] - of["random"]).to_numpy()) for name in names]
    told = zip(names, holm(p), (of[names].sub(of["random"], axis=0) < 0).sum(), strict=True)
    print(task, ", ".join(f"{name} {adjusted:.3f} ({ahead}/{len(of)})" for name, adjusted, ahead in told))
