"""The Makefile, run with stand-ins for Python, pip and the program: what it would do, and what it does not do again."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make IS MISSING: the Makefile is not tested")

VENV_PYTHON = """#!/bin/sh
echo "python $*" >> "$LOG"
case "$*" in *pip*llama-cpp-python*) echo "CMAKE_ARGS=$CMAKE_ARGS" >> "$LOG" ;; esac
case "$*" in
  *"import llama_cpp"*) test -e "$STATE/llama" ;;
  *"import re"*) exec {python} "$@" ;;
  *pip*llama-cpp-python*) touch "$STATE/llama" ;;
esac
"""
SYSTEM_PYTHON = """#!/bin/sh
case "$*" in
  *"-m venv"*)
    echo "python $*" >> "$LOG"
    mkdir -p .venv/bin
    cp "$STATE/venv-python" .venv/bin/python
    printf '#!/bin/sh\\necho "rtvi-local $*" >> "$LOG"\\n' > .venv/bin/rtvi-local
    chmod +x .venv/bin/* ;;
  *) exec {python} "$@" ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with what the Makefile needs, and a `python3` that only writes down what it is asked."""
    folder = tmp_path / "checkout"
    state = tmp_path / "state"
    for made in (folder, state, tmp_path / "tools"):
        made.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    for path, text in ((state / "venv-python", VENV_PYTHON), (tmp_path / "tools" / "python3", SYSTEM_PYTHON)):
        path.write_text(text.format(python=sys.executable))
        path.chmod(0o755)
    for tool in ("cc", "c++", "cmake", "nvidia-smi"):
        path = tmp_path / "tools" / tool
        path.write_text("#!/bin/sh\nexit 1\n")
        path.chmod(0o755)
    return folder


def make(checkout: Path, *arguments: str, without: str = "") -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run make; returns how it ended, and what it called since the last time."""
    tools = checkout.parent / "tools"
    if without:
        (tools / without).unlink()
    log = checkout.parent / "log"
    log.write_text("")
    usual = checkout.parent / "usual"
    if not usual.exists():
        usual.mkdir()
        for tool in ("sh", "rm", "mkdir", "cp", "touch", "chmod", "printf", "sed", "column", "test", "echo"):
            if where := shutil.which(tool):
                (usual / tool).symlink_to(where)
    done = subprocess.run(
        [str(shutil.which("make")), *arguments],
        cwd=checkout,
        env={"PATH": f"{tools}{os.pathsep}{usual}", "LOG": str(log), "STATE": str(checkout.parent / "state")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done, log.read_text().splitlines()


def test_a_fresh_machine_gets_everything_and_then_serves(checkout: Path) -> None:
    done, calls = make(checkout, "run", "ARGS=--port 1")
    assert done.returncode == 0, done.stderr
    assert calls[0] == "python -m venv .venv"
    installs = [call for call in calls if " pip install " in call]
    assert re.search(r"llama-cpp-python>=.*,<", installs[0])
    assert installs[1].endswith("--editable .")
    assert all("--constraint constraints.txt" in call for call in installs)
    assert calls[-2:] == ["rtvi-local models pull", "rtvi-local serve --port 1"]
    assert "takes about 6 minutes" in done.stdout


def test_the_second_run_installs_nothing(checkout: Path) -> None:
    make(checkout, "run")
    done, calls = make(checkout, "run")
    assert done.returncode == 0, done.stderr
    assert calls == ["rtvi-local models pull", "rtvi-local serve"]


def test_the_models_of_the_preset_that_is_served_are_fetched(checkout: Path) -> None:
    _, calls = make(checkout, "run", "ARGS=--port 1 --preset tiny --config x.toml --device cpu")
    assert calls[-2] == "rtvi-local models pull --preset=tiny --config=x.toml"


def test_the_tests_have_models_to_change_to(checkout: Path) -> None:
    done, calls = make(checkout, "test")
    assert done.returncode == 0, done.stderr
    pulls = ["rtvi-local models pull", "rtvi-local models pull --preset tiny --no-prepare"]
    assert [call for call in calls if "models pull" in call] == pulls
    assert calls[-1] == "python -m pytest"


def test_changed_dependencies_are_installed_without_compiling_again(checkout: Path) -> None:
    make(checkout, "setup")
    os.utime(checkout / "pyproject.toml", (2**32, 2**32))
    _, calls = make(checkout, "setup")
    assert [call for call in calls if "llama" in call] == []
    assert [call for call in calls if call.endswith("--editable .")] != []


def test_an_interrupted_installation_is_taken_up_again(checkout: Path) -> None:
    make(checkout, "setup")
    (checkout / ".venv" / ".installed").unlink()
    _, calls = make(checkout, "setup")
    assert any(call.endswith("--editable .") for call in calls)


@pytest.mark.parametrize(
    ("tool", "message"),
    [("cc", "A C and C++ compiler is missing"), ("c++", "A C and C++ compiler is missing"), ("cmake", "cmake is missing")],
)
def test_a_missing_build_tool_is_named_with_the_command_that_installs_it(checkout: Path, tool: str, message: str) -> None:
    done, calls = make(checkout, "run", without=tool)
    assert done.returncode != 0
    assert message in done.stderr
    assert "apt install" in done.stderr
    assert not any("install" in call for call in calls)


def test_an_old_python_is_refused_by_name(checkout: Path) -> None:
    old = checkout.parent / "tools" / "python3"
    old.write_text('#!/bin/sh\ncase "$*" in --version) echo "Python 3.8.18" ;; *) exit 1 ;; esac\n')
    done, calls = make(checkout, "run")
    assert done.returncode != 0
    assert "needs Python 3.10 or newer, but python3 is Python 3.8.18" in done.stderr
    assert calls == []


def test_cuda_is_compiled_in_only_with_a_compiler_and_a_gpu(checkout: Path) -> None:
    tools = checkout.parent / "tools"
    (tools / "nvcc").write_text("#!/bin/sh\n")
    (tools / "nvcc").chmod(0o755)
    done, _ = make(checkout, "setup")
    assert "With CUDA" not in done.stdout
    shutil.rmtree(checkout / ".venv")
    (checkout.parent / "state" / "llama").unlink()
    (tools / "nvidia-smi").write_text("#!/bin/sh\n")
    done, calls = make(checkout, "setup")
    assert "With CUDA" in done.stdout
    assert any("--no-cache-dir" in call and "llama-cpp-python" in call for call in calls)


def test_llama_is_compiled_without_amx_where_the_compiler_knows_it(checkout: Path) -> None:
    _, calls = make(checkout, "setup")
    assert "CMAKE_ARGS=" in calls  # the stand-in for a compiler, like one for ARM, does not know these flags
    shutil.rmtree(checkout / ".venv")
    (checkout.parent / "state" / "llama").unlink()
    (checkout.parent / "tools" / "cc").write_text("#!/bin/sh\n")
    _, calls = make(checkout, "setup")
    assert any(call.startswith("CMAKE_ARGS=-DCMAKE_C_FLAGS='-mno-amx-tile ") for call in calls)


def test_make_alone_lists_the_targets(checkout: Path) -> None:
    done, calls = make(checkout)
    assert {"run", "setup", "test", "lint", "web", "bench", "docs", "clean"} <= set(
        re.findall(r"^  make (\w+)", done.stdout, re.M)
    )
    assert calls == []


def test_nothing_that_pulls_cuda_is_among_the_tested_versions() -> None:
    pinned = re.findall(r"^([a-z0-9-]+)==", (ROOT / "constraints.txt").read_text(), re.M)
    assert "faster-whisper" in pinned
    assert not [name for name in pinned if re.match(r"torch|nvidia|triton|cuda|onnxruntime-gpu", name)]
