"""A voice of a few kilobytes with random weights, wired as Piper's are: it says nothing, but it can be split and run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

CHANNELS = 8
FRAME_SAMPLES = 16
CONTEXT_FRAMES = 5
"""By hand: 3 for the first convolution; 2 for the rest, which works at 4 and 16 samples a frame."""


class _Graph:
    """Nodes and weights, written down in the order of the computation."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._random = np.random.default_rng(1)

    def add(self, operation: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        output = name or f"t{len(self.nodes)}"  # names say nothing, as in some real voices
        self.nodes.append(helper.make_node(operation, list(inputs), [output], **attributes))
        return output

    def constant(self, values: npt.ArrayLike, kind: type[np.generic] = np.int64) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.array(values, kind), name))
        return name

    def weight(self, *shape: int, size: float = 0.3) -> str:
        return self.constant(self._random.normal(size=shape) * size, np.float32)

    def conv(self, source: str, taps: int, dilation: int = 1, channels: int = CHANNELS) -> str:
        pad = (taps - 1) * dilation // 2
        weight = self.weight(channels, CHANNELS, taps)
        return self.add("Conv", source, weight, kernel_shape=[taps], dilations=[dilation], pads=[pad, pad])


def tiny_vits(*, speakers: int = 1, looks_at_the_whole_sound: bool = False) -> onnx.ModelProto:
    """A model with Piper's inputs and output. With `looks_at_the_whole_sound` its decoder cannot be run in pieces."""
    graph = _Graph()
    add, constant = graph.add, graph.constant
    voice = ""
    if speakers > 1:
        voice = add("Unsqueeze", add("Gather", graph.weight(speakers, CHANNELS, size=1.0), "sid"), constant([2]))

    def conditioned(source: str) -> str:
        return add("Add", source, graph.conv(voice, 1)) if voice else source

    # Text encoder and durations.
    text = add("Transpose", add("Gather", graph.weight(256, CHANNELS, size=1.0), "input"), perm=[0, 2, 1])
    scale = add("Gather", "scales", constant([1]))
    durations = add("Ceil", add("Mul", add("Exp", graph.conv(conditioned(text), 3, channels=1)), scale))
    # Each phoneme's column, repeated as often as it lasts: frames x phonemes, 1 where the frame is of the phoneme.
    ends = add("CumSum", durations, constant(2))
    total = add("Cast", add("ReduceMax", ends, keepdims=0), to=TensorProto.INT64)
    frames = add("Cast", add("Range", constant(0), total, constant(1)), to=TensorProto.FLOAT)
    column = add("Unsqueeze", frames, constant([0, 2]))
    ended = add("Cast", add("Less", column, ends), to=TensorProto.FLOAT)
    begun = add("Cast", add("Less", column, add("Sub", ends, durations)), to=TensorProto.FLOAT)
    path = add("Transpose", add("Sub", ended, begun), perm=[0, 2, 1])
    mask = add("Unsqueeze", add("Cast", add("Less", frames, add("ReduceMax", ends, keepdims=0)), to=1), constant([0, 1]))
    mean = add("MatMul", text, path)
    noise = add("Mul", add("RandomNormalLike", mean), add("Gather", "scales", constant([0])))
    # One step of the flow, and the product that the decoder takes.
    before = add("Add", mean, noise)
    flow = add("Add", before, add("Tanh", conditioned(graph.conv(add("Mul", before, mask), 5))))
    latent = add("Mul", add("Mul", flow, mask), mask)
    # Decoder.
    sound = conditioned(graph.conv(latent, 7))
    if looks_at_the_whole_sound:
        sound = add("Sub", sound, add("ReduceMean", sound, constant([2])))
    for _ in range(2):
        weight = graph.weight(CHANNELS, CHANNELS, 8)
        sound = add("ConvTranspose", add("LeakyRelu", sound), weight, kernel_shape=[8], strides=[4], pads=[2, 2])
        wide = add("Add", sound, graph.conv(add("LeakyRelu", sound), 3, dilation=3))
        narrow = add("Add", sound, graph.conv(add("LeakyRelu", sound), 3))
        sound = add("Div", add("Add", wide, narrow), constant(2.0, np.float32))
    wave = add("Tanh", graph.conv(add("LeakyRelu", sound), 7, channels=1))
    add("Unsqueeze", wave, constant([1]), name="output")

    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, [1, "phonemes"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    if voice:
        inputs.append(helper.make_tensor_value_info("sid", TensorProto.INT64, [1]))
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, 1, "time"])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "voice", inputs, [output], graph.weights), opset_imports=[helper.make_opsetid("", 18)]
    )
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


def write_tiny_voice(directory: Path, model: onnx.ModelProto, *, speakers: int = 1, language: str = "en-us") -> Path:
    """A folder as the model store makes them; `language` is espeak's name for it."""
    directory.mkdir(parents=True)
    onnx.save(model, str(directory / "tiny.onnx"))
    config = {
        "audio": {"sample_rate": 16000},
        "espeak": {"voice": language},
        "inference": {"noise_scale": 0.5, "length_scale": 1, "noise_w": 0.8},
        "phoneme_id_map": DEFAULT_PHONEME_ID_MAP,
        "num_symbols": 256,
        "num_speakers": speakers,
    }
    (directory / "tiny.onnx.json").write_text(json.dumps(config), encoding="utf-8")
    return directory
