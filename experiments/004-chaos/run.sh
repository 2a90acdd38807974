#!/usr/bin/env bash
# The commands of this experiment, run from the root of the repository: half an hour on two cores.
set -euo pipefail
python -m tests.chaos.driver synthetic 0 20 experiments/004-chaos/runs
python -m tests.chaos.driver awd_lstm 0 3 experiments/004-chaos/runs
