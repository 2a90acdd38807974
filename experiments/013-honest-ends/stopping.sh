#!/bin/sh
# Writes the tables and the figure on stopping into this folder: 5,000 comparisons a row; ten minutes on one core.
set -e
cd "$(dirname "$0")/../.."
exec .venv/bin/python experiments/013-honest-ends/stopping.py experiments/013-honest-ends "${1:-5000}"
