"""Joins the encoder, what tuning changed of it and the heads into one ONNX graph.

ids int64[t], places int64[t], apart float32[t, t], others float32[b, 1, t] → a head's logits float32[b, labels] each,
or, without heads, `MEANING` float32[b, width], the mean over a text's words; opset 18. Several texts go through in one
run, one behind the other: `places` counts from 0 in each, `apart` is 0 between tokens of one text and very low between
others, and so is `others` for a text's tokens and those of others.

Matrices are in 8 bits, a scale for each output; what goes into them is evened (`models.tuned.adapter.evened`) and
quantised on the way (`DynamicQuantizeMatMul`). The table of words is in 8 bits too, a scale for each row.
"""

from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.onnx_graph import Graph
from models.tuned.adapter import EVEN
from models.tuned.source import Array, Shape

APART = -1e4
MEANING = "meaning"


class HeadWeights(NamedTuple):
    """A head as `models.training.turn_model.LabelHead` has learnt it."""

    look: Array
    """[labels, width]: which words each label looks at."""
    weights: Array
    """[labels, width]: what they say to it."""
    bias: Array


_MICROSOFT = "com.microsoft"


def build_graph(shape: Shape, tensors: dict[str, Array], heads: dict[str, HeadWeights]) -> onnx.ModelProto:
    """`tensors` as in `Source`, the table of words cut to the pieces that are kept. `heads` may be none."""
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
    words = graph.add("Transpose", [value], perm=[1, 0])
    for name, head in heads.items():
        _judge(graph, name, head, words)
    if not heads:
        _mean(graph, value)
    return _model(graph, {name: len(head.bias) for name, head in heads.items()} or {MEANING: shape.width})


def _judge(graph: Graph, name: str, head: HeadWeights, words: str) -> None:
    """Each label takes of every text the mean of what the words say to it, by how much it looks at them."""

    def by_label(what: str, matrix: Array) -> str:
        return graph.add("MatMul", [graph.const(f"head.{name}.{what}", matrix.astype(np.float32)), words])

    looks = graph.add("Softmax", [graph.add("Add", [by_label("look", head.look), "others"])], axis=-1)
    said = graph.add("Mul", [looks, by_label("w", head.weights)])
    last = graph.const(f"head.{name}.last", np.asarray([-1], np.int64))
    scores = graph.add("ReduceSum", [said, last], keepdims=0)
    graph.add("Add", [scores, graph.const(f"head.{name}.b", head.bias.astype(np.float32))], output=name)


def _mean(graph: Graph, words: str) -> None:
    looks = graph.add("Softmax", ["others"], axis=-1)
    second = graph.const("second", np.asarray([1], np.int64))
    graph.add("Squeeze", [graph.add("MatMul", [looks, words]), second], output=MEANING)


def _model(graph: Graph, heads: dict[str, int]) -> onnx.ModelProto:
    def value(name: str, kind: int, *dimensions: str | int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, dimensions)

    inputs = [
        value("ids", TensorProto.INT64, "t"),
        value("places", TensorProto.INT64, "t"),
        value("apart", TensorProto.FLOAT, "t", "t"),
        value("others", TensorProto.FLOAT, "b", 1, "t"),
    ]
    outputs = [value(name, TensorProto.FLOAT, "b", labels) for name, labels in heads.items()]
    made = helper.make_graph(graph.nodes, "turns", inputs, outputs, graph.constants)
    domains = [helper.make_opsetid("", 18), helper.make_opsetid(_MICROSOFT, 1)]
    model = helper.make_model(made, opset_imports=domains, producer_name="welcomedly")
    model.ir_version = 10
    return model


def _words(graph: Graph, tensors: dict[str, Array]) -> str:
    table, scales = eight_bits(tensors["emb.word"], axis=1)
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
    matrix = tensors[f"{name}.w"]
    if (even := tensors.get(name + EVEN)) is not None:
        matrix = matrix * even
        value = graph.add("Mul", [value, graph.const(name + EVEN, 1 / even)])
    weights, scales = eight_bits(matrix, axis=1)
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


def eight_bits(matrix: Array, axis: int) -> tuple[NDArray[np.int8], Array]:
    """The matrix in −127…127, and the scales along an axis that give it back."""
    scales = np.maximum(np.abs(matrix).max(axis=axis, keepdims=True), 1e-12) / 127
    return np.clip(np.rint(matrix / scales), -127, 127).astype(np.int8), scales.astype(np.float32)
