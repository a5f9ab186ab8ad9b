"""An onnxruntime session that keeps to its own thread."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnxruntime

from rtvi_local.engines.interfaces import EngineError


def quiet_session(
    path: Path, *, threads: int, inputs: Mapping[str, tuple[int | None, ...]], keeps_pool: bool = False
) -> onnxruntime.InferenceSession:
    """A session on the CPU. `inputs` names what the model must take, with the sizes that matter (None for any).
    `keeps_pool` gives it a pool of its own, which is a little faster and never shrinks: 30 MB for a model of 9.

    Raises EngineError if the model takes something else, and onnxruntime's own errors if it cannot be read.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning pools burn a core while they wait, and the core that they burn is the one that paces audio.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = keeps_pool
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    found = {node.name: tuple(node.shape) for node in session.get_inputs()}
    for name, sizes in inputs.items():
        shape = found.get(name)
        if (
            shape is None
            or len(shape) != len(sizes)
            or any(isinstance(a, int) and b not in (a, None) for a, b in zip(shape, sizes, strict=True))
        ):
            raise EngineError(f"{path.parent.name}: {path.name} is another model: it takes {found}, not {inputs}")
    return session
