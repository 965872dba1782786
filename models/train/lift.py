"""Trains the lift detector on rendered frames and exports it.

    python3 models/train/lift.py train --base nanodet_plus_m_416.onnx --data DIR... --out weights.pt
    python3 models/train/lift.py export --base nanodet_plus_m_416.onnx --weights weights.pt --out lift-nanodet.onnx

Thread pools are best limited from outside (OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1) when cores are shared.
"""

import argparse
import copy
import json
import math
import os
import random
import time

import torch

import embedding_output
from composites import Composites, Cutouts
from data import PAD, Batches, Rendered, prepared
from detector import CLASSES, MEAN, REG_MAX, STD, STRIDES, Exported, LiftDetector, priors
from loss import detection_loss
from onnx_file import write_onnx

# Convolutions of nanodet_plus_m_416 in graph order: stem 1, stage two to 15, stage three to 41, stage four to 55.
BACKBONE = 55


def groups(model, rate):
    """Learning rates: the backbone learns slowly so that it forgets little of what photographs taught it."""
    order = [name for kind, inputs, _, _ in model.graph.steps if kind == "Conv" for name in inputs[1:]]
    backbone = set(order[: 2 * BACKBONE])
    heads = {f"Conv_{n}_{k}" for n in (453, 473, 493, 513) for k in "wb"}
    split = {"backbone": [], "neck": [], "heads": []}
    for name, weight in model.graph.weights.items():
        if weight.requires_grad:
            split["heads" if name in heads else "backbone" if name in backbone else "neck"].append(weight)
    rates = {"backbone": 0.3, "neck": 1.0, "heads": 1.0}
    return [{"params": weights, "lr": rate * rates[key], "top": rate * rates[key]} for key, weights in split.items() if weights]


def meet(model, mine, peers):
    """Averages the weights with those of other processes that train on the same machine or share a folder."""
    torch.save(model.state_dict(), mine + ".tmp")
    os.replace(mine + ".tmp", mine)
    states = [torch.load(peer, map_location=next(model.parameters()).device) for peer in peers if os.path.exists(peer)]
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.requires_grad and states:
                weight.copy_((weight + sum(state[name] for state in states)) / (1 + len(states)))


def save(model, path):
    torch.save({name: value.cpu() for name, value in model.state_dict().items()}, path)


def train(args):
    torch.manual_seed(args.seed)
    random.seed(args.seed)
    device = torch.device(args.device)
    data = Rendered(args.data, args.width, args.height, args.zoom, args.roughness, args.photos, args.extra, args.extra_share)
    if args.cutouts:
        data.composites = Composites(Cutouts(args.cutouts), data)
        # A pair fills two places.
        data.composite_share = args.composite_share / (2 - args.composite_share)
    model = LiftDetector(args.base)
    if args.resume:
        model.load_state_dict(torch.load(args.resume, map_location="cpu"))
    model.graph.freeze(args.freeze)
    model.graph.styles = args.styles
    # Depthwise convolutions on a CPU are twice as fast without reordering.
    model = model.to(device, memory_format=torch.channels_last)
    points = priors(args.width, args.height).to(device)
    optimiser = torch.optim.AdamW(groups(model, args.rate), weight_decay=0.02)
    averaged = copy.deepcopy(model)
    steps = args.steps
    batches = iter(torch.utils.data.DataLoader(Batches(data, args.batch, args.seed), batch_size=None, num_workers=args.workers))
    began, spent = time.time(), time.process_time()
    for step in range(steps):
        progress = step / steps
        # With a time limit the schedule follows whichever runs out first, so that it always ends annealed.
        if args.minutes:
            progress = max(progress, (time.time() - began) / 60 / args.minutes)
            if progress >= 1:
                break
        factor = min(1.0, (step + 1) / 40) * (0.03 + 0.97 * (1 + math.cos(math.pi * progress)) / 2)
        for group in optimiser.param_groups:
            group["lr"] = group["top"] * factor
        images, targets = prepared(*next(batches), device)
        loss, parts = detection_loss(model(images), points, targets)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for g in optimiser.param_groups for p in g["params"]], 10)
        optimiser.step()
        keep = min(0.995, (step + 1) / (step + 20))
        with torch.no_grad():
            for mean, now in zip(averaged.parameters(), model.parameters()):
                mean.mul_(keep).add_(now, alpha=1 - keep)
        if args.share and (step + 1) % 15 == 0:
            meet(model, args.share, args.peers)
        if (step + 1) % 40 == 0:
            minutes = (time.time() - began) / 60
            text = " ".join(f"{key} {value:.3f}" for key, value in parts.items())
            print(f"step {step + 1} {minutes:.1f} min cpu {(time.process_time() - spent) / 60:.1f} min {text}", flush=True)
        if (step + 1) % args.save_every == 0:
            save(averaged, args.out)
    save(averaged, args.out)


def export(args):
    model = LiftDetector(args.base)
    model.load_state_dict(torch.load(args.weights))
    model.eval()
    digest = write_onnx(Exported(model), (1, 3, args.height, args.width), args.out, "data", "output")
    write_manifest(args, digest)
    # What a site learns from verdicts reads the head's inputs.
    embedding_output.main(os.path.dirname(args.out))
    print(f"{args.out}: {os.path.getsize(args.out)} bytes, {len(CLASSES)} classes")


def write_manifest(args, digest):
    """model.json beside the weights, as gateway/inference reads it."""
    manifest = {
        "name": "lift-nanodet",
        "version": args.version,
        "task": "detection",
        "file": os.path.basename(args.out),
        "sha256": digest,
        "input": {
            "name": "data",
            "width": args.width,
            "height": args.height,
            "layout": "nchw",
            "color": "bgr",
            "resize": args.resize,
            "pad": PAD,
            "anchor": "center",
            "mean": MEAN,
            "std": STD,
        },
        "head": {"family": "nanodet", "strides": STRIDES, "regMax": REG_MAX, "output": "output"},
        "labels": CLASSES,
        "thresholds": {"e-bike": args.threshold, "default": 0.4},
        "nmsIou": 0.6,
        "licence": "Apache-2.0",
        "source": "Fine-tuned from nanodet-plus-m_416 (RangiLyu/nanodet, Apache-2.0; weights trained on COCO) "
        "on frames rendered by simulators/cameras/render.",
    }
    with open(os.path.join(os.path.dirname(args.out), "model.json"), "w") as file:
        json.dump(manifest, file, indent=2)
        file.write("\n")


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("train", "export"):
        command = commands.add_parser(name)
        command.add_argument("--base", required=True)
        command.add_argument("--out", required=True)
        command.add_argument("--width", type=int, default=416)
        command.add_argument("--height", type=int, default=256)
        if name == "export":
            command.add_argument("--weights", required=True)
            command.add_argument("--threshold", type=float, default=0.5)
            command.add_argument("--version", default="2")
            command.add_argument("--resize", default="window", choices=["window", "letterbox"])
            continue
        command.add_argument("--data", nargs="+", required=True)
        command.add_argument("--extra", nargs="*", default=[], help="YOLO data sets of sites (gridgate export-crops)")
        command.add_argument("--extra-share", type=float, default=0.2, help="share of the samples they make up")
        command.add_argument("--cutouts", nargs="*", default=[], help="folders of cut-outs: pairs of composites are mixed in")
        command.add_argument("--composite-share", type=float, default=0.5, help="share of the samples they make up")
        command.add_argument("--resume")
        command.add_argument("--steps", type=int, default=3000)
        command.add_argument("--minutes", type=float)
        command.add_argument("--batch", type=int, default=8)
        command.add_argument("--rate", type=float, default=1.5e-3)
        command.add_argument("--freeze", type=int, default=41, help="first convolutions that stay as they are")
        command.add_argument("--zoom", type=float, nargs=2, default=(0.75, 1.9), help="sizes pictures are warped to")
        command.add_argument("--roughness", type=float, default=1.0, help="0 pictures as rendered … 1 all distortions")
        command.add_argument("--photos", help="folder of photographs (p*.jpg) and cut-outs (s*.png) blended into the pictures")
        command.add_argument("--styles", type=float, default=0.0, help="share of batches whose features change style")
        command.add_argument("--share", help="file in which this process leaves its weights for others")
        command.add_argument("--peers", nargs="*", default=[], help="files in which others leave theirs")
        command.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
        command.add_argument("--workers", type=int, default=0, help="processes that make samples; with a GPU all cores")
        command.add_argument("--save-every", type=int, default=100)
        command.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    {"train": train, "export": export}[args.command](args)


if __name__ == "__main__":
    main()
