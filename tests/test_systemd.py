from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))


def options(unit: Path) -> dict[str, str]:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[method-assign, assignment]
    parser.read(unit)
    return dict(parser["Service"])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze IS MISSING: the units are not verified")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_the_unit(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_unit_runs_as_a_user_of_its_own_that_may_write_only_its_own_folder(unit: Path) -> None:
    service = options(unit)
    assert service["DynamicUser"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["NoNewPrivileges"] == "yes"
    assert service["StateDirectory"] == "rtvi-local"


def test_the_server_cannot_reach_the_internet_and_the_fetcher_uses_the_same_folder() -> None:
    server, fetcher = (options(FOLDER / f"{name}.service") for name in ("rtvi-local", "rtvi-local-models"))
    assert server["IPAddressDeny"] == "any"
    assert "IPAddressDeny" not in fetcher
    assert server["Environment"] == fetcher["Environment"] == "RTVI_LOCAL_MODELS_DIRECTORY=/var/lib/rtvi-local/models"
    assert server["User"] == fetcher["User"]


def test_a_wrong_setting_is_not_tried_again() -> None:
    service = options(FOLDER / "rtvi-local.service")
    assert service["Restart"] == "on-failure"
    assert service["RestartPreventExitStatus"] == "2"
