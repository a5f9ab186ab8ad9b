from __future__ import annotations

import os
from pathlib import Path

import pytest

from rtvi_local.accelerators import Accelerator, find_accelerators
from rtvi_local.errors import UserError
from rtvi_local.hardware import Hardware, Placement, count_cores, find_hardware, free_memory_bytes, plan, summary

CPU = Accelerator("cpu", "no CUDA device")
CUDA = Accelerator("cuda", "1 CUDA device")


def machine(cores: int = 2, *, stt: Accelerator = CPU, llm: Accelerator = CPU) -> Hardware:
    found = {"ctranslate2": stt, "llama.cpp": llm, "onnxruntime": CPU}
    return Hardware(cores, 8_000_000_000, 4_000_000_000, "x86_64", frozenset({"AVX2"}), found)


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 2), (3, 2), (4, 3), (8, 7), (9, 8), (64, 8)])
def test_beyond_two_cores_one_is_left_to_the_audio(cores: int, threads: int) -> None:
    placements = plan(machine(cores), "auto")
    assert (placements.stt.threads, placements.llm.threads, placements.tts.threads) == (threads, threads, threads)
    assert (placements.vad.threads, placements.turn_detector.threads) == (1, 1)


def test_auto_uses_a_gpu_only_in_the_libraries_that_can() -> None:
    placements = plan(machine(stt=CUDA), "auto")
    assert placements.stt == Placement("cuda", "float16", 1)
    assert placements.llm.device == "cpu"


def test_on_a_mac_all_runs_on_the_cpu_whatever_llama_cpp_was_built_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import llama_cpp

    monkeypatch.setattr(llama_cpp, "llama_supports_gpu_offload", lambda: True)
    monkeypatch.setattr("rtvi_local.accelerators.platform.system", lambda: "Darwin")
    found = find_accelerators()["llama.cpp"]
    assert "Metal" in found.reason
    assert plan(machine(8, llm=found), "auto").llm == Placement("cpu", "as quantized", 7)


def test_cpu_uses_no_gpu() -> None:
    placements = plan(machine(stt=CUDA, llm=CUDA), "cpu")
    assert {placements.stt.device, placements.llm.device, placements.tts.device} == {"cpu"}
    assert placements.stt.compute_type == "int8"


def test_cuda_is_refused_with_the_reason_if_one_of_the_two_cannot_use_it() -> None:
    assert plan(machine(stt=CUDA, llm=CUDA), "cuda").llm.device == "cuda"
    with pytest.raises(UserError, match=r"the language model cannot use it: no CUDA device\. Use --device auto") as caught:
        plan(machine(stt=CUDA), "cuda")
    assert "Whisper" not in str(caught.value)


def test_one_line_says_what_runs_where() -> None:
    names = {"stt": "whisper-base", "llm": "qwen", "tts": "joe"}
    assert summary(plan(machine(), "auto"), names) == (
        "whisper-base on CPU int8, 2 threads; qwen on CPU, 2 threads; joe on CPU, 2 threads"
    )
    assert summary(plan(machine(1, stt=CUDA), "auto"), names) == (
        "whisper-base on GPU (CUDA) float16; qwen on CPU, 1 thread; joe on CPU, 1 thread"
    )


def write(root: Path, **files: str) -> Path:
    """A root folder with these files; `__` in a name is a slash, `DOT` a dot."""
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("DOT", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
def sixteen_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(16)), raising=False)


@pytest.mark.usefixtures("sixteen_cores")
@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000", 16), ("400000 100000", 4), ("250000 100000", 2), ("50000 100000", 1), ("", 16)]
)
def test_a_containers_quota_counts(quota: str, cores: int, tmp_path: Path) -> None:
    root = write(tmp_path, proc__self__cgroup="0::/\n", sys__fs__cgroup__cpuDOTmax=quota)
    assert count_cores(root) == cores


@pytest.mark.usefixtures("sixteen_cores")
def test_the_quota_of_an_outer_group_counts_too(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        proc__self__cgroup="0::/system.slice/rtvi-local.service\n",
        sys__fs__cgroup__systemDOTslice__cpuDOTmax="300000 100000\n",
        sys__fs__cgroup__systemDOTslice__rtvi="",
    )
    assert count_cores(root) == 3


@pytest.mark.usefixtures("sixteen_cores")
@pytest.mark.parametrize(("quota", "cores"), [("-1", 16), ("200000", 2)])
def test_the_older_version_of_cgroups_is_understood(quota: str, cores: int, tmp_path: Path) -> None:
    root = write(
        tmp_path,
        proc__self__cgroup="3:cpuset:/\n1:cpu,cpuacct:/docker/abc\n0::/\n",
        **{
            "sys__fs__cgroup__cpu,cpuacct__cpuDOTcfs_quota_us": quota,
            "sys__fs__cgroup__cpu,cpuacct__cpuDOTcfs_period_us": "100000",
        },
    )
    # Controllers that are mounted together are in one folder, with a link for each name.
    (tmp_path / "sys/fs/cgroup/cpu").symlink_to("cpu,cpuacct")
    assert count_cores(root) == cores


@pytest.mark.usefixtures("sixteen_cores")
def test_memory_is_the_containers_where_that_is_less(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        proc__meminfo="MemTotal: 8000000 kB\nMemFree: 10 kB\nMemAvailable: 6000000 kB\n",
        proc__cpuinfo="processor : 0\nflags\t\t: fpu avx2 avx512f\n\nprocessor : 1\nflags : fpu\n",
        proc__self__cgroup="0::/\n",
        sys__fs__cgroup__memoryDOTmax="2000000000\n",
        sys__fs__cgroup__memoryDOTcurrent="500000000\n",
    )
    found = find_hardware(root)
    assert (found.memory_bytes, found.free_memory_bytes) == (2_000_000_000, 1_500_000_000)
    assert found.cpu_features == {"AVX2", "AVX-512"}
    (root / "sys/fs/cgroup/memory.max").write_text("max\n")
    assert find_hardware(root).memory_bytes == 8_192_000_000


def test_the_tightest_of_all_groups_counts_and_what_files_take_of_it_is_free(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        proc__meminfo="MemTotal: 8000000 kB\nMemAvailable: 6000000 kB\n",
        proc__self__cgroup="0::/system.slice/rtvi-local.service\n",
        sys__fs__cgroup__systemDOTslice__memoryDOTmax="2000000000\n",
        sys__fs__cgroup__systemDOTslice__memoryDOTcurrent="1900000000\n",
        sys__fs__cgroup__systemDOTslice__memoryDOTstat="anon 600000000\ninactive_file 1200000000\n",
    )
    own = root / "sys/fs/cgroup/system.slice/rtvi-local.service"
    own.mkdir()
    (own / "memory.max").write_text("1500000000\n")
    (own / "memory.current").write_text("100000000\n")
    assert free_memory_bytes(root) == 1_300_000_000
    assert find_hardware(root).memory_bytes == 1_500_000_000


def test_a_limited_address_space_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write(tmp_path, proc__meminfo="MemAvailable: 6000000 kB\n", proc__self__statm="1000 200 100 1 0 300 0\n")
    monkeypatch.setattr("rtvi_local.hardware.resource.getrlimit", lambda which: (1_000_000_000, 2_000_000_000))
    assert free_memory_bytes(root) == 1_000_000_000 - 1000 * os.sysconf("SC_PAGE_SIZE")


def test_this_machine_is_described() -> None:
    found = find_hardware()
    assert 1 <= found.cores <= (os.cpu_count() or 1)
    assert found.memory_bytes is not None
    assert found.memory_bytes > 100_000_000
    assert found.free_memory_bytes is None or 1_000_000 < found.free_memory_bytes <= found.memory_bytes
    assert set(found.accelerators) == {"ctranslate2", "llama.cpp", "onnxruntime"}
    assert all(accelerator.loads for accelerator in found.accelerators.values())


def test_a_library_that_does_not_load_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Accelerator:
        raise OSError("libgomp.so.1: cannot open shared object file")

    monkeypatch.setattr("rtvi_local.accelerators._llama_cpp", broken)
    found = find_accelerators()["llama.cpp"]
    assert not found.loads
    assert "libgomp.so.1" in found.reason


def test_a_gpu_without_cublas_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    import ctranslate2

    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 1)
    monkeypatch.setattr(ctranslate2, "get_supported_compute_types", lambda device: {"float16"})
    monkeypatch.setattr("rtvi_local.accelerators.sys.platform", "linux")
    monkeypatch.setattr("rtvi_local.accelerators._loads", lambda library: False)
    assert "libcublas.so.12" in find_accelerators()["ctranslate2"].reason
    monkeypatch.setattr("rtvi_local.accelerators._loads", lambda library: True)
    assert find_accelerators()["ctranslate2"] == Accelerator("cuda", "1 CUDA device")
