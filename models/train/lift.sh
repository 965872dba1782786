#!/bin/sh
# Renders, trains and exports the lift detector: models/train/lift.sh BASE.onnx [WORK FOLDER] [MINUTES]
# BASE.onnx is nanodet_plus_m_416 as ONNX with opset 13 (Apache-2.0, from the NanoDet project).
set -eu
base=${1:?path of nanodet_plus_m_416.onnx}
work=${2:-data/train-lift}
minutes=${3:-180}
python=${PYTHON:-python3}
cd "$(dirname "$0")/../.."
mkdir -p "$work"

render() {
  [ -e "$work/$1/done" ] && return
  node --import tsx simulators/cameras/render/main.ts --frames "$2" --out "$work/$1" --seed "$3"
  touch "$work/$1/done"
}

# Test cabs, vehicles and persons come from seeds that training never draws.
render train 6000 1000
render test 360 900100

# Two thirds of the time on crops of 320x192, which cost little more than half; the rest at the shipped size.
"$python" models/train/lift.py train --base "$base" --data "$work/train" --out "$work/crops.pt" \
  --width 320 --height 192 --zoom 0.95 2.3 --minutes "$((minutes * 2 / 3))" --steps 20000
"$python" models/train/lift.py train --base "$base" --data "$work/train" --resume "$work/crops.pt" --out "$work/lift.pt" \
  --rate 6e-4 --minutes "$((minutes / 3))" --steps 10000
"$python" models/train/lift.py export --base "$base" --weights "$work/lift.pt" --out models/lift-nanodet/lift-nanodet.onnx
"$python" models/train/measure.py --base "$base" --weights "$work/lift.pt" --folder "$work/test" \
  --clip simulators/cameras/clips/*.mp4
