"""Lets a detector hand out what its head reads, as further outputs of its ONNX graph.

    python3 models/train/embedding_output.py models/lift-nanodet

The weights, the existing outputs and their order stay as they are, bit for bit: only names of tensors that the graph
computes anyway are appended to its list of outputs. They are the inputs of the head's last convolutions, one tensor per
stride; the gateway pools them at a box into an embedding, when it asks for one. `model.json` gets the key `embedding`
and the new hash. Running it again changes nothing. Needs nothing beyond Python.
"""

import hashlib
import json
import os
import sys

# Fields of onnx.proto.
MODEL_GRAPH = 7
GRAPH_NODE, GRAPH_INITIALIZER, GRAPH_OUTPUT = 1, 5, 12
NODE_INPUT, NODE_TYPE = 1, 4
TENSOR_DIMS, TENSOR_NAME = 1, 8
VALUE_NAME, VALUE_TYPE, TYPE_TENSOR, TENSOR_ELEMENT = 1, 2, 1, 1
FLOAT = 1


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return number, at


def fields(data):
    """Each field of a message: its number, its value (int or bytes), and its bytes as they stand."""
    at = 0
    while at < len(data):
        start = at
        key, at = read_varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = read_varint(data, at)
        elif kind == 2:
            size, at = read_varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            size = {1: 8, 5: 4}[kind]
            value, at = data[at : at + size], at + size
        yield key >> 3, value, data[start:at]


def block(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def dims(tensor):
    found = []
    for number, value, _ in fields(tensor):
        if number == TENSOR_DIMS:
            # Packed or one by one: both are allowed.
            if isinstance(value, int):
                found.append(value)
            else:
                at = 0
                while at < len(value):
                    size, at = read_varint(value, at)
                    found.append(size)
    return found


def head_inputs(graph, channels):
    """Tensors read by the convolutions with `channels` outputs, in the order of the graph: one per stride."""
    shapes = {}
    nodes = []
    for number, value, _ in fields(graph):
        if number == GRAPH_INITIALIZER:
            name = next(v for n, v, _ in fields(value) if n == TENSOR_NAME)
            shapes[name] = dims(value)
        elif number == GRAPH_NODE:
            nodes.append(value)
    found = []
    for node in nodes:
        inputs = [v for n, v, _ in fields(node) if n == NODE_INPUT]
        kind = next(v for n, v, _ in fields(node) if n == NODE_TYPE)
        if kind == b"Conv" and shapes.get(inputs[1], [0])[0] == channels:
            found.append(inputs[0])
    return found


def expose(path, names):
    """Appends the tensors `names` to the graph's outputs; returns the SHA-256 of the file."""
    with open(path, "rb") as file:
        model = file.read()
    out = b""
    for number, value, raw in fields(model):
        if number == MODEL_GRAPH:
            known = {next(v for k, v, _ in fields(o) if k == VALUE_NAME) for n, o, _ in fields(value) if n == GRAPH_OUTPUT}
            element = varint(TENSOR_ELEMENT << 3) + varint(FLOAT)
            kind = block(VALUE_TYPE, block(TYPE_TENSOR, element))
            added = [block(GRAPH_OUTPUT, block(VALUE_NAME, name) + kind) for name in names if name not in known]
            raw = block(MODEL_GRAPH, value + b"".join(added)) if added else raw
        out += raw
    with open(path + ".tmp", "wb") as file:
        file.write(out)
    os.replace(path + ".tmp", path)
    return hashlib.sha256(out).hexdigest()


def main(folder):
    path = os.path.join(folder, "model.json")
    with open(path) as file:
        manifest = json.load(file)
    head = manifest["head"]
    if head.get("family") != "nanodet":
        sys.exit(f"{path}: head {head.get('family')} is not known here; only nanodet is")
    weights = os.path.join(folder, manifest["file"])
    with open(weights, "rb") as file:
        graph = next(value for number, value, _ in fields(file.read()) if number == MODEL_GRAPH)
    channels = len(manifest["labels"]) + 4 * (head.get("regMax", 7) + 1)
    names = head_inputs(graph, channels)
    strides = head.get("strides", [8, 16, 32, 64])
    if len(names) != len(strides):
        sys.exit(f"{weights}: {len(names)} convolutions with {channels} channels, expected {len(strides)}")
    manifest["sha256"] = expose(weights, names)
    manifest["embedding"] = {"outputs": [name.decode() for name in names]}
    with open(path, "w") as file:
        json.dump(manifest, file, indent=2)
        file.write("\n")
    print(f"{weights}: {', '.join(manifest['embedding']['outputs'])}")


if __name__ == "__main__":
    main(sys.argv[1])
