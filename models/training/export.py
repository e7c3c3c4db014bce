"""Writes a fitted head as ONNX and its card as JSON, and checks that both say the same."""

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from engine.errors import Invalid
from models.embed import DIMENSIONS
from models.heads import Head, HeadCard
from models.lexical import WIDTH
from models.training.corpus import HeadPlan, Row
from models.training.fit import FOLDS, Linear, Settings

_MAX_DIFFERENCE = 5e-3
"""Weights are stored in half precision, which moves a probability by up to about 1e-3."""


def graph_of(name: str, head: Linear) -> onnx.ModelProto:
    """features float[n, 512 + WIDTH] → probabilities float[n, labels]; weights as float16, sums in float32."""
    weights = numpy_helper.from_array(head.weights.astype(np.float16), "weights")
    bias = numpy_helper.from_array(head.bias.astype(np.float32), "bias")
    constants = [weights, bias]
    if head.kind == "multiclass":
        last = [helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1)]
    elif head.exclusive:
        cut = {"starts": [0], "ends": [-1], "axes": [1]}  # the last class is "none"
        constants += [numpy_helper.from_array(np.asarray(value, dtype=np.int64), name) for name, value in cut.items()]
        last = [
            helper.make_node("Softmax", ["scores"], ["competing"], axis=1),
            helper.make_node("Slice", ["competing", *cut], ["probabilities"]),
        ]
    else:
        last = [helper.make_node("Sigmoid", ["scores"], ["probabilities"])]
    nodes = [
        helper.make_node("Cast", ["weights"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["features", "wide"], ["products"]),
        helper.make_node("Add", ["products", "bias"], ["scores"]),
        *last,
    ]
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", DIMENSIONS + WIDTH])]
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", len(head.thresholds)])]
    graph = helper.make_graph(nodes, name, inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], producer_name="welcomedly")
    model.ir_version = 10
    onnx.checker.check_model(model)
    return model


def write(
    name: str, head: Linear, plan: HeadPlan, metrics: dict[str, Any], trained_on: dict[str, Any], directory: Path
) -> HeadCard:
    """Both files, weights first; the card names the weights' sha256."""
    directory.mkdir(parents=True, exist_ok=True)
    data = graph_of(name, head).SerializeToString()
    card = HeadCard(
        name=name,
        kind=plan.kind,
        labels=plan.labels,
        thresholds=head.thresholds if plan.kind == "multilabel" else tuple(0.0 for _ in plan.labels),
        sha256=hashlib.sha256(data).hexdigest(),
        lexical_width=WIDTH,
        trained_on=trained_on,
        metrics=metrics,
    )
    (directory / f"{name}.onnx").write_bytes(data)
    (directory / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n")
    return card


def check_parity(name: str, head: Linear, features: Any, directory: Path) -> float:
    """Largest difference of a probability over `features` (sparse rows). Raises `Invalid` when it is too large."""
    exact = head.probabilities(features)
    got = Head(name, directory).probabilities(np.asarray(features.todense(), dtype=np.float32))
    difference = float(np.abs(exact - got).max())
    if difference > _MAX_DIFFERENCE:
        raise Invalid(f"the exported head {name} differs from the fitted one by {difference:.4f}")
    return difference


def provenance(rows: list[Row], settings: Settings) -> dict[str, Any]:
    languages = sorted({row.language for row in rows})
    return {
        "data": "authored for this product",
        "rows": {language: sum(row.language == language for row in rows) for language in languages},
        "ideas": len({row.idea for row in rows}),
        "protocol": f"{FOLDS} folds by idea; thresholds and calibration from the other folds; shipped weights see all",
        "strength": settings.strength,
        "lexical_scale": settings.lexical_scale,
        "embedding_scale": settings.embedding_scale,
        "seed": settings.seed,
        "scikit-learn": version("scikit-learn"),
        "numpy": version("numpy"),
    }
