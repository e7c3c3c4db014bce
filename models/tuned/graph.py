"""Joins the encoder, what tuning changed of it and the heads into one ONNX graph.

ids int64[t], places int64[t], apart float32[t, t], share float32[b, t] → a head's logits float32[b, labels] each, opset
18. Several texts go through in one run, one behind the other: `places` counts from 0 in each, `apart` is 0 between
tokens of one text and very low between others, `share` has 1/length where a token is the text's.

Matrices are in 8 bits, a scale for each output; what goes into them is quantised on the way (`DynamicQuantizeMatMul`).
The table of words is in 8 bits too, a scale for each row.
"""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.onnx_graph import Graph
from models.tuned.source import Array, Shape

APART = -1e4
_MICROSOFT = "com.microsoft"


def build_graph(shape: Shape, tensors: dict[str, Array], heads: dict[str, tuple[Array, Array]]) -> onnx.ModelProto:
    """`tensors` as in `Source`, the table of words cut to the pieces that are kept; `heads` by name: weights
    [labels, width] and bias."""
    graph = Graph()
    across = graph.const("across", np.asarray([0, shape.heads, shape.width // shape.heads], np.int64))
    back = graph.const("back", np.asarray([0, shape.width], np.int64))
    value = _norm(graph, shape, tensors, "emb.ln", _words(graph, tensors))
    for layer in range(shape.layers):
        at = f"l{layer}"
        heard = _attention(graph, shape, tensors, at, value, across, back)
        value = _norm(graph, shape, tensors, f"{at}.aln", graph.add("Add", [value, heard]))
        inner = _gelu(graph, _linear(graph, tensors, f"{at}.fi", value))
        value = _norm(
            graph, shape, tensors, f"{at}.oln", graph.add("Add", [value, _linear(graph, tensors, f"{at}.fo", inner)])
        )
    pooled = graph.add("MatMul", ["share", value])
    for name, (weights, bias) in heads.items():
        scores = graph.add("MatMul", [pooled, graph.const(f"head.{name}.w", weights.T.astype(np.float32))])
        graph.add("Add", [scores, graph.const(f"head.{name}.b", bias.astype(np.float32))], output=name)
    return _model(graph, {name: len(bias) for name, (_, bias) in heads.items()})


def _model(graph: Graph, heads: dict[str, int]) -> onnx.ModelProto:
    def value(name: str, kind: int, *dimensions: str | int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, dimensions)

    inputs = [
        value("ids", TensorProto.INT64, "t"),
        value("places", TensorProto.INT64, "t"),
        value("apart", TensorProto.FLOAT, "t", "t"),
        value("share", TensorProto.FLOAT, "b", "t"),
    ]
    outputs = [value(name, TensorProto.FLOAT, "b", labels) for name, labels in heads.items()]
    made = helper.make_graph(graph.nodes, "turns", inputs, outputs, graph.constants)
    domains = [helper.make_opsetid("", 18), helper.make_opsetid(_MICROSOFT, 1)]
    model = helper.make_model(made, opset_imports=domains, producer_name="welcomedly")
    model.ir_version = 10
    return model


def _words(graph: Graph, tensors: dict[str, Array]) -> str:
    table, scales = _eight_bits(tensors["emb.word"], axis=1)
    rows = graph.add("Gather", [graph.const("emb.word", table), "ids"], axis=0)
    rows = graph.add("Cast", [rows], to=TensorProto.FLOAT)
    words = graph.add("Mul", [rows, graph.add("Gather", [graph.const("emb.scale", scales), "ids"], axis=0)])
    where = tensors["emb.pos"] + tensors["emb.type"][0]
    return graph.add("Add", [words, graph.add("Gather", [graph.const("emb.pos", where), "places"], axis=0)])


def _attention(
    graph: Graph, shape: Shape, tensors: dict[str, Array], at: str, value: str, across: str, back: str
) -> str:
    def headed(name: str, order: list[int]) -> str:
        one = graph.add("Reshape", [_linear(graph, tensors, f"{at}.{name}", value), across])
        return graph.add("Transpose", [one], perm=order)

    queries, keys, values = headed("q", [1, 0, 2]), headed("k", [1, 2, 0]), headed("v", [1, 0, 2])
    steep = graph.const(f"{at}.steep", np.asarray((shape.width // shape.heads) ** -0.5, np.float32))
    scores = graph.add("Mul", [graph.add("MatMul", [queries, keys]), steep])
    chances = graph.add("Softmax", [graph.add("Add", [scores, "apart"])], axis=-1)
    mixed = graph.add("Transpose", [graph.add("MatMul", [chances, values])], perm=[1, 0, 2])
    return _linear(graph, tensors, f"{at}.ao", graph.add("Reshape", [mixed, back]))


def _linear(graph: Graph, tensors: dict[str, Array], name: str, value: str) -> str:
    weights, scales = _eight_bits(tensors[f"{name}.w"], axis=1)
    inputs = [
        value,
        graph.const(f"{name}.w", weights.T),
        graph.const(f"{name}.scale", scales.ravel()),
        graph.const(f"{name}.zero", np.zeros(len(scales), np.int8)),
        graph.const(f"{name}.b", tensors[f"{name}.b"]),
    ]
    return graph.add("DynamicQuantizeMatMul", inputs, domain=_MICROSOFT)


def _gelu(graph: Graph, value: str) -> str:
    return graph.add("Gelu", [value], domain=_MICROSOFT)


def _norm(graph: Graph, shape: Shape, tensors: dict[str, Array], name: str, value: str) -> str:
    scale, bias = (graph.const(f"{name}.{one}", tensors[f"{name}.{one}"]) for one in ("w", "b"))
    return graph.add("LayerNormalization", [value, scale, bias], axis=-1, epsilon=shape.epsilon)


def _eight_bits(matrix: Array, axis: int) -> tuple[NDArray[np.int8], Array]:
    """The matrix in −127…127, and the scales along an axis that give it back."""
    scales = np.maximum(np.abs(matrix).max(axis=axis, keepdims=True), 1e-12) / 127
    return np.clip(np.rint(matrix / scales), -127, 127).astype(np.int8), scales.astype(np.float32)
