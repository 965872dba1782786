"""Trains, judges and exports the fall models.

    python3 models/train/fall.py folds --position waist --data FOLDER --work FOLDER
    python3 models/train/fall.py final --position waist --data FOLDER --work FOLDER --out models/fall-waist
    python3 models/train/fall.py golden --out gateway/inference/fall/features.golden.json

`folds` leaves people out: one model per fold, and a threshold found on the people of the other folds, so that nobody's
recording is judged by a model or a threshold that saw the person. `final` trains on everybody with the
threshold found over all folds. One thread is enough (OMP_NUM_THREADS=1).
"""

import argparse
import copy
import json
import math
import os
import time

import numpy as np
import torch
from torch import nn

from fall_data import (
    AFTER, BEFORE, CHANNELS, RATE, SETS, SHARES, TRIGGER, WINDOW,
    candidates, cut, features, folds_of, norms, pool_of, read,
)
from onnx_file import write_onnx

FOLDS = 5
GRID = np.arange(0.02, 0.99, 0.01)
# Of a recording with a fall, the alarm must come within this after the impact.
WITHIN = 10 * RATE


class FallNet(nn.Module):
    """[n, 5, 200] → logit [n]. Small on purpose: 22 k parameters, half a million multiplications."""

    def __init__(self):
        super().__init__()
        layers, last = [], len(CHANNELS)
        for width, kernel in ((24, 7), (32, 5), (40, 5), (32, 3)):
            layers += [nn.Conv1d(last, width, kernel, 2, kernel // 2, bias=False), nn.BatchNorm1d(width), nn.ReLU()]
            last = width
        self.body = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.4), nn.Linear(last * 13, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, x):
        return self.head(self.body(x)).squeeze(-1)


class Exported(nn.Module):
    """Mean of the members' logits, as a probability."""

    def __init__(self, members):
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, x):
        return torch.sigmoid(sum(member(x) for member in self.members) / len(self.members))


def train(pool, subjects, args, seed, steps):
    torch.manual_seed(seed)
    fall, other = pool.of(subjects)
    draw = lambda rows, count: rows[torch.randint(len(rows), (count,))]
    model = FallNet()
    averaged = copy.deepcopy(model)
    optimiser = torch.optim.AdamW(model.parameters(), lr=args.rate, weight_decay=0.02)
    falls = int(args.batch * 0.4)
    for step in range(steps):
        factor = min(1.0, (step + 1) / 50) * (0.02 + 0.98 * (1 + math.cos(math.pi * step / steps)) / 2)
        for group in optimiser.param_groups:
            group["lr"] = args.rate * factor
        rows = torch.cat([draw(fall, falls), draw(other, args.batch - falls)])
        output = model(pool.features[rows].float())
        loss = nn.functional.binary_cross_entropy_with_logits(output, pool.label[rows] * 0.97 + 0.015)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5)
        optimiser.step()
        keep = min(0.99, (step + 1) / (step + 10))
        with torch.no_grad():
            for mean, now in zip(averaged.parameters(), model.parameters()):
                mean.mul_(keep).add_(now, alpha=1 - keep)
    # The averaged weights see other activations than those the last steps' statistics were taken from.
    averaged.train()
    for layer in averaged.modules():
        if isinstance(layer, nn.BatchNorm1d):
            layer.reset_running_stats()
            layer.momentum = None
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    with torch.no_grad():
        for _ in range(20):
            averaged(pool.features[torch.cat([draw(fall, 100), draw(other, 150)])].float())
    return averaged.eval()


def scores_of(model, recordings):
    """Scores of each recording's candidates."""
    with torch.no_grad():
        for recording in recordings:
            if not len(recording.candidates):
                yield recording, np.zeros(0)
                continue
            raw = np.stack([cut(recording.samples, at) for at in recording.candidates])
            parts = [model(features(torch.from_numpy(part))) for part in np.array_split(raw, math.ceil(len(raw) / 512))]
            yield recording, torch.cat(parts).numpy()


def judge(scored, thresholds):
    """Counts at each threshold: [found, falls, clean, without, false alarms, seconds without fall]."""
    table = np.zeros((len(thresholds), 6))
    for recording, scores in scored:
        if recording.fall:
            decided = recording.candidates + AFTER
            counted = scores[(decided >= recording.impact) & (decided <= recording.impact + WITHIN)]
            best = counted.max() if len(counted) else 0
            table[:, 0] += best >= thresholds
            table[:, 1] += 1
        else:
            best = scores.max() if len(scores) else 0
            table[:, 2] += best < thresholds
            table[:, 3] += 1
            table[:, 4] += (scores[None] >= thresholds[:, None]).sum(1)
            table[:, 5] += len(recording.samples) / RATE
    return table


def choose(scored):
    """
    The rule for a threshold, fixed beforehand: sensitivity plus three times specificity (a false alarm weighs more,
    because there are many more chances for one), less half a point per false alarm and day of long wear; the middle
    of the best stretch.
    """
    table = judge(scored, GRID)
    short = judge([row for row in scored if len(row[0].samples) < 600 * RATE], GRID)
    long = judge([row for row in scored if len(row[0].samples) >= 600 * RATE], GRID)
    value = table[:, 0] / table[:, 1] + 3 * short[:, 2] / np.maximum(short[:, 3], 1)
    value -= 0.005 * long[:, 4] / np.maximum(long[:, 5] / 86400, 0.2)
    best = np.flatnonzero(value >= value.max() - 1e-9)
    return float(GRID[best[len(best) // 2]])


def line(title, scored, threshold):
    found, falls, clean, without, false, seconds = judge(scored, np.array([threshold]))[0]
    parts = [f"{title:34s}"]
    if falls:
        parts.append(f"sensitivity {found / falls:.4f} ({int(found)}/{int(falls)})")
    if without:
        parts.append(f"specificity {clean / without:.4f} ({int(clean)}/{int(without)})  {false / seconds * 86400:.1f} false/24 h ({int(false)} in {seconds / 3600:.2f} h)")
    print("  ".join(parts), flush=True)


def load(args):
    """Recordings of the position, the pool of windows, and the sets that only teach."""
    names = {args.position: SETS[args.position], **{other: SETS[other] for other in args.also}}
    read_all = lambda position: [r for name in SETS[position] if name not in args.leave for r in read(args.data, name, TRIGGER[position])]
    recordings = read_all(args.position)
    more = [r for position in names if position != args.position for r in read_all(position)]
    print(len(recordings), "recordings,", sum(len(r.candidates) for r in recordings), "candidates", flush=True)
    torch.manual_seed(5)
    began = time.process_time()
    pool = pool_of(recordings + more, SETS[args.position], SHARES[args.position], np.random.default_rng(5), args.pool)
    print(f"{len(pool.label)} windows, cpu {(time.process_time() - began) / 60:.1f} min", flush=True)
    return recordings, pool, folds_of(recordings + more, FOLDS)


def ensemble(pool, subjects, args, seed, steps):
    return Exported([train(pool, subjects, args, seed + 100 * n, steps) for n in range(args.members)]).eval()


def run_folds(args):
    recordings, pool, fold = load(args)
    without = lambda *folds: [subject for subject, f in fold.items() if f not in folds]
    began, judged = time.time(), {}
    for k in args.only if args.only else range(FOLDS):
        model = ensemble(pool, without(k), args, k, args.steps)
        judged[k] = model, list(scores_of(model, [r for r in recordings if fold[r.subject] == k]))
        line(f"fold {k} at 0.50, {(time.time() - began) / 60:.1f} min", judged[k][1], 0.5)
    pooled = [row for _, scored in judged.values() for row in scored]
    total = np.zeros(6)
    for k, (model, scored) in judged.items():
        if args.nested:
            # Its own model for the threshold, which has seen neither the fold nor those it is found on.
            inner = (k + 1) % FOLDS
            first = ensemble(pool, without(k, inner), args, 10 + k, args.steps * 2 // 3)
            threshold = choose(list(scores_of(first, [r for r in recordings if fold[r.subject] == inner])))
        else:
            # Found on the people of the other folds, each judged by a model that never saw them.
            threshold = choose([row for row in pooled if fold[row[0].subject] != k] or scored)
        line(f"fold {k} at {threshold:.2f}", scored, threshold)
        total += judge(scored, np.array([threshold]))[0]
        subjects = sorted({r.subject for r in recordings if fold[r.subject] == k})
        write(model, args, threshold, os.path.join(args.work, f"fall-{args.position}-fold{k}"), subjects)
    shipped = choose(pooled)
    with open(os.path.join(args.work, f"fall-{args.position}-threshold.json"), "w") as file:
        json.dump({"threshold": round(shipped, 2)}, file)
    print(f"by person, thresholds of other people: sensitivity {total[0] / total[1]:.4f} specificity {total[2] / total[3]:.4f}"
          f" false/24 h {total[4] / total[5] * 86400:.2f}; threshold over all {shipped:.2f}")
    for name in SETS[args.position]:
        line(name, [row for row in pooled if row[0].source == name], shipped)
    for elderly in (False, True):
        line("elderly" if elderly else "young", [row for row in pooled if row[0].elderly == elderly], shipped)
    for threshold in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
        line(f"all at {threshold}", pooled, threshold)
    kinds = {}
    for recording, scores in pooled:
        best = scores.max() if len(scores) else 0
        if recording.fall != (best >= shipped):
            key = (recording.source, recording.activity)
            kinds[key] = kinds.get(key, 0) + 1
    print("wrong:", sorted(kinds.items(), key=lambda item: -item[1])[:25])


def run_final(args):
    threshold = args.threshold
    if threshold is None:
        with open(os.path.join(args.work, f"fall-{args.position}-threshold.json")) as file:
            threshold = json.load(file)["threshold"]
    _, pool, fold = load(args)
    began, spent = time.time(), time.process_time()
    model = ensemble(pool, fold, args, 1000, args.steps)
    print(f"trained in {(time.time() - began) / 60:.1f} min, cpu {(time.process_time() - spent) / 60:.1f} min")
    write(model, args, threshold, args.out)


def run_measure(args):
    """Other sets, never trained on, through the exported weights (in Python; models/evaluation/fall.ts is the yardstick)."""
    import onnxruntime

    with open(os.path.join(args.out, "model.json")) as file:
        manifest = json.load(file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(os.path.join(args.out, manifest["file"]), options)
    model = lambda x: torch.from_numpy(np.concatenate([session.run(None, {"window": one[None].numpy()})[0] for one in x]))
    for name in args.sets:
        scored = list(scores_of(model, list(read(args.data, name, TRIGGER[args.position]))))
        line(name, scored, manifest["thresholds"]["default"])


def write(model, args, threshold, folder, subjects=None):
    position = args.position
    sets = [name for each in (position, *args.also) for name in SETS[each]]
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"fall-{position}.onnx")
    digest = write_onnx(model, (1, len(CHANNELS), WINDOW), path, "window", "fall")
    manifest = {
        "name": f"fall-{position}",
        "version": "1",
        "task": "fall",
        "file": os.path.basename(path),
        "sha256": digest,
        "input": {"name": "window", "channels": list(CHANNELS), "rateHz": RATE, "samples": WINDOW, "impactAt": BEFORE},
        "head": {"family": "score", "output": "fall"},
        "position": position,
        "triggerG": TRIGGER[position],
        "thresholds": {"default": round(threshold, 2)},
        "licence": "Apache-2.0",
        "source": "Trained by models/train/fall.py on " + ", ".join(sets) + "; terms of each set in CARD.md.",
    }
    with open(os.path.join(folder, "model.json"), "w") as file:
        json.dump(manifest, file, indent=2)
        file.write("\n")
    if subjects is not None:
        with open(os.path.join(folder, "subjects.json"), "w") as file:
            json.dump(subjects, file)
    print(folder, os.path.getsize(path), "bytes", flush=True)


def run_golden(args):
    """Windows made up here (no recording of a person), their candidates and features, for the test in TypeScript."""
    rng = np.random.default_rng(7)
    cases = []
    for n in range(6):
        t = np.arange(WINDOW) / RATE
        tilt = rng.normal(size=(2, 3))
        tilt /= np.linalg.norm(tilt, axis=1, keepdims=True)
        share = (1 / (1 + np.exp(-(t - 2) * 6)))[:, None]
        x = tilt[0] * (1 - share) + tilt[1] * share + rng.normal(size=(WINDOW, 3)) * 0.05
        x += rng.normal(size=3) * (rng.uniform(1, 9) * np.exp(-(((t - 2) / 0.03) ** 2)))[:, None]
        if n == 4:
            x = x.clip(-2, 2)
        if n == 5:
            x[:] = 0
        x = np.round(x, 3)
        made = features(torch.from_numpy(x[None]))[0].numpy()
        found = candidates(norms(x), 1.4)
        cases.append({"samples": x.tolist(), "candidates": found.tolist(), "features": np.round(made, 6).tolist()})
    with open(args.out, "w") as file:
        json.dump({"comment": "Made by models/train/fall.py golden.", "cases": cases}, file, separators=(",", ":"))
        file.write("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["folds", "final", "measure", "golden"])
    parser.add_argument("--position", choices=list(SETS), default="waist")
    parser.add_argument("--data", help="folder of .i16 and .json files")
    parser.add_argument("--work", default="data/train-fall")
    parser.add_argument("--out", default="")
    parser.add_argument("--sets", nargs="*", default=[])
    parser.add_argument("--also", nargs="*", default=[], help="positions whose sets teach too")
    parser.add_argument("--leave", nargs="*", default=[], help="sets to leave out, to be measured with afterwards")
    parser.add_argument("--pool", type=int, default=30000, help="roughened windows to train on")
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--members", type=int, default=2, help="nets whose logits are averaged")
    parser.add_argument("--threshold", type=float, help="instead of the one that the folds found")
    parser.add_argument("--nested", action="store_true", help="a model of its own for each fold's threshold")
    parser.add_argument("--only", type=int, nargs="*", help="folds to run, for a quick look")
    args = parser.parse_args()
    torch.set_num_threads(1)
    {"folds": run_folds, "final": run_final, "measure": run_measure, "golden": run_golden}[args.command](args)


if __name__ == "__main__":
    main()
