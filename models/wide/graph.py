"""The wide part's ONNX graph: vectors and grams in, every label's log-odds out."""

import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.onnx_graph import Graph

Floats = NDArray[np.float32]
_OPSET, _IR = 18, 9
_MOST = 127


class Layers(msgspec.Struct, frozen=True):
    """What was learnt. Matrices are [inputs, outputs]."""

    table: Floats
    """float32[places, width]: a text has the mean of its grams' rows."""
    inner: Floats
    """float32[vector + width, units]: of the sentence vector, then of the grams; units are rectified."""
    inner_bias: Floats
    heads: Floats
    """float32[units, labels of all heads]."""
    heads_bias: Floats


def build_graph(layers: Layers) -> onnx.ModelProto:
    """Inputs: `vectors` float32[n, vector]; `grams` int64[g], those of all texts; `share` float32[n, g], how much each
    has of each. Output `logits` float32[n, labels]. The table is kept in 8 bits, a scale a row, matrices in 16."""
    graph = Graph()
    size = np.maximum(np.abs(layers.table).max(axis=1, keepdims=True) / _MOST, 1e-6).astype(np.float16)
    steps = np.rint(layers.table / size.astype(np.float32)).clip(-_MOST, _MOST).astype(np.int8)
    rows = _floats(graph, graph.add("Gather", [graph.const("table", steps), "grams"]))
    sizes = _floats(graph, graph.add("Gather", [graph.const("size", size), "grams"]))
    words = graph.add("MatMul", ["share", graph.add("Mul", [rows, sizes])])
    inner = _linear(graph, graph.add("Concat", ["vectors", words], axis=1), "inner", layers.inner, layers.inner_bias)
    heads = _linear(graph, graph.add("Relu", [inner]), "heads", layers.heads, layers.heads_bias)
    graph.add("Identity", [heads], "logits")
    body = helper.make_graph(
        graph.nodes,
        "wide",
        [
            _value("vectors", TensorProto.FLOAT, "n", len(layers.inner) - layers.table.shape[1]),
            _value("grams", TensorProto.INT64, "g"),
            _value("share", TensorProto.FLOAT, "n", "g"),
        ],
        [_value("logits", TensorProto.FLOAT, "n", layers.heads.shape[1])],
        graph.constants,
    )
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)


def _linear(graph: Graph, value: str, name: str, weights: Floats, bias: Floats) -> str:
    matrix = _floats(graph, graph.const(f"{name}.w", weights.astype(np.float16)))
    return graph.add("Add", [graph.add("MatMul", [value, matrix]), graph.const(f"{name}.b", bias)])


def _floats(graph: Graph, value: str) -> str:
    return graph.add("Cast", [value], to=TensorProto.FLOAT)


def _value(name: str, kind: int, *shape: str | int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)
