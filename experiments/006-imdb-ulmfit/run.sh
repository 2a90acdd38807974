#!/usr/bin/env bash
# Two searches over IMDb side by side, one core each, for the same seconds; run it in an empty folder:
#
#     run.sh SEARCH_SECONDS ENCODER_SECONDS         the run of README.md: run.sh 3728 1272
#
# ENCODER_SECONDS is what the encoders cost the arm that starts from them (its first lines say it); the other arm gets
# them for its search. The reviews come through fastai, from the network or from its data folder ($FASTAI_HOME/data/imdb).
set -euo pipefail
search_s=$1 encoder_s=$2
settings=(
    data=imdb data.max_tokens=250 data.max_vocab=8000 data.cache=cache
    sampler=tpe pruner=asha study.n_trials=100 study.confirm.top_k=1 study.confirm.n_seeds=3
    space=awd_lstm_small 'space.model.n_hid.choices=[64,128]'
    space.model.drop_mult.low=0.1 space.model.drop_mult.high=0.8
    space.train.lr.low=0.002 space.train.lr.high=0.05
    space.train.epochs.low=2 space.train.epochs.high=4 'space.train.epochs.levels=[2,3,4]' train.batch_size=64
    encoder.epochs=1 encoder.lr=0.01 encoder.drop_mult=0.1 encoder.batch_size=64
    tracking.experiment=imdb-ulmfit executor.n_workers=1 executor.threads=1
)
python -m hpo "${settings[@]}" study.name=domain model.encoder=domain study.trials_s="$search_s" &
python -m hpo "${settings[@]}" study.name=scratch study.trials_s=$((search_s + encoder_s))
wait

# The bag of words on the same words and on whole reviews, for three splits of the training part.
here=$(dirname "${BASH_SOURCE[0]}")
for seed in 0 1 2; do
    python -m hpo.show data=imdb data.max_tokens=250 data.max_vocab=8000 data.cache=cache data.split_seed=$seed
    python -m hpo.show data=imdb data.cache=cache data.split_seed=$seed
done
python "$here/collect.py" .
python "$here/figures.py"
python "$here/../../docs/pictures.py" . domain .
