"""What this machine has, and what runs on what part of it.

`find_hardware` looks; `plan` decides and is a pure function.
"""

from __future__ import annotations

import os
import platform
import re
import resource
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rtvi_local.accelerators import Accelerator, find_accelerators
from rtvi_local.errors import UserError

Device = Literal["cpu", "cuda"]

MOST_THREADS = 8
"""Small models stop gaining beyond this: every layer ends with all threads waiting for the slowest."""


@dataclass(frozen=True, slots=True)
class Hardware:
    cores: int
    """How many this process may use: the affinity and the container's quota count."""
    memory_bytes: int | None
    """What this process may use: the container's limit counts."""
    free_memory_bytes: int | None
    architecture: str
    """As the kernel names it: x86_64, aarch64, arm64."""
    cpu_features: frozenset[str]
    """Those that decide how fast models run: AVX2, AVX-512, NEON."""
    accelerators: Mapping[str, Accelerator]
    """By the library that would use it: ctranslate2, llama.cpp, onnxruntime."""


@dataclass(frozen=True, slots=True)
class Placement:
    device: Device
    compute_type: str
    """As CTranslate2 names it for "stt"; the weights' own type for the others."""
    threads: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Where each engine runs. None of the thread pools may spin while it waits: audio is sent from the same cores."""

    vad: Placement
    turn_detector: Placement
    stt: Placement
    llm: Placement
    tts: Placement


def plan(hardware: Hardware, device: str) -> Plan:
    """Where each engine runs for `--device` auto, cpu or cuda.

    Raises UserError for cuda if speech recognition or the language model cannot use it.
    """
    # On two cores the engines run one after the other: one idle core would cost each of them half its speed. With more, one
    # stays free, so that a 20 ms audio frame never waits for a matrix product.
    threads = hardware.cores if hardware.cores <= 2 else min(hardware.cores - 1, MOST_THREADS)
    stt_accelerator, llm_accelerator = (hardware.accelerators.get(name) for name in ("ctranslate2", "llama.cpp"))
    if device == "cuda":
        missing = [
            f"{what} cannot use it: {accelerator.reason if accelerator else 'not looked for'}"
            for what, accelerator in (("Whisper", stt_accelerator), ("the language model", llm_accelerator))
            if accelerator is None or accelerator.device != "cuda"
        ]
        if missing:
            raise UserError(
                f"the device is set to cuda, but {'; '.join(missing)}. Use --device auto, or run rtvi-local doctor."
            )
    stt_device: Device = stt_accelerator.device if stt_accelerator and device != "cpu" else "cpu"
    llm_device: Device = llm_accelerator.device if llm_accelerator and device != "cpu" else "cpu"
    return Plan(
        vad=Placement("cpu", "float32", 1),
        turn_detector=Placement("cpu", "int8", 1),
        stt=Placement(stt_device, "float16" if stt_device == "cuda" else "int8", threads if stt_device == "cpu" else 1),
        llm=Placement(llm_device, "as quantized", threads if llm_device == "cpu" else min(2, threads)),
        # A clause of Piper's takes under 100 ms on two cores; the trip to a graphics card would save little of it.
        tts=Placement("cpu", "float32", threads),
    )


def summary(placements: Plan, names: Mapping[str, str]) -> str:
    """One line on what runs where; `names` are the models' names for stt, llm and tts."""
    parts = []
    for engine in ("stt", "llm", "tts"):
        placement: Placement = getattr(placements, engine)
        where = {"cpu": "CPU", "cuda": "GPU (CUDA)"}[placement.device]
        kind = f" {placement.compute_type}" if engine == "stt" else ""
        threads = f", {placement.threads} thread{'s' if placement.threads > 1 else ''}" if placement.device == "cpu" else ""
        parts.append(f"{names.get(engine, engine)} on {where}{kind}{threads}")
    return "; ".join(parts)


def find_hardware(root: Path = Path("/")) -> Hardware:
    """Look at this machine. `root` is where /proc and /sys are found."""
    memory = _meminfo(root).get("MemTotal") or _sysconf("SC_PHYS_PAGES")
    return Hardware(
        cores=count_cores(root),
        memory_bytes=min([memory, *(limit for limit, _ in _memory_limits(root))]) if memory is not None else None,
        free_memory_bytes=free_memory_bytes(root),
        architecture=platform.machine(),
        cpu_features=_cpu_features(root),
        accelerators=find_accelerators(),
    )


def free_memory_bytes(root: Path = Path("/")) -> int | None:
    """What this process may still take, by Linux's own estimate, the limits of its control groups and of its address space
    (`ulimit -v`); None where unknown."""
    free = _meminfo(root).get("MemAvailable")
    if free is None:
        return None
    address_space = resource.getrlimit(resource.RLIMIT_AS)[0]
    if address_space != resource.RLIM_INFINITY:
        pages = _words(root / "proc/self/statm") or ["0"]
        free = min(free, address_space - int(pages[0]) * resource.getpagesize())
    return max(0, min([free, *(limit - used for limit, used in _memory_limits(root))]))


def count_cores(root: Path = Path("/")) -> int:
    """How many cores this process may use, at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for folder in _cgroups(root, "cpu"):
        quota = _words(folder / "cpu.max") or [*_words(folder / "cpu.cfs_quota_us"), *_words(folder / "cpu.cfs_period_us")]
        if len(quota) == 2 and all(word.isdigit() for word in quota) and int(quota[1]) > 0:
            # Rounded down: threads beyond the quota make the kernel stop all of them, the audio's too, until the next period.
            cores = min(cores, int(quota[0]) // int(quota[1]))
    return max(cores, 1)


def _memory_limits(root: Path) -> Iterator[tuple[int, int]]:
    """The memory limit of each cgroup that this process is in and that has one, and what counts against it and cannot be taken
    back, in bytes."""
    for folder in _cgroups(root, "memory"):
        limit = _words(folder / "memory.max") or _words(folder / "memory.limit_in_bytes")
        used = _words(folder / "memory.current") or _words(folder / "memory.usage_in_bytes") or ["0"]
        # Files that were read and not lately used count too, until somebody needs the room.
        statistics = _words(folder / "memory.stat")
        files = dict(zip(statistics[::2], statistics[1::2], strict=False))
        reclaimable = int(files.get("total_inactive_file") or files.get("inactive_file") or 0)
        if limit and limit[0].isdigit():
            yield int(limit[0]), int(used[0]) - reclaimable


def _cgroups(root: Path, controller: str) -> list[Path]:
    """The folders with this process's limits, of both versions of cgroups; a parent's limit counts too.

    See man 7 cgroups: a line of /proc/self/cgroup is ID:CONTROLLERS:PATH; version 2 has no controllers there.
    """
    folders = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        mount = root / "sys/fs/cgroup" / (controllers and controller)
        folder = mount / path.lstrip("/")
        folders += [folder, *(parent for parent in folder.parents if parent.is_relative_to(mount))]
    return folders


def _meminfo(root: Path) -> dict[str, int]:
    found = re.findall(r"^(\w+):\s+(\d+) kB", _text(root / "proc/meminfo"), re.MULTILINE)
    return {name: int(kilobytes) * 1024 for name, kilobytes in found}


def _cpu_features(root: Path) -> frozenset[str]:
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return frozenset({"NEON"})
    flags = re.findall(r"^(?:flags|Features)\s*:(.*)$", _text(root / "proc/cpuinfo"), re.MULTILINE)
    words = set(flags[0].split()) if flags else set()
    names = {"avx2": "AVX2", "avx512f": "AVX-512", "asimd": "NEON", "neon": "NEON"}
    return frozenset(name for flag, name in names.items() if flag in words)


def _sysconf(pages: str) -> int | None:
    try:
        return os.sysconf(pages) * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None


def _words(path: Path) -> list[str]:
    return _text(path).split()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
