#!/bin/sh
# Writes the five tables of this folder: 600 experiments a row, 2,400 for coverage, power and within tasks; three minutes on one core.
set -e
cd "$(dirname "$0")/../.."
exec .venv/bin/python experiments/008-honest-numbers/simulate.py experiments/008-honest-numbers "${1:-600}"
