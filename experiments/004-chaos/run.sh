#!/usr/bin/env bash
# The commands of this experiment; run them in this folder. Half an hour on two cores, and they clean up after themselves.
set -euo pipefail
python chaos.py synthetic 0 20
python chaos.py awd_lstm 0 3
