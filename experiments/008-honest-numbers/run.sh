#!/bin/sh
# Writes the four tables of this folder: 600 experiments a row, 2,400 for coverage and power; two minutes on one core.
set -e
cd "$(dirname "$0")/../.."
exec .venv/bin/python experiments/008-honest-numbers/simulate.py experiments/008-honest-numbers "${1:-600}"
