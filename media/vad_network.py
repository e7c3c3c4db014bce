"""Silero's network at 8 kHz, rewritten for many legs at once.

In the file of its authors each convolution runs leg by leg, over four moments at most, which no processor is good at.
But a convolution over so few moments is one matrix, zero where the kernel does not reach, and then a layer is one
product of all legs with it: a third of the time at 64 legs, and the same answers but for float32's last digits.
"""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from engine.facts import Samples

FRAME = 256
CONTEXT = 32
"""Samples of the frame before that the network sees again."""
WIDTH = 128
"""Of each of the LSTM's two states."""
_WINDOW, _HOP, _MOMENTS = 128, 64, 4
"""Of the spectrum that comes first; its last window reaches into the frame's own reflection."""
_BINS = _WINDOW // 2 + 1
_STRIDES = (1, 2, 2, 1)
"""Of the encoder's convolutions, of three moments each and with one of padding."""


def batched(source: bytes) -> bytes:
    """`silero_vad.onnx` → a model of `sound` float32[n, 288] (context, then frame), `hidden` and `cell` float32[n, 128]
    that gives `probability` float32[n, 1], `next_hidden` and `next_cell`. Raises `ValueError` for another network."""
    weights = _weights(source)
    graph = _Graph()
    x = graph.magnitude("sound", _spectrum(weights["stft.forward_basis_buffer"]))
    moments = _MOMENTS
    for layer, stride in enumerate(_STRIDES):
        name = f"encoder.{layer}.reparam_conv"
        x = graph.relu(graph.dense(x, *_matrix(weights[f"{name}.weight"], weights[f"{name}.bias"], moments, stride)))
        moments = -(-moments // stride)
    both = np.concatenate([weights["decoder.rnn.weight_ih"], weights["decoder.rnn.weight_hh"]], axis=1).T
    graph.lstm(x, both, weights["decoder.rnn.bias_ih"] + weights["decoder.rnn.bias_hh"])
    last = weights["decoder.decoder.2.weight"].reshape(WIDTH, 1)
    graph.node(
        "Sigmoid", graph.dense(graph.relu("next_hidden"), last, weights["decoder.decoder.2.bias"]), "probability"
    )
    return bytes(graph.model().SerializeToString())


def _weights(source: bytes) -> dict[str, Samples]:
    """Of the branch for 8 kHz, by the names that they had before it was inlined."""
    branches = [node for node in onnx.load_from_string(source).graph.node if node.op_type == "If"]
    graphs = [part.g for node in branches for part in node.attribute if part.name == "else_branch"]
    found = {
        node.output[0].rpartition("__")[2]: numpy_helper.to_array(node.attribute[0].t)
        for graph in graphs[:1]
        for node in graph.node
        if node.op_type == "Constant"
    }
    if "stft.forward_basis_buffer" not in found:
        raise ValueError("this is not the network of Silero VAD that we know")
    return found


def _spectrum(basis: Samples) -> Samples:
    """float32[288, 2 · 4 · 65]: sound to the real, then the imaginary parts of all moments."""
    reach = CONTEXT + FRAME
    matrix = np.zeros((reach, 2, _MOMENTS, _BINS), np.float32)
    for moment in range(_MOMENTS):
        for tap in range(_WINDOW):
            at = moment * _HOP + tap
            at = at if at < reach else 2 * (reach - 1) - at  # reflected at the frame's end
            matrix[at, :, moment] += basis[:, 0, tap].reshape(2, _BINS)
    return matrix.reshape(reach, -1)


def _matrix(kernel: Samples, bias: Samples, moments: int, stride: int) -> tuple[Samples, Samples]:
    """The matrix and bias that a convolution over `moments` amounts to; columns go moment by moment."""
    channels_out, channels_in, taps = kernel.shape
    after = -(-moments // stride)
    matrix = np.zeros((moments, channels_in, after, channels_out), np.float32)
    for moment in range(after):
        for tap in range(taps):
            at = moment * stride + tap - 1
            if 0 <= at < moments:
                matrix[at, :, moment] = kernel[:, :, tap].T
    return matrix.reshape(moments * channels_in, after * channels_out), np.tile(bias, after)


class _Graph:
    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def node(self, kind: str, inputs: str, output: str = "", **attributes: Any) -> str:
        """`inputs` are names with blanks between; without a name of its own the output gets one."""
        output = output or f"x{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs.split(), output.split(), **attributes))
        return output

    def constant(self, value: NDArray[Any]) -> str:
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def split(self, x: str, names: str, width: int) -> None:
        sizes = self.constant(np.full(len(names.split()), width, np.int64))
        self.node("Split", f"{x} {sizes}", names, axis=1)

    def dense(self, x: str, matrix: Samples, bias: Samples) -> str:
        return self.node("Gemm", f"{x} {self.constant(matrix)} {self.constant(bias)}")

    def relu(self, x: str) -> str:
        return self.node("Relu", x)

    def magnitude(self, x: str, matrix: Samples) -> str:
        self.split(self.node("MatMul", f"{x} {self.constant(matrix)}"), "real imaginary", _MOMENTS * _BINS)
        squares = [self.node("Mul", f"{part} {part}") for part in ("real", "imaginary")]
        return self.node("Sqrt", self.node("Add", " ".join(squares)))

    def lstm(self, x: str, matrix: Samples, bias: Samples) -> None:
        """One step: from `hidden` and `cell` to `next_hidden` and `next_cell`; gates in the order of PyTorch."""
        self.split(self.dense(self.node("Concat", f"{x} hidden", axis=1), matrix, bias), "i f g o", WIDTH)
        take, keep, give = (self.node("Sigmoid", gate) for gate in ("i", "f", "o"))
        fresh = self.node("Mul", f"{take} {self.node('Tanh', 'g')}")
        self.node("Add", f"{self.node('Mul', f'{keep} cell')} {fresh}", "next_cell")
        self.node("Mul", f"{give} {self.node('Tanh', 'next_cell')}", "next_hidden")

    def model(self) -> onnx.ModelProto:
        def of(name: str, width: int) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width])

        inputs = [of("sound", CONTEXT + FRAME), of("hidden", WIDTH), of("cell", WIDTH)]
        outputs = [of("probability", 1), of("next_hidden", WIDTH), of("next_cell", WIDTH)]
        graph = helper.make_graph(self._nodes, "vad", inputs, outputs, self._constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
