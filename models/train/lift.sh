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

# MESHES and PHOTOS: folders described in README.md, used where they are given.
render() {
  [ -e "$work/$1/done" ] && return
  node --import tsx simulators/cameras/render/main.ts --out "$work/$1" --frames "$2" --seed "$3" ${MESHES:+--meshes "$MESHES"} $4
  touch "$work/$1/done"
}

# Test cabs, vehicles and persons come from seeds that training never draws.
render train 6000 1000 "--width 512 --height 320"
render cutouts 3000 2000 "--cutouts --width 288 --height 288 --per-cab 40"
render test 360 900100 ""

# Squares of 320, which show things as large as the window of 416 does and cost half.
"$python" models/train/lift.py train --base "$base" --data "$work/train" --cutouts "$work/cutouts" --composite-share 0.5 \
  ${PHOTOS:+--photos "$PHOTOS"} --out "$work/lift.pt" --width 320 --height 320 --zoom 0.8 2.0 --roughness 0.7 --styles 0.3 \
  --batch 16 --freeze 15 --minutes "$minutes" --steps 20000
"$python" models/train/lift.py export --base "$base" --weights "$work/lift.pt" --out models/lift-nanodet/lift-nanodet.onnx \
  --width 416 --height 416
"$python" models/train/measure.py --base "$base" --weights "$work/lift.pt" --folder "$work/test" \
  --clip simulators/cameras/clips/*.mp4
