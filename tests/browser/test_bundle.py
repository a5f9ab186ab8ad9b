"""The built files: nothing foreign in them, licences with them, and the same as a fresh build."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.browser.node import node_environment

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
PAGE = WEB / "dist"
SDK = PAGE / "sdk"
CONFORMANCE = ROOT / "tests" / "browser" / "conformance" / "clients"

# Addresses that stand in the bundles as text, and are never fetched: package metadata, an error's explanation, the
# page's advice on insecure origins, and XML name spaces.
TEXT_ONLY = (
    "https://github.com/pipecat-ai/pipecat-client-web.git",
    "https://github.com/timostamm/protobuf-ts/blob/v1.0.8/MANUAL.md#bigint-support",  # in an error text
    "https://github.com/uuidjs/uuid#getrandomvalues-not-supported",
    "http://localhost",
    "http://${",
    "http://www.w3.org/",
)


def built_files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_no_foreign_address_is_in_the_bundle() -> None:
    files = {name: content for name, content in built_files(PAGE).items() if not name.endswith(".txt")}
    assert any(name.endswith(".js") for name in files)
    for name, content in files.items():
        text = content.decode()
        foreign = [url for url in re.findall(r"(?:https?:|wss?:)//[^\s\"'`)]+", text) if not url.startswith(TEXT_ONLY)]
        assert not foreign, f"{name}: {foreign}"
        for sign_of_daily in ("daily.co", "call-machine", "DailyIframe", "sentry"):
            assert sign_of_daily not in text, f"{name} holds {sign_of_daily}"


def test_the_page_has_no_inline_script_or_style() -> None:
    html = (PAGE / "index.html").read_text()
    assert re.findall(r"<script(?![^>]*\bsrc=)", html) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=", html) == []
    assert [link for link in re.findall(r'(?:src|href)="([^"]+)"', html) if not link.startswith("./")] == []


@pytest.mark.parametrize("folder", [PAGE, SDK], ids=["page", "sdk"])
def test_the_licences_of_what_is_bundled_travel_with_it(folder: Path) -> None:
    text = (folder / "THIRD_PARTY_LICENSES.txt").read_text()
    lock = json.loads((WEB / "package-lock.json").read_text())["packages"]
    for name in ("@pipecat-ai/client-js", "@pipecat-ai/small-webrtc-transport", "bowser", "events", "lodash", "uuid"):
        assert f"{name} {lock[f'node_modules/{name}']['version']} (" in text
    assert "Redistributions in binary form must reproduce" in text


def test_the_sdk_is_one_module_with_types_that_need_no_other() -> None:
    assert {path.name for path in SDK.iterdir()} == {"voice-client.js", "voice-client.d.ts", "THIRD_PARTY_LICENSES.txt"}
    assert not re.search(r"(?:^|[;}\s])import\s*[\w{*\"'`]", (SDK / "voice-client.js").read_text())
    assert "import" not in (SDK / "voice-client.d.ts").read_text()


@pytest.mark.parametrize("folder", [WEB, CONFORMANCE], ids=["web", "conformance"])
def test_the_lock_names_no_registry(folder: Path) -> None:
    lock = json.loads((folder / "package-lock.json").read_text())
    fetched = {name: entry for name, entry in lock["packages"].items() if "node_modules/" in name and "link" not in entry}
    assert [name for name, entry in fetched.items() if "resolved" in entry] == []
    assert all("integrity" in entry for entry in fetched.values())


@dataclass
class Fresh:
    folder: Path
    environment: Mapping[str, str]

    def run(self, *command: str, at: Path | None = None) -> None:
        done = subprocess.run(command, cwd=at or self.folder, env=self.environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Fresh:
    """The sources with what they need to be built."""
    environment = node_environment("that web/dist matches web/src, and what the SDK's types allow, is")
    folder = tmp_path_factory.mktemp("fresh") / "web"
    shutil.copytree(WEB, folder, ignore=shutil.ignore_patterns("node_modules", "dist"))
    built = Fresh(folder, environment)
    built.run("npm", "ci")
    return built


def test_the_committed_build_is_what_the_sources_give(fresh: Fresh) -> None:
    fresh.run("npm", "run", "check")
    fresh.run("npm", "run", "build")
    hint = "run `npm ci && npm run build` in web/ and commit the result"
    assert built_files(fresh.folder / "dist") == built_files(PAGE), hint


def test_a_typescript_program_needs_no_more_than_the_sdks_types(fresh: Fresh, tmp_path: Path) -> None:
    for file in (SDK / "voice-client.d.ts", Path(__file__).with_name("voice_client_program.ts")):
        shutil.copy(file, tmp_path)
    tsc, library = fresh.folder / "node_modules" / "typescript" / "bin" / "tsc", "ES2022,DOM,DOM.Iterable"
    options = ["--noEmit", "--strict", "--target", "ES2022", "--module", "ESNext", "--moduleResolution", "bundler"]
    fresh.run("node", str(tsc), *options, "--types", "", "--lib", library, "voice_client_program.ts", at=tmp_path)
