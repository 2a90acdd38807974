"""Prints which share of the budget each strategy needs to be as good as `none` is at its end.

python epochs_to.py reports/pause-or-kill-on-tables/records.csv 1000
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

records = pd.read_csv(sys.argv[1])
budget = float(sys.argv[2])
curves = {}
for key, trials in records.groupby(["task", "strategy", "seed"]):
    best, curve = np.inf, []
    for trial in trials.sort_values("ended_s").itertuples():
        cost = trial.ended_s  # one worker, an epoch a second
        if trial.state == "COMPLETE" and trial.value < best and trial.value < 1e6 and cost <= budget:
            best = trial.value
            curve.append((cost, best))
    curves[key] = curve
for strategy in records.strategy.unique():
    shares = []
    for (task, name, seed), curve in curves.items():
        if name == strategy:
            target = curves[task, "none", seed][-1][1]
            shares.append(next((cost / budget for cost, best in curve if best <= target), np.inf))
    quartiles = np.quantile(shares, [0.25, 0.5, 0.75]).round(3)
    early, never = np.mean(np.array(shares) <= 0.35), np.isinf(shares).sum()
    print(f"{strategy}: quartiles {quartiles}, within .35 {early:.3f}, never {never} of {len(shares)}")
