#!/usr/bin/env bash
# The commands of this experiment, in order; run them in an empty folder.
set -euo pipefail
python -m hpo.compare name=samplers-on-docstrings seeds=10 study.n_trials=24 data.n_per_class=400
python -m hpo.report experiment=samplers-on-docstrings
