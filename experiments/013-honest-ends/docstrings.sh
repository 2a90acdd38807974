#!/usr/bin/env bash
# A comparison of real training that stops when it is decided; run it in an empty folder. An hour or two on two cores.
set -euo pipefail
words=(name=decided-on-docstrings samplers='[random,tpe]' study.n_trials=24 data.n_per_class=400)
python -m hpo compare "${words[@]}" plan=true difference=0.02
python -m hpo compare "${words[@]}" stop=decided seeds=20
