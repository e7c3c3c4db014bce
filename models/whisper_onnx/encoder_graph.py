"""Whisper's encoder as one ONNX graph.

mel float32[1, bands, frames] → heard float32[1, frames / 2, width], opset 18. `frames` is even and at most twice the
positions that the model knows.

In 8 bits a matrix has a scale for each output, and what goes into it is quantised on the way with one scale for all
(`DynamicQuantizeMatMul`). So inputs are evened first (`models.tuned.adapter.evened`), in the layer norm or the matrix
before, which costs nothing. What leaves a layer's inner part is large in a few positions and nothing like it elsewhere:
there each position is divided by its largest, as what goes into the second convolution. The first and attention stay in
full precision.
"""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper

from models.onnx_graph import Graph
from models.tuned.graph import eight_bits
from models.whisper_onnx.encoder import INPUT, OUTPUT
from models.whisper_onnx.source import Array, Source

EVENED = ("qkv", "ao", "fi")
"""Of a layer: queries, keys and values; out of attention; into the inner part."""
_MICROSOFT = "com.microsoft"
_EPSILON = 1e-5
_LEAST = 1.0
"""A position whose largest is less is divided by this: GELU's least is −0.17, which must not become the largest."""


def build_graph(source: Source, evens: Mapping[str, Array] | None = None) -> onnx.ModelProto:
    """In 8 bits with `evens`, `lN.{qkv,ao,fi}[inputs]`, any of which may be absent; in full precision with None.

    The node that multiplies with a matrix bears the matrix's name, what it multiplies is its first input.
    """
    graph, eight = Graph(), evens is not None
    tensors = folded(source, evens or {})
    value = _positioned(graph, tensors, _convolved(graph, tensors, source.width, eight=eight))
    for layer in range(source.layers):
        at = f"l{layer}"
        normed = _norm(graph, tensors, f"{at}.aln", value)
        mixed = _attention(graph, _linear(graph, tensors, f"{at}.qkv", normed, eight=eight), source.heads)
        value = graph.add("Add", [value, _linear(graph, tensors, f"{at}.ao", mixed, eight=eight)])
        normed = _norm(graph, tensors, f"{at}.fln", value)
        inner = _gelu(graph, _linear(graph, tensors, f"{at}.fi", normed, eight=eight))
        out = _by_position(graph, tensors, f"{at}.fo", inner) if eight else _linear(graph, tensors, f"{at}.fo", inner)
        value = graph.add("Add", [value, out])
    _norm(graph, tensors, "ln", value, OUTPUT)
    return _model(graph, source)


def folded(source: Source, evens: Mapping[str, Array]) -> dict[str, Array]:
    """The tensors with the evening inside: matrices multiplied by it, and what comes before them divided."""
    out = dict(source.tensors)
    for name, even in evens.items():
        layer, linear = name.split(".")
        out[f"{name}.w"] = out[f"{name}.w"] * even
        if linear == "ao":  # values are mixed channel by channel, so it goes through attention
            before, rows = f"{layer}.qkv", slice(2 * source.width, None)
        else:
            before, rows = f"{layer}.{'aln' if linear == 'qkv' else 'fln'}", slice(None)
        for part in (f"{before}.w", f"{before}.b"):
            out[part] = out[part].copy()
            out[part][rows] /= even[:, None] if out[part].ndim > 1 else even
    return out


def _convolved(graph: Graph, tensors: dict[str, Array], width: int, *, eight: bool) -> str:
    """Both convolutions, [1, positions, width]. The second steps over two frames, and is a product with three of them
    side by side: the second of the pair before, and a pair."""
    kernel, bias = (graph.const(f"conv1.{part}", tensors[f"conv1.{part}"]) for part in ("w", "b"))
    first = _gelu(graph, graph.add("Conv", [INPUT, kernel, bias], kernel_shape=[3], pads=[1, 1]))
    frames = graph.add("Transpose", [first], perm=[0, 2, 1])
    pairs = graph.add("Reshape", [frames, graph.const("pairs", np.asarray([1, -1, 2 * width], np.int64))])
    start, end, axis = (
        graph.const(f"second.{name}", np.asarray([at], np.int64))
        for name, at in (("start", width), ("end", 2 * width), ("axis", 2))
    )
    seconds = graph.add("Slice", [pairs, start, end, axis])
    one_later = graph.const("later", np.asarray([0, 1, 0, 0, -1, 0], np.int64))
    triples = graph.add("Concat", [graph.add("Pad", [seconds, one_later]), pairs], axis=2)
    second = tensors | {"conv2.w": tensors["conv2.w"].transpose(0, 2, 1).reshape(width, 3 * width)}
    return _gelu(graph, (_by_position if eight else _linear)(graph, second, "conv2", triples))


def _positioned(graph: Graph, tensors: dict[str, Array], value: str) -> str:
    count = graph.add("Shape", [value], start=1, end=2)
    none = graph.const("none", np.asarray([0], np.int64))
    known = graph.const("positions", tensors["positions"])
    return graph.add("Add", [value, graph.add("Slice", [known, none, count, none])])


def _attention(graph: Graph, joined: str, heads: int) -> str:
    parts = [f"{joined}.{part}" for part in ("queries", "keys", "values")]
    graph.nodes.append(helper.make_node("Split", [joined], parts, axis=2, num_outputs=3))
    return graph.add("MultiHeadAttention", parts, domain=_MICROSOFT, num_heads=heads)


def _linear(graph: Graph, tensors: dict[str, Array], name: str, value: str, *, eight: bool = False) -> str:
    bias = graph.const(f"{name}.b", tensors[f"{name}.b"])
    if eight:
        return _product(graph, tensors, name, value, bias)
    product = graph.add("MatMul", [value, graph.const(f"{name}.w", tensors[f"{name}.w"].T)], name=name)
    return graph.add("Add", [product, bias])


def _by_position(graph: Graph, tensors: dict[str, Array], name: str, value: str) -> str:
    """The same in 8 bits, each position with a scale of its own."""
    last = graph.const(f"{name}.last", np.asarray([-1], np.int64))
    least = graph.const(f"{name}.least", np.asarray(_LEAST, np.float32))
    size = graph.add("Max", [graph.add("ReduceMax", [value, last], keepdims=1), least])
    product = _product(graph, tensors, name, graph.add("Div", [value, size]))
    bias = graph.const(f"{name}.b", tensors[f"{name}.b"])
    return graph.add("Add", [graph.add("Mul", [product, size]), bias])


def _product(graph: Graph, tensors: dict[str, Array], name: str, value: str, *bias: str) -> str:
    weights, scales = eight_bits(tensors[f"{name}.w"], axis=1)
    inputs = [
        value,
        graph.const(f"{name}.w", weights.T),
        graph.const(f"{name}.scale", scales.ravel()),
        graph.const(f"{name}.zero", np.zeros(len(scales), np.int8)),
        *bias,
    ]
    return graph.add("DynamicQuantizeMatMul", inputs, domain=_MICROSOFT, name=name)


def _gelu(graph: Graph, value: str) -> str:
    return graph.add("Gelu", [value], domain=_MICROSOFT)


def _norm(graph: Graph, tensors: dict[str, Array], name: str, value: str, output: str = "") -> str:
    scale, bias = (graph.const(f"{name}.{part}", tensors[f"{name}.{part}"]) for part in ("w", "b"))
    return graph.add("LayerNormalization", [value, scale, bias], output, axis=-1, epsilon=_EPSILON)


def _model(graph: Graph, source: Source) -> onnx.ModelProto:
    def value(name: str, *dimensions: str | int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, dimensions)

    inputs, outputs = [value(INPUT, 1, source.bands, "frames")], [value(OUTPUT, 1, "positions", source.width)]
    made = helper.make_graph(graph.nodes, "whisper_onnx", inputs, outputs, graph.constants)
    domains = [helper.make_opsetid("", 18), helper.make_opsetid(_MICROSOFT, 1)]
    model = helper.make_model(made, opset_imports=domains, producer_name="welcomedly")
    model.ir_version = 10
    return model
