#!/usr/bin/env bash
# The commands of this experiment, in order; run them in an empty folder. SCALE is scale.py of this folder.
set -euo pipefail
python "$SCALE" memory random 0 10000 512
for storage in sqlite postgres; do
    python "$SCALE" "$storage" random 0 200 64
    python "$SCALE" "$storage" random 1000 100 64
    python "$SCALE" "$storage" tpe 1000 40 16
done
python "$SCALE" sqlite random 10000 540 512
python "$SCALE" postgres random 10000 100 64
python "$SCALE" sqlite tpe 10000 24 8
