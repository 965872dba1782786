#!/bin/sh
# Trains, judges and exports both fall models: models/train/fall.sh DATA FOLDER [WORK FOLDER]
# DATA FOLDER holds the .i16 and .json files named in SETS of fall_data.py.
set -eu
data=${1:?folder of .i16 and .json files}
work=${2:-data/train-fall}
python=${PYTHON:-python3}
export OMP_NUM_THREADS=1
cd "$(dirname "$0")/../.."
mkdir -p "$work"

"$python" models/train/fall.py golden --out gateway/inference/fall/features.golden.json
# The figures by person, and the threshold that ships.
"$python" models/train/fall.py folds --position waist --data "$data" --work "$work" --pool 26000 --steps 450 --nested
"$python" models/train/fall.py folds --position wrist --data "$data" --work "$work" --pool 20000 --steps 400
# What ships has seen everybody.
"$python" models/train/fall.py final --position waist --data "$data" --work "$work" --pool 26000 --steps 450 --out models/fall-waist
"$python" models/train/fall.py final --position wrist --data "$data" --work "$work" --pool 20000 --steps 400 --out models/fall-wrist
# The same figures through the gateway's path.
node --import tsx models/evaluate.ts fall --data "$data" --folds "$work"
