"""`rtvi-local doctor`: what this machine has, what runs where, and what would keep `serve` from starting. Uses no network."""

from __future__ import annotations

import errno
import ipaddress
import json
import platform
import shutil
import socket
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from rtvi_local import __version__
from rtvi_local.config import EVERY_ADDRESS, Config, Models
from rtvi_local.errors import UserError
from rtvi_local.hardware import Hardware, Plan, find_hardware, plan, summary
from rtvi_local.memory_needs import LESS, needed_memory_bytes
from rtvi_local.model_store import ModelStore, ModelStoreError, UnknownModel, open_store

Level = Literal["ok", "note", "problem"]

SPARE_DISK_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    """A problem keeps `serve` from starting; a note does not."""
    topic: str
    text: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class ModelState:
    """One model of the preset in force, as it lies on this machine."""

    engine: str
    """stt, llm, tts, vad or turn."""
    name: str
    size_bytes: int
    problem: str = ""
    """Why it cannot be used, and what to do; empty if it can."""


@dataclass(frozen=True, slots=True)
class Report:
    hardware: Hardware
    plan: Plan | None
    findings: tuple[Finding, ...]

    @property
    def prevents_serving(self) -> bool:
        return any(finding.level == "problem" for finding in self.findings)

    def as_text(self) -> str:
        """For people: one line a finding, with its fix below."""
        marks = {"ok": "ok  ", "note": "note", "problem": "BAD "}
        width = max(len(finding.topic) for finding in self.findings)
        lines = []
        for finding in self.findings:
            lines.append(f"{marks[finding.level]}  {finding.topic:{width}}  {finding.text}")
            if finding.fix:
                lines.append(f"{'':{width + 8}}-> {finding.fix}")
        end = "rtvi-local serve would not start: see BAD above." if self.prevents_serving else "rtvi-local serve can start."
        return "\n".join([*lines, "", end, ""])

    def as_json(self) -> str:
        """For programs; sizes are in bytes."""
        hardware = {**asdict(self.hardware), "cpu_features": sorted(self.hardware.cpu_features)}
        return json.dumps(
            {
                "version": __version__,
                "can_serve": not self.prevents_serving,
                "hardware": hardware,
                "plan": asdict(self.plan) if self.plan else None,
                "findings": [asdict(finding) for finding in self.findings],
            },
            indent=2,
        )


def examine(config: Config, *, config_problems: Sequence[str] = ()) -> Report:
    """Look at this machine with these settings; `config_problems` are reported too.

    Raises UserError if there is no manifest of models to compare with.
    """
    hardware = find_hardware()
    store = open_store(config.models.directory)
    models, unknown = model_states(store, config.models)
    placements: Plan | None = None
    findings = [Finding("problem", "settings", problem) for problem in config_problems]
    findings.append(_system())
    try:
        placements = plan(hardware, config.models.device)
        runs = Finding("ok", "runs", summary(placements, {model.engine: model.name for model in models}))
    except UserError as error:
        runs = Finding("problem", "runs", str(error))
    findings += _hardware(hardware, placements, models)
    findings += [Finding("problem", "settings", problem) for problem in unknown]
    findings.append(runs)
    findings += _models(models, store.directory)
    findings.append(_port(config.server.host, config.server.port, lan=config.server.lan))
    findings.append(_microphone(config.server.port, lan=config.server.lan))
    findings.append(Finding("note", "latency", "rtvi-local bench measures how long this machine takes to answer"))
    return Report(hardware, placements, tuple(findings))


def model_states(store: ModelStore, settings: Models) -> tuple[tuple[ModelState, ...], tuple[str, ...]]:
    """The models that these settings choose, and what is wrong with the choice itself."""
    try:
        preset = store.preset(settings.preset, stt=settings.stt, llm=settings.llm, tts=settings.tts)
    except UnknownModel as error:
        return (), (str(error),)
    manifest = store.manifest
    states = []
    for engine in ("stt", "llm", "tts", "vad", "turn"):
        model = manifest.model(getattr(preset, engine))
        try:
            store.path(model.name)
            problem = ""
        except ModelStoreError as error:
            problem = str(error)
        states.append(ModelState(engine, model.name, model.size, problem))
    return tuple(states), ()


def _system() -> Finding:
    text = f"rtvi-local {__version__}, Python {platform.python_version()}, {platform.platform()}"
    return Finding("ok", "system", text)


def _hardware(hardware: Hardware, placements: Plan | None, models: Sequence[ModelState]) -> Iterator[Finding]:
    features = ", ".join(sorted(hardware.cpu_features)) or "no vector extensions that models are fast with"
    level: Level = "ok" if hardware.cores > 1 else "note"
    fix = "" if hardware.cores > 1 else "answers will be slow: two cores are the least that a conversation is comfortable with"
    yield Finding(level, "processor", f"{_count(hardware.cores, 'core')} to use, {hardware.architecture}, {features}", fix)

    needed = needed_memory_bytes({model.engine: model.size_bytes for model in models}, placements)
    if hardware.memory_bytes is not None:
        free = hardware.free_memory_bytes
        text = f"{_size(hardware.memory_bytes)}" + (f", {_size(free)} free" if free is not None else "")
        text += f"; about {_size(needed)} needed"
        if (free if free is not None else hardware.memory_bytes) < needed:
            yield Finding("problem", "memory", text, LESS[0].lower() + LESS[1:])
        else:
            yield Finding("ok", "memory", text)

    for library, accelerator in hardware.accelerators.items():
        if not accelerator.loads:
            yield Finding("problem", library, accelerator.reason, "install again: make clean setup")
        else:
            used = "uses the CPU" if accelerator.device == "cpu" else f"can use the GPU ({accelerator.device})"
            yield Finding("ok", library, f"{used}: {accelerator.reason}")


def _models(models: Sequence[ModelState], directory: Path) -> Iterator[Finding]:
    for model in models:
        if model.problem:
            yield Finding("problem", f"model {model.engine}", model.problem)
        else:
            yield Finding("ok", f"model {model.engine}", f"{model.name}, {_size(model.size_bytes)}, installed")
    existing = next(folder for folder in (directory, *directory.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    missing = sum(model.size_bytes for model in models if model.problem)
    if free < missing + SPARE_DISK_BYTES:
        text = f"{_size(free)} free in {existing}; the missing models need {_size(missing)}"
        yield Finding("note", "disk", text, "make room, or keep the models elsewhere: RTVI_LOCAL_MODELS_DIRECTORY")
    else:
        yield Finding("ok", "disk", f"{_size(free)} free for models in {directory}")


def _port(host: str, port: int, *, lan: bool) -> Finding:
    """Whether the server could listen there: the only sure way to know is to try."""
    if lan and _is_loopback(host):
        host = EVERY_ADDRESS
    where = f"{host} port {port}"
    if not lan and not _is_loopback(host):
        fix = "use --host 127.0.0.1, or --lan, which asks for a token and speaks HTTPS"
        return Finding("problem", "port", f"{host} is not an address of this machine alone", fix)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            # Linux lets two sockets with SO_REUSEADDR bind; only one may listen.
            listener.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            fix = f"if that is another rtvi-local, open http://localhost:{port}; else choose another with --port"
            return Finding("problem", "port", f"{where} is in use", fix)
        if error.errno == errno.EACCES:
            return Finding("problem", "port", f"{where} may not be used by this user", "choose one above 1023 with --port")
        return Finding("problem", "port", f"{where} cannot be listened on: {error.strerror}", "choose another with --host")
    return Finding("ok", "port", f"{where} is free")


def _microphone(port: int, *, lan: bool) -> Finding:
    if lan:
        return Finding("ok", "microphone", "browsers of the whole network can use theirs, as the page comes over HTTPS")
    text = f"browsers give it to http://localhost:{port} on this machine; from another machine only over HTTPS"
    return Finding("note", "microphone", text, "from a phone or another machine: rtvi-local serve --lan")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _size(size_bytes: float) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.0f} MB"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
