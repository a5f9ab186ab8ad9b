"""In a network namespace that has nothing but loopback, a Python client is heard and hears."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

UNSHARE = ["unshare", "--net", "--map-root-user"]
LOOPBACK_UP = (
    "import fcntl,socket,struct;s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);"
    "fcntl.ioctl(s,0x8914,struct.pack('16sh',b'lo',0x41))"  # SIOCSIFFLAGS: IFF_UP | IFF_RUNNING
)


def _namespace_works() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*UNSHARE, sys.executable, "-c", LOOPBACK_UP], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _namespace_works(), reason="this system lets nobody make a network namespace")
def test_a_call_on_loopback_alone() -> None:
    call = f"{LOOPBACK_UP};from rtvi_local.bench.transport import main;main()"
    command = [*UNSHARE, sys.executable, "-c", call, "--clicks", "3", "--seconds", "0.5", "--connections", "1"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert "3 of 3 clicks" in result.stdout
