"""`rtvi-local models …`: see, fetch, check, remove and add models."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtvi_local.config import Models

if TYPE_CHECKING:
    from rtvi_local.model_store import ModelStore

Settings = Callable[[argparse.Namespace], Models]
"""Reads the `[models]` settings in force, given the parsed arguments."""

INTERRUPTED = 130


def register(commands: argparse._SubParsersAction[Any], settings: Settings | None = None) -> None:
    """Add `models` and its subcommands to the command line; each leaves its handler in `run`.

    Without `settings`, only the flags and RTVI_LOCAL_MODELS_DIRECTORY are looked at, no settings file.
    """
    read = settings or _from_flags
    models = commands.add_parser(
        "models",
        help="list, fetch, verify, remove and add models",
        description="The models that this machine hears, thinks and speaks with. Nothing is used that does not match its hash.",
    )
    actions = models.add_subparsers(required=True, metavar="action")

    def action(name: str, help: str, handler: Callable[[argparse.Namespace, Models], int]) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = actions.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        parser.add_argument("--config", type=Path, metavar="FILE", help="settings (TOML), instead of the usual file")
        parser.add_argument("--directory", dest="models.directory", metavar="DIR", help="where the models are kept")
        parser.set_defaults(run=lambda arguments: handler(arguments, read(arguments)))
        return parser

    action("list", "show every model that is known, and whether it is installed", _list)
    pull = action("pull", "fetch models that are missing or broken; goes on where it was interrupted", _pull)
    pull.add_argument("names", nargs="*", metavar="NAME", help="models; without any: those of the preset")
    presets = Models.__dataclass_fields__["preset"].metadata["choices"]
    pull.add_argument(
        "--preset", dest="models.preset", metavar=f"{{{','.join(presets)}}}", help="fetch the models of this preset"
    )
    unprepared = "only fetch: make no faster weights and split no voice"
    pull.add_argument("--no-prepare", action="store_true", help=unprepared)
    verify = action("verify", "hash every file of the models again", _verify)
    verify.add_argument("names", nargs="*", metavar="NAME", help="models; without any: all that are installed")
    remove = action("remove", "delete models", _remove)
    remove.add_argument("names", nargs="+", metavar="NAME", help="models")
    add = action("add", "copy a model of your own into the store", _add)
    add.add_argument(
        "path", type=Path, help="a GGUF file, a folder with a CTranslate2 Whisper, or a Piper voice (.onnx with .onnx.json)"
    )
    add.add_argument("--projector", type=Path, metavar="FILE", help="the GGUF (mmproj) that lets this language model see")
    add.add_argument("--no-prepare", action="store_true", help=unprepared)
    add.add_argument("--name", default="", help="how it is called in settings and commands (default: from the file's name)")


def _from_flags(arguments: argparse.Namespace) -> Models:
    flags = vars(arguments)
    return Models(directory=flags.get("models.directory") or "", preset=flags.get("models.preset") or Models().preset)


def _open(settings: Models) -> ModelStore:
    from rtvi_local.model_store import open_store

    return open_store(settings.directory)


def _list(arguments: argparse.Namespace, settings: Models) -> int:
    from rtvi_local.model_store.files import disk_bytes
    from rtvi_local.model_store.progress import megabytes

    store = _open(settings)
    manifest = store.manifest
    rows = [("NAME", "FOR", "SIZE", "STATE", "PRESETS", "LICENCE")]
    for model in sorted(manifest.models.values(), key=lambda each: (each.kind, each.size)):
        presets = ", ".join(manifest.users_of(model.name)) or "-"
        state = store.state(model.name)
        rows.append((model.name, model.kind, megabytes(model.size), state, presets, model.licence))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        _say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    taken = megabytes(disk_bytes(store.directory))
    _say(f"\nKept in {store.directory}, {taken} with what was made of them. The preset in force is {settings.preset}.")
    return 0


def _pull(arguments: argparse.Namespace, settings: Models) -> int:
    from rtvi_local.model_store import for_stream

    store = _open(settings)
    flags = vars(arguments)
    names = list(arguments.names)
    if not names or flags.get("models.preset"):
        chosen = store.preset(settings.preset, stt=settings.stt, llm=settings.llm, tts=settings.tts)
        names += chosen.names
    try:
        store.pull(names, for_stream(sys.stderr))
        if not arguments.no_prepare:
            _prepare(store, names, settings)
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. What has come is kept: the same command goes on from there.\n")
        return INTERRUPTED
    _say(f"Everything is there and verified: {', '.join(dict.fromkeys(names))}.")
    return 0


def _verify(arguments: argparse.Namespace, settings: Models) -> int:
    from rtvi_local.model_store import ModelStoreError, UnknownModel
    from rtvi_local.prepare import is_whole

    store = _open(settings)
    names = arguments.names or [name for name in store.manifest.models if store.state(name) != "missing"]
    if not names:
        _say("No model is installed.")
    wrong = 0
    for name in names:
        try:
            store.verify(name)
        except UnknownModel:
            raise
        except ModelStoreError as error:
            wrong += 1
            _say(f"{name}: NOT RIGHT. {error}")
        else:
            if is_whole(store.manifest.model(name).kind, store.directory / name):
                _say(f"{name}: every file has its size and sha256")
            else:
                wrong += 1
                _say(f"{name}: NOT RIGHT. Its faster copy is damaged and not used. Make it anew: rtvi-local models pull {name}")
    return 2 if wrong else 0


def _remove(arguments: argparse.Namespace, settings: Models) -> int:
    from rtvi_local.prepare import forget

    store = _open(settings)
    manifest = store.manifest
    for name in arguments.names:
        manifest.model(name)  # all names are checked before anything is deleted
    for name in dict.fromkeys(arguments.names):
        forget(manifest.model(name).kind, store.directory / name)
        store.remove(name)
        _say(f"{name}: removed")
    return 0


def _add(arguments: argparse.Namespace, settings: Models) -> int:
    from rtvi_local.model_store import for_stream

    store = _open(settings)
    projector = arguments.projector.expanduser() if arguments.projector else None
    model = store.add(arguments.path.expanduser(), arguments.name, for_stream(sys.stderr), projector=projector)
    if not arguments.no_prepare:
        _prepare(store, [model.name], settings)
    _say(f'{model.name}: {model.purpose}. Use it with models.{model.kind} = "{model.name}" in the settings.')
    return 0


def _prepare(store: ModelStore, names: Iterable[str], settings: Models) -> None:
    from rtvi_local.prepare import prepare

    for name in dict.fromkeys(names):
        prepare(store.manifest.model(name).kind, store.path(name), settings)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
