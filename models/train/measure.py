"""Measures an exported detector with PyTorch, while training: boxes at a score, AP50, image-level figures, clips.

    python3 models/train/measure.py --base nanodet_plus_m_416.onnx --weights weights.pt --folder DIR --clip FILE.mp4

The figures of the product come from the shipped runtime path (`npm run evaluate`); these steer the training.
"""

import argparse
import os

import cv2
import numpy as np
import torch

from data import letterbox, read_boxes, tensor
from detector import CLASSES, LiftDetector, decode, priors


def nms(boxes, scores, limit):
    order, keep = scores.argsort()[::-1], []
    while len(order):
        first, rest = order[0], order[1:]
        keep.append(first)
        overlap = (np.minimum(boxes[first, 2:], boxes[rest, 2:]) - np.maximum(boxes[first, :2], boxes[rest, :2])).clip(0).prod(1)
        area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        order = rest[overlap / (area[first] + area[rest] - overlap + 1e-6) < limit]
    return keep


class Runner:
    def __init__(self, base, weights, width, height):
        self.model = LiftDetector(base)
        if weights:
            self.model.load_state_dict(torch.load(weights))
        self.model = self.model.eval().to(memory_format=torch.channels_last)
        self.width, self.height = width, height
        self.points = priors(width, height)

    @torch.no_grad()
    def __call__(self, image, floor=0.05):
        """Per class: array of score, x1, y1, x2, y2 in the picture's pixels."""
        canvas, (scale, left, top) = letterbox(image, self.width, self.height)
        raw = self.model(tensor(canvas)[None].contiguous(memory_format=torch.channels_last))[0]
        scores, boxes = raw[:, : len(CLASSES)].sigmoid().numpy(), decode(raw, self.points).numpy()
        boxes = (boxes - [left, top, left, top]) / scale
        found = []
        for index in range(len(CLASSES)):
            rows = np.nonzero(scores[:, index] > floor)[0]
            keep = rows[nms(boxes[rows], scores[rows, index], 0.6)] if len(rows) else rows
            found.append(np.concatenate([scores[keep, index, None], boxes[keep]], 1))
        return found


def average_precision(found, truths):
    """`found`: (image, score, box); `truths`: image -> boxes. All-point AP at IoU 0.5."""
    total = sum(len(boxes) for boxes in truths.values())
    taken = {name: np.zeros(len(boxes), bool) for name, boxes in truths.items()}
    hits = []
    for name, _, box in sorted(found, key=lambda row: -row[1]):
        boxes = truths.get(name)
        best, index = 0.0, -1
        if boxes is not None and len(boxes):
            overlap = (np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])).clip(0).prod(1)
            iou = overlap / ((box[2:] - box[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(1) - overlap)
            index = int(iou.argmax())
            best = iou[index]
        good = best >= 0.5 and not taken[name][index]
        if good:
            taken[name][index] = True
        hits.append(good)
    if not total or not hits:
        return 0.0
    hits = np.array(hits)
    recall, precision = hits.cumsum() / total, hits.cumsum() / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(np.concatenate([[0], recall])) * precision))


def measure_folder(run, folder, mapping):
    found, truths, best = [[] for _ in CLASSES], [{} for _ in CLASSES], []
    for name in sorted(os.listdir(os.path.join(folder, "images"))):
        image = cv2.imread(os.path.join(folder, "images", name))
        if image is None:
            print(f"unreadable: {name}")
            continue
        h, w = image.shape[:2]
        rows = read_boxes(os.path.join(folder, "labels", os.path.splitext(name)[0] + ".txt"))
        results = run(image)
        for index in range(len(CLASSES)):
            mine = rows[[mapping.get(int(c), -1) == index for c in rows[:, 0]]] if len(rows) else rows
            centre, half = mine[:, 1:3] * [w, h], mine[:, 3:5] * [w / 2, h / 2]
            truths[index][name] = np.concatenate([centre - half, centre + half], 1)
            found[index] += [(name, row[0], row[1:]) for row in results[index]]
        top = results[0][:, 0].max() if len(results[0]) else 0.0
        best.append((top, len(truths[0][name]) > 0, name))
    print(f"{folder}: {len(best)} pictures")
    for index, label in enumerate(CLASSES):
        count = sum(len(b) for b in truths[index].values())
        if count:
            print(f"  AP50 {label:10} {average_precision(found[index], truths[index]):.3f} of {count}")
    scores = np.array([b[0] for b in best])
    holds = np.array([b[1] for b in best])
    for threshold in (0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6):
        recall = (scores[holds] >= threshold).mean() if holds.any() else float("nan")
        false = (scores[~holds] >= threshold).mean() if (~holds).any() else float("nan")
        print(f"  e-bike at {threshold:.2f}: image recall {recall:.3f} of {holds.sum()}, false {false:.3f} of {(~holds).sum()}")
    return best


def measure_clip(run, path, per_second):
    reader = cv2.VideoCapture(path)
    rate = reader.get(cv2.CAP_PROP_FPS)
    step, index, due = rate / per_second, 0, 0.0
    text = []
    while True:
        ok, frame = reader.read()
        if not ok:
            break
        if index >= due:
            due += step
            results = run(frame, 0.02)
            top = [round(100 * r[:, 0].max()) if len(r) else 0 for r in (results[0], results[-1])]
            text.append(f"{index}:{top[0]}/{top[1]}")
        index += 1
    print(f"{path}: frame:e-bike/person score in percent\n  " + " ".join(text))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--base", required=True)
    parser.add_argument("--weights")
    parser.add_argument("--width", type=int, default=416)
    parser.add_argument("--height", type=int, default=256)
    parser.add_argument("--folder", nargs="*", default=[])
    parser.add_argument("--classes", default=",".join(CLASSES), help="class names of the folders' labels, in order")
    parser.add_argument("--clip", nargs="*", default=[])
    parser.add_argument("--fps", type=float, default=5)
    args = parser.parse_args()
    names = args.classes.split(",")
    mapping = {i: CLASSES.index(name) for i, name in enumerate(names) if name in CLASSES}
    run = Runner(args.base, args.weights, args.width, args.height)
    for folder in args.folder:
        measure_folder(run, folder, mapping)
    for clip in args.clip:
        measure_clip(run, clip, args.fps)


if __name__ == "__main__":
    main()
