"""A table of trials as benchmarks of tuners publish them: many tasks, strategies and seeds, no training.

`python -m tests.support.many_tasks FILE.csv` writes one of 86 tasks, 10 strategies, 5 seeds and 100 trials.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

HEADER = "experiment,task,strategy,seed,trial,value,state,epochs,seconds,param.lr,param.depth\n"


def write_table(
    path: Path, *, n_tasks: int = 86, n_strategies: int = 10, n_seeds: int = 5, n_trials: int = 100, seed: int = 0
) -> Path:
    """Writes the table as CSV: later strategies search closer to each task's optimum, one trial in fifty fails."""
    rng = np.random.default_rng(seed)
    with path.open("w") as file:
        file.write(HEADER)
        for task in range(n_tasks):
            level, spread, best = rng.uniform(0.1, 0.6), rng.uniform(0.02, 0.2), rng.uniform(0, 1, 2)
            for strategy in range(n_strategies):
                for number in range(n_seeds):
                    units = rng.uniform(0, 1, (n_trials, 2))
                    pull = 0.08 * strategy * np.linspace(0, 1, n_trials)[:, None]
                    units += np.minimum(pull, 1) * (best - units)
                    loss = (
                        level + spread * ((units - best) ** 2).sum(axis=1) + 0.02 * spread * rng.normal(size=n_trials)
                    )
                    failed = rng.random(n_trials) < 0.02
                    lr, depth = 10 ** (-4 + 3 * units[:, 0]), 1 + (9 * units[:, 1]).astype(int)
                    for trial in range(n_trials):
                        value, state = ("", "FAIL") if failed[trial] else (f"{loss[trial]:.6f}", "COMPLETE")
                        file.write(
                            f"benchmark,task-{task:02d},tuner-{strategy},{number},{trial},{value},{state},1,2,"
                            f"{lr[trial]:.6g},{depth[trial]}\n"
                        )
    return path


if __name__ == "__main__":
    write_table(Path(sys.argv[1]))
