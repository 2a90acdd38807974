#!/usr/bin/env bash
# The commands of this experiment, in order; run them in an empty folder.
set -euo pipefail
python -m hpo experiment=imdb_cpu sampler=tpe
