"""A Piper voice's graph in two: the encoder (text to latent frames) and the decoder (latent frames to sound).

A VITS decoder is a stack of convolutions, so any stretch of the sound can be made from the latent frames around it: the first
sound of a sentence exists long before its last. The cut is found by looking at the graph, not at names, which differ between
voices: it is the first single tensor that everything said about the text has to pass on its way to the sound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import onnx
from onnx import helper

SPEAKER_INPUT = "sid"
"""What Piper calls the input that chooses a speaker. It may enter the decoder too, and is no part of the text."""

_POINTWISE = {"Add", "Sub", "Mul", "Div", "Neg", "Tanh", "Sigmoid", "Relu", "LeakyRelu", "Clip", "Cast", "Identity"} | {
    "Squeeze", "Unsqueeze", "DequantizeLinear", "QuantizeLinear"
}  # fmt: skip
"""Operations whose output at one moment needs the input at that moment only."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a voice's graph comes apart."""

    latent: str
    """The tensor between the halves, shape (1, channels, frames)."""
    durations: str | None
    """The tensor that says how many frames each phoneme id lasts, or None if the graph has no such tensor."""
    frame_samples: int
    """How many samples of sound one latent frame becomes."""
    context_frames: int
    """How many frames on either side a frame's samples depend on."""


class NoCut(Exception):
    """This graph cannot be split: it is no VITS, or one of a kind that was not foreseen."""


def split(model: onnx.ModelProto) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """Encoder and decoder of a voice. Raises NoCut.

    The encoder has the model's inputs; its outputs are the latent and, where there are any, the durations. The decoder takes
    the latent (and the speaker, if it needs one) and has the model's output. Its metadata hold `frame_samples` and
    `context_frames`; the tensors keep their names.
    """
    graph = model.graph
    cut = find_cut(graph)
    outputs = [cut.latent] + ([cut.durations] if cut.durations else [])
    inputs = [value for value in graph.input if value.name not in _constants(graph)]
    used = {name for index in _ancestors(graph, graph.output[0].name, [cut.latent]) for name in _reads(graph.node[index])}
    speaker = [value for value in inputs if value.name == SPEAKER_INPUT and value.name in used]
    encoder = _extract(model, inputs, [onnx.ValueInfoProto(name=name) for name in outputs])
    decoder = _extract(model, [_latent_input(graph, cut.latent), *speaker], [graph.output[0]])
    helper.set_model_props(decoder, {"frame_samples": str(cut.frame_samples), "context_frames": str(cut.context_frames)})
    return encoder, decoder


def find_cut(graph: onnx.GraphProto) -> Cut:
    """The earliest tensor that separates the text from the sound, with only convolutions after it. Raises NoCut."""
    nodes = [graph.node[index] for index in _ancestors(graph, graph.output[0].name)]
    constants = _constants(graph)
    of_text = {value.name for value in graph.input} - constants - {SPEAKER_INPUT}
    last_use: dict[str, int] = {}
    for index, node in enumerate(nodes):
        if node.op_type.startswith("Random") or any(name in of_text for name in _reads(node)):
            of_text.update(filter(None, node.output))
        for name in _reads(node):
            last_use[name] = index
    ceils = [node.output[0] for node in nodes if node.op_type == "Ceil" and node.output[0] in of_text]
    if not ceils:
        raise NoCut("there are no durations in its graph")
    # Nodes come in topological order, so a tensor that is alone alive between two nodes is on every path that crosses there.
    alive = {value.name for value in graph.input if value.name in of_text and value.name in last_use}
    waiting = set(ceils)
    for index, node in enumerate(nodes):
        waiting.difference_update(node.output)
        alive.update(name for name in node.output if name in of_text and name in last_use)
        alive = {name for name in alive if last_use[name] > index}
        if len(alive) == 1 and not waiting:
            latent = next(iter(alive))
            frame_samples, context_frames = _reach(nodes[index + 1 :], latent, graph)
            return Cut(latent, ceils[0] if len(ceils) == 1 else None, frame_samples, context_frames)
    raise NoCut("no single tensor separates the text from the sound")


def _reach(nodes: list[onnx.NodeProto], latent: str, graph: onnx.GraphProto) -> tuple[int, int]:
    """Samples per frame of a decoder, and on how many frames on either side of a frame its samples depend.

    The usual arithmetic of receptive fields, from the samples of one frame back to the latent: a convolution of K taps,
    dilation D and leading padding P needs P more on the left and (K - 1) * D - P on the right; a transposed one with stride S
    needs of its input what can reach its output, i * S - P + (0 … K - 1).
    """
    constants = {initializer.name: list(initializer.dims) for initializer in graph.initializer}
    rate = {latent: 1}
    layers: list[tuple[list[str], onnx.NodeProto, tuple[int, int, int, int]]] = []
    for node in nodes:
        sources = [name for name in _reads(node) if name in rate]
        if not sources:
            continue  # made from the speaker alone: the same at every moment
        shape = (1, 1, 1, 0)
        if node.op_type in ("Conv", "ConvTranspose"):
            shape = _kernel(node, constants)
        elif node.op_type not in _POINTWISE:
            raise NoCut(f"{node.op_type} comes after the cut, which may look at the whole sound")
        stride = shape[1] if node.op_type == "ConvTranspose" else 1
        layers.append((sources, node, shape))
        rate.update((name, max(rate[source] for source in sources) * stride) for name in node.output)
    frame_samples = rate[graph.output[0].name]
    needed = {graph.output[0].name: (0, frame_samples - 1)}
    for sources, node, (taps, stride, dilation, pad) in reversed(layers):
        spans = [needed[name] for name in node.output if name in needed]
        first, last = min(span[0] for span in spans), max(span[1] for span in spans)
        if node.op_type == "ConvTranspose":
            first, last = -((taps - 1 - pad - first) // stride), (last + pad) // stride
        else:
            first, last = first - pad, last - pad + (taps - 1) * dilation
        for name in sources:
            before = needed.get(name, (first, last))
            needed[name] = (min(first, before[0]), max(last, before[1]))
    first, last = needed[latent]
    return frame_samples, max(-first, last)


def _kernel(node: onnx.NodeProto, constants: dict[str, list[int]]) -> tuple[int, int, int, int]:
    """Taps, stride, dilation and leading padding of a convolution. Raises NoCut for one that was not foreseen."""
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    taps = (attributes.get("kernel_shape") or constants.get(node.input[1], [])[2:] or [0])[0]
    stride, dilation = attributes.get("strides", [1])[0], attributes.get("dilations", [1])[0]
    padded_itself = attributes.get("auto_pad", b"NOTSET") != b"NOTSET"
    if not taps or padded_itself or (stride if node.op_type == "Conv" else dilation) != 1:
        raise NoCut(f"a {node.op_type} of a kind that was not foreseen comes after the cut")
    return taps, stride, dilation, attributes.get("pads", [0])[0]


def _reads(node: onnx.NodeProto) -> Iterator[str]:
    """The tensors that a node uses, those that its branches take from outside among them."""
    yield from filter(None, node.input)
    for attribute in node.attribute:
        for inner in attribute.g.node:
            yield from _reads(inner)


def _constants(graph: onnx.GraphProto) -> set[str]:
    return {initializer.name for initializer in graph.initializer}


def _ancestors(graph: onnx.GraphProto, output: str, inputs: Iterable[str] = ()) -> list[int]:
    """Which nodes `output` needs if `inputs` are given, in the graph's (topological) order."""
    needed, given = {output}, set(inputs)
    found: list[int] = []
    for index in reversed(range(len(graph.node))):
        node = graph.node[index]
        if any(name in needed and name not in given for name in node.output):
            needed.update(_reads(node))
            found.append(index)
    return found[::-1]


def _extract(model: onnx.ModelProto, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]) -> onnx.ModelProto:
    """The part of a model between some tensors."""
    graph, given = model.graph, [value.name for value in inputs]
    wanted = {index for output in outputs for index in _ancestors(graph, output.name, given)}
    nodes = [graph.node[index] for index in sorted(wanted)]
    used = {name for node in nodes for name in _reads(node)}
    part = helper.make_graph(
        nodes,
        graph.name,
        inputs,
        outputs,
        [initializer for initializer in graph.initializer if initializer.name in used],
    )
    made = helper.make_model(part, opset_imports=model.opset_import)
    made.ir_version = model.ir_version
    return made


def _latent_input(graph: onnx.GraphProto, latent: str) -> onnx.ValueInfoProto:
    """The decoder's input: its type and channels are those of the convolution that takes it."""
    constants = {initializer.name: initializer for initializer in graph.initializer}
    for node in graph.node:
        if node.op_type == "Conv" and node.input[0] == latent and node.input[1] in constants:
            weight = constants[node.input[1]]
            return helper.make_tensor_value_info(latent, weight.data_type, [1, weight.dims[1], "frames"])
    raise NoCut("no convolution takes the tensor at the cut")
