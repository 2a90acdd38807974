#!/usr/bin/env bash
# The commands of this experiment; run them in the folder of the repository. Half an hour on two cores, and they clean up after themselves.
set -euo pipefail
python -m tests.chaos.driver synthetic 0 20
python -m tests.chaos.driver awd_lstm 0 3
