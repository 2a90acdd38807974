#!/usr/bin/env bash
# The commands of this experiment, in order; run them in an empty folder.
set -euo pipefail
python -m hpo experiment=imdb_cpu sampler=tpe pruner.n_startup_trials=3 pruner.n_warmup_epochs=0
