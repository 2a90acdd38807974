#!/usr/bin/env bash
# The command of this experiment; run it in a folder with taskset.yaml and the six tables in tables/.
set -euo pipefail
python -m hpo compare experiment=replay name=pause-or-kill-on-tables sampler=random seeds=20 \
    strategies='{none: {pruner: none}, asha: {pruner: asha}, hyperband: {pruner: hyperband}, promote: {pruner: promote}}' \
    tasks='{LSTM128-E128: {trainer.path: tables/patch32_LSTM128_E128_bs128.parquet}, LSTM128: {trainer.path: tables/patch128_LSTM128_bs64.parquet}, LSTM128-avg: {trainer.path: tables/patch128_LSTM128_avg_bs64.parquet}, GRU128: {trainer.path: tables/patch32_GRU128_bs128.parquet}, IRNN64: {trainer.path: tables/patch32_IRNN64_relu_avg_bs128.parquet}, VRNN128: {trainer.path: tables/patch32_VRNN128_tanh_bs128.parquet}}' \
    trainer.card=taskset.yaml
