#!/usr/bin/env bash
# The command of this experiment; run it in a folder with problems.py.
set -euo pipefail
X='{type: float, low: -1.0, high: 1.0, n_levels: 4}'
LR='{type: float, low: 1.0e-5, high: 1.0, log: true, n_levels: 4}'
SHARE='{type: float, low: 0.0, high: 1.0, n_levels: 4}'
XYZ="{x: $X, y: $X, z: $X}"
VALLEY="{lr: $LR, wd: {type: float, low: 1.0e-6, high: 1.0, log: true, n_levels: 4}, x: $SHARE}"
TWO="{kind: {type: categorical, choices: [sgd, adam]}, lr: $LR, momentum: $SHARE, beta: $SHARE}"
MIXED="{lr: $LR, layers: {type: int, low: 1, high: 6}, width: {type: int, low: 16, high: 1024, log: true, n_levels: 4}, kind: {type: categorical, choices: [relu, gelu, tanh, sigmoid]}}"
STRATEGIES='{random: {sampler: random}, grid: {sampler: grid}, tpe: {sampler: tpe}, tpe-group: {sampler: tpe, sampler.group: true}, gp: {sampler: gp}, cmaes: {sampler: cmaes}, qmc: {sampler: qmc}, nsga2: {sampler: nsga2}, spsa: {sampler: spsa}}'

python -m hpo compare name=all-strategies-on-problems trainer=function space=function executor=inline storage=memory \
    tracking=none study.metric=loss study.direction=minimize train.epochs=1 seeds=10 study.n_trials=60 \
    study.confirm.top_k=0 strategies="$STRATEGIES" \
    tasks="{bowl: {trainer.call: 'problems:bowl', +space.params: $XYZ}, valley: {trainer.call: 'problems:valley', +space.params: $VALLEY}, conditional: {trainer.call: 'problems:conditional', +space.params: $TWO}, noisy: {trainer.call: 'problems:noisy', +space.params: $XYZ}, flat: {trainer.call: 'problems:flat', +space.params: $XYZ}, mixed: {trainer.call: 'problems:mixed', +space.params: $MIXED}}"
