"""NanoDet-Plus with a head of our own classes."""

import torch
from torch import nn

from onnx_graph import OnnxGraph

CLASSES = ["e-bike", "bicycle", "stroller", "wheelchair", "trolley", "person"]
STRIDES = [8, 16, 32, 64]
REG_MAX = 7
# BGR, as the pretrained weights expect.
MEAN = [103.53, 116.28, 123.675]
STD = [57.375, 57.12, 58.395]
# Head convolutions of nanodet_plus_m_416 by stride: name of the layer and of its output.
HEADS = [("Conv_453", "1441"), ("Conv_473", "1466"), ("Conv_493", "1491"), ("Conv_513", "1516")]
# COCO classes each new class starts from.
ANCESTORS = {"e-bike": [3], "bicycle": [1], "stroller": [56, 28], "wheelchair": [56, 1], "trolley": [28], "person": [0]}


class LiftDetector(nn.Module):
    """Raw outputs per grid point: class logits, then 4 x (REG_MAX + 1) distance logits."""

    def __init__(self, base):
        super().__init__()
        self.graph = OnnxGraph(base, [output for _, output in HEADS])
        for layer, _ in HEADS:
            for kind in ("w", "b"):
                old = self.graph.weights[f"{layer}_{kind}"].data
                rows = [old[ANCESTORS[name]].mean(0) for name in CLASSES]
                self.graph.weights[f"{layer}_{kind}"] = nn.Parameter(torch.cat([torch.stack(rows), old[80:]]).clone())

    def forward(self, images):
        outputs = [o.flatten(2).transpose(1, 2) for o in self.graph(images)]
        return torch.cat(outputs, 1)


class Exported(nn.Module):
    """What is written to ONNX: sigmoid scores beside the distance logits, as NanoDet's own export."""

    def __init__(self, detector):
        super().__init__()
        self.detector = detector

    def forward(self, images):
        raw = self.detector(images)
        return torch.cat([raw[..., : len(CLASSES)].sigmoid(), raw[..., len(CLASSES) :]], -1)


def priors(width, height):
    """Grid points (x, y, stride); the centre of cell i is i * stride."""
    points = []
    for stride in STRIDES:
        columns, rows = -(-width // stride), -(-height // stride)
        y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        points.append(torch.stack([x.flatten() * stride, y.flatten() * stride, torch.full((rows * columns,), stride)], 1))
    return torch.cat(points).float()


def decode(raw, points):
    """Boxes x1 y1 x2 y2 in input pixels from distance logits."""
    logits = raw[..., len(CLASSES) :].reshape(*raw.shape[:-1], 4, REG_MAX + 1)
    distance = (logits.softmax(-1) * torch.arange(REG_MAX + 1, device=raw.device)).sum(-1) * points[:, 2:3]
    x, y = points[:, 0], points[:, 1]
    return torch.stack([x - distance[..., 0], y - distance[..., 1], x + distance[..., 2], y + distance[..., 3]], -1)
