"""Runs an ONNX detector's graph in PyTorch, its initialisers as parameters, so that it can be trained further.

Only the operators of the convolutional detectors used here are known. Reshapes of channel shuffles are computed from
the actual size, so the graph takes other input sizes than the exported one.
"""

import random

import onnx
import torch
import torch.nn.functional as F
from onnx import helper, numpy_helper
from torch import nn


def restyled(x):
    """MixStyle (Zhou et al. 2021): each picture's channel means and deviations move towards another picture's, and
    a little at random, so that what is learned on rendered surfaces does not hang on how they are rendered."""
    mean, deviation = x.mean((2, 3), keepdim=True), x.std((2, 3), keepdim=True) + 1e-5
    other = torch.randperm(len(x), device=x.device)
    share = torch.rand(len(x), 1, 1, 1, device=x.device) * 0.5
    new_mean = mean * (1 - share) + mean[other] * share + deviation * torch.randn_like(mean) * 0.15
    new_deviation = (deviation * (1 - share) + deviation[other] * share) * torch.exp(torch.randn_like(mean) * 0.15)
    return ((x - mean) / deviation * new_deviation + new_mean).contiguous(memory_format=torch.channels_last)


class OnnxGraph(nn.Module):
    def __init__(self, path, outputs):
        super().__init__()
        graph = onnx.load(path).graph
        self.input_name = graph.input[0].name
        self.outputs = list(outputs)
        constants = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer}
        self.weights = nn.ParameterDict()
        self.fixed = {}
        for name, value in constants.items():
            if value.is_floating_point() and value.dim() > 0 and not name.endswith("_sc"):
                self.weights[name] = nn.Parameter(value)
            else:
                self.fixed[name] = value.tolist()
        needed = set(self.outputs)
        steps = []
        for node in reversed(graph.node):
            if any(name in needed for name in node.output):
                needed.update(node.input)
                attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
                steps.append((node.op_type, list(node.input), list(node.output), attributes))
        self.steps = steps[::-1]
        self.frozen_steps = 0
        self.styles = 0.0
        used = {name for _, inputs, _, _ in self.steps for name in inputs}
        for name in [n for n in self.weights.keys() if n not in used]:
            del self.weights[name]

    def freeze(self, convolutions):
        """Keeps the first convolutions as they are: no gradients are computed for them."""
        seen = 0
        for index, (kind, inputs, _, _) in enumerate(self.steps):
            if kind == "Conv":
                seen += 1
                if seen > convolutions:
                    self.frozen_steps = index
                    return
                for name in inputs[1:]:
                    self.weights[name].requires_grad_(False)

    def boundary(self):
        """What the frozen part hands to the rest."""
        made = {name for _, _, outputs, _ in self.steps[: self.frozen_steps] for name in outputs}
        return sorted({name for _, inputs, _, _ in self.steps[self.frozen_steps :] for name in inputs} & made)

    def forward(self, images):
        values = {self.input_name: images}
        for index, step in enumerate(self.steps):
            if index == self.frozen_steps and self.styles and self.training and random.random() < self.styles:
                for name in self.boundary():
                    values[name] = restyled(values[name])
            with torch.set_grad_enabled(torch.is_grad_enabled() and index >= self.frozen_steps):
                self._run(values, *step)
        return [values[name] for name in self.outputs]

    def _run(self, values, kind, inputs, outputs, a):
        x = values[inputs[0]]
        if kind == "Conv":
            weight, bias = self.weights[inputs[1]], self.weights[inputs[2]]
            y = F.conv2d(x, weight, bias, a["strides"], a["pads"][:2], a["dilations"], a["group"])
        elif kind == "LeakyRelu":
            y = F.leaky_relu(x, a["alpha"])
        elif kind == "MaxPool":
            y = F.max_pool2d(x, a["kernel_shape"], a["strides"], a["pads"][:2])
        elif kind == "Concat":
            y = torch.cat([values[name] for name in inputs], a["axis"])
        elif kind == "Add":
            y = x + values[inputs[1]]
        elif kind == "Transpose":
            y = x.permute(*a["perm"])
        elif kind == "Resize":
            y = F.interpolate(x, scale_factor=self.fixed[inputs[2]][2], mode="bilinear", align_corners=False)
        elif kind == "Slice":
            starts, ends, axes = (self.fixed[name] for name in inputs[1:4])
            y = x
            for start, end, axis in zip(starts, ends, axes):
                size = y.shape[axis]
                y = y.narrow(axis, start, min(end, size) - start)
        elif kind == "Reshape":
            wanted = self.fixed[inputs[1]]
            if len(wanted) == 5:
                batch, channels, height, width = x.shape
                y = x.reshape(batch, wanted[1], channels // wanted[1], height, width)
            elif len(wanted) == 4:
                y = x.reshape(x.shape[0], x.shape[1] * x.shape[2], x.shape[3], x.shape[4])
            else:
                raise NotImplementedError(f"reshape to {wanted}")
        else:
            raise NotImplementedError(kind)
        values[outputs[0]] = y
