"""Makes colour-grid.onnx, a detector small enough to keep beside the tests: it "sees" red and blue squares.

It averages 8x8 pixels into a cell and writes a YOLOX tensor [1, 16, 7] for a 32x32 input: box = the cell itself,
objectness = 1, score of "red" = red - blue, score of "blue" = blue - red (pixels 0..1).

    python3 make_colour_grid.py     # needs onnx and numpy (Debian: python3-onnx); prints the SHA-256 for model.json
"""

import hashlib
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

#                   x    y    w    h    obj  red  blue
bias = np.array([0.5, 0.5, 0.0, 0.0, 1.0, 0.0, 0.0], np.float32)
weight = np.zeros((7, 3, 1, 1), np.float32)
weight[5, :, 0, 0] = [1, 0, -1]
weight[6, :, 0, 0] = [-1, 0, 1]

graph = helper.make_graph(
    [
        helper.make_node("AveragePool", ["images"], ["cells"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Conv", ["cells", "weight", "bias"], ["raw"], kernel_shape=[1, 1]),
        helper.make_node("Reshape", ["raw", "shape"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["output"], perm=[0, 2, 1]),
    ],
    "colour-grid",
    [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 32, 32])],
    [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 16, 7])],
    [
        numpy_helper.from_array(weight, "weight"),
        numpy_helper.from_array(bias, "bias"),
        numpy_helper.from_array(np.array([1, 7, 16], np.int64), "shape"),
    ],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
model.ir_version = 8
onnx.checker.check_model(model)
file = pathlib.Path(__file__).parent / "colour-grid" / "colour-grid.onnx"
file.parent.mkdir(exist_ok=True)
file.write_bytes(model.SerializeToString())
print(hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_size, "bytes")
