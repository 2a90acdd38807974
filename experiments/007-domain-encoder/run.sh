#!/usr/bin/env bash
# The commands of this experiment; run them in an empty folder, on two cores: run.sh TREC_FOLDER MR_FOLDER
# TREC_FOLDER holds train.txt and test.txt, MR_FOLDER rt-polarity.pos and rt-polarity.neg. The same call again goes on.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/design.sh"
export OMP_NUM_THREADS=1
mkdir -p logs times

if [ ! -e mr.tsv ]; then
    (printf 'split\tlabel\ttext\n'
     LC_ALL=C sed -E 's/^([A-Z]+):[^ ]+ /train\t\1\t/' "$1/train.txt"
     LC_ALL=C sed -E 's/^([A-Z]+):[^ ]+ /test\t\1\t/' "$1/test.txt") > trec.tsv
    (printf 'label\ttext\n'
     LC_ALL=C sed 's/^/pos\t/' "$2/rt-polarity.pos"
     LC_ALL=C sed 's/^/neg\t/' "$2/rt-polarity.neg") > mr.tsv
fi

arm() { # DATASET ARM SEED
    local name=$1-$2-s$3 TIMEFORMAT='%R %U %S'
    [ ! -s "times/$name" ] || return 0
    readarray -t given < <(settings "$1" "$2")
    { time python -m hpo "${COMMON[@]}" "${given[@]}" study.name="$name" \
        seed="$3" data.split_seed="$3" encoder.seed="$3" > "logs/$name" 2>&1; } 2> "times/.$name"
    mv "times/.$name" "times/$name"
}

for seed in "${SEEDS[@]}"; do
    for dataset in trec mr docstrings; do
        readarray -t given < <(settings "$dataset" none)
        python -m hpo.show "${given[@]}" data.cache=cache data.split_seed="$seed" > "logs/$dataset-s$seed" 2>&1
        arm "$dataset" scratch "$seed" & # both at once: whatever else the machine does slows both alike
        scratch=$!
        arm "$dataset" domain "$seed" &
        wait $!
        wait "$scratch"
    done
done

for seed in "${SEEDS[@]}"; do
    arm mr search "$seed"
done

python "$here/collect.py" hpo.db cache times
for dataset in trec mr docstrings; do
    python -m hpo.report records=records.csv experiment="encoder-$dataset" report.unit=trials # one each: the chosen model
done
