"""Makes two detectors small enough to keep beside the tests.

colour-grid.onnx "sees" red and blue squares: it averages 8x8 pixels into a cell and writes a YOLOX tensor [1, 16, 7]
for a 32x32 input: box = the cell itself, objectness = 1, score of "red" = red - blue, of "blue" = blue - red
(pixels 0..1).

slow-grid.onnx does the same, but a green picture keeps it busy inside one run for seconds, as a run on a machine
in trouble would be: it multiplies matrices as often as the picture is green.

    python3 make_colour_grid.py     # needs onnx and numpy (Debian: python3-onnx); prints the SHA-256s for model.json
"""

import hashlib
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MULTIPLICATIONS = 1500
SIDE = 512

#                x    y    w    h    obj  red  blue
BIAS = np.array([0.5, 0.5, 0.0, 0.0, 1.0, 0.0, 0.0], np.float32)
WEIGHT = np.zeros((7, 3, 1, 1), np.float32)
WEIGHT[5, :, 0, 0] = [1, 0, -1]
WEIGHT[6, :, 0, 0] = [-1, 0, 1]


def constant(name, value, dtype=np.int64):
    return numpy_helper.from_array(np.array(value, dtype), name)


def grid_nodes(output):
    return [
        helper.make_node("AveragePool", ["images"], ["cells"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Conv", ["cells", "weight", "bias"], ["raw"], kernel_shape=[1, 1]),
        helper.make_node("Reshape", ["raw", "shape"], ["flat"]),
        helper.make_node("Transpose", ["flat"], [output], perm=[0, 2, 1]),
    ]


def busy_nodes():
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["state", "state"], ["product"]),
            helper.make_node("Identity", ["going"], ["still_going"]),
        ],
        "multiply",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, [SIDE, SIDE]),
        ],
        [
            helper.make_tensor_value_info("still_going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("product", TensorProto.FLOAT, [SIDE, SIDE]),
        ],
    )
    return [
        helper.make_node("Slice", ["images", "one", "two", "one"], ["green"]),
        helper.make_node("ReduceMean", ["green"], ["greenness"], keepdims=0),
        helper.make_node("Slice", ["images", "zero", "one", "one"], ["red"]),
        helper.make_node("ReduceMean", ["red"], ["redness"], keepdims=0),
        helper.make_node("Sub", ["greenness", "redness"], ["excess"]),
        helper.make_node("Mul", ["excess", "often"], ["turns"]),
        helper.make_node("Cast", ["turns"], ["whole_turns"], to=TensorProto.INT64),
        helper.make_node("ConstantOfShape", ["square"], ["start"]),
        helper.make_node("Loop", ["whole_turns", "", "start"], ["end"], body=body),
        helper.make_node("ReduceMax", ["end"], ["nothing"], keepdims=0),
        helper.make_node("Add", ["boxes", "nothing"], ["output"]),
    ]


def save(name, nodes, constants):
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 32, 32])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 16, 7])],
        [
            numpy_helper.from_array(WEIGHT, "weight"),
            numpy_helper.from_array(BIAS, "bias"),
            constant("shape", [1, 7, 16]),
            *constants,
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    file = pathlib.Path(__file__).parent / name / f"{name}.onnx"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(model.SerializeToString())
    print(name, hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_size, "bytes")


save("colour-grid", grid_nodes("output"), [])
save(
    "slow-grid",
    grid_nodes("boxes") + busy_nodes(),
    [
        constant("zero", [0]),
        constant("one", [1]),
        constant("two", [2]),
        constant("often", MULTIPLICATIONS, np.float32),
        constant("square", [SIDE, SIDE]),
    ],
)
