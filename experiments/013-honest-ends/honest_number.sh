#!/bin/sh
# Writes the table on the numbers at the end of a study into this folder: seconds on one core.
set -e
cd "$(dirname "$0")/../.."
exec .venv/bin/python experiments/013-honest-ends/honest_number.py "${1:-500}" > experiments/013-honest-ends/honest-number.csv
