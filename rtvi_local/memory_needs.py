"""Whether the chosen models fit into this machine's memory."""

from __future__ import annotations

from collections.abc import Mapping

from rtvi_local.errors import UserError
from rtvi_local.hardware import Plan
from rtvi_local.model_store.progress import megabytes

BESIDE_MODELS_BYTES = 250_000_000
"""What the process takes beside its models' files: libraries, caches, a conversation. With the default models it holds 0.9 GB
(docs/latency.json), and their files have 0.71."""
LESS = "Close other programs, or choose smaller models (--preset tiny)"


def needed_memory_bytes(sizes: Mapping[str, int], placements: Plan | None) -> int:
    """For conversations with models of these sizes on disk, by engine (stt, llm, …). What runs on a graphics card is in its
    memory."""
    on_cards = {engine for engine in ("stt", "llm") if placements and getattr(placements, engine).device != "cpu"}
    return BESIDE_MODELS_BYTES + sum(size for engine, size in sizes.items() if engine not in on_cards)


def require_memory(models: Mapping[str, tuple[str, int]], placements: Plan, free_bytes: int | None) -> None:
    """Raises UserError if models (name and bytes on disk, by engine) cannot all be in memory: before they are loaded, which may
    take a minute to fail, or push everything else on this machine out."""
    needed_bytes = needed_memory_bytes({engine: size for engine, (_, size) in models.items()}, placements)
    if free_bytes is not None and needed_bytes > free_bytes:
        names = ", ".join(f"{name} ({megabytes(size)})" for name, size in models.values())
        raise UserError(
            f"The models need about {megabytes(needed_bytes)} of memory, and {megabytes(free_bytes)} are free. "
            f"{LESS}. They are {names}."
        )
