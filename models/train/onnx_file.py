"""Writes a PyTorch model as ONNX in the form that ships: checked, and without a trace of where it was made."""

import hashlib
import inspect
import os

import onnx
import torch

# Newer PyTorch exports by another route unless told; the older route takes no more packages and keeps the operators.
ROUTE = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}


def write_onnx(model, shape, path, input_name, output_name):
    """Writes `model`, traced with an input of `shape`, to `path`; returns the file's SHA-256 in hexadecimal."""
    temporary = path + ".tmp"
    names = {"input_names": [input_name], "output_names": [output_name]}
    torch.onnx.export(model, torch.zeros(*shape), temporary, opset_version=13, **names, **ROUTE)
    document = onnx.load(temporary)
    onnx.checker.check_model(document)
    document.producer_name, document.producer_version, document.doc_string = "gridgate", "", ""
    for node in document.graph.node:
        node.doc_string = ""
    onnx.save(document, path)
    os.remove(temporary)
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
