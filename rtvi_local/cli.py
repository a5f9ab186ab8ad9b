"""The command line. Every command imports what it needs when it runs, so that `--help` answers at once."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rtvi_local import __version__, cli_models
from rtvi_local.bench import cli as cli_bench
from rtvi_local.config import Models, Server
from rtvi_local.errors import UserError

if TYPE_CHECKING:
    from rtvi_local.config_sources import LoadedConfig

USER_ERROR = 2
INTERRUPTED = 130
"""128 + SIGINT, as shells count."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the process's exit code.

    `--help`, `--version` and wrong usage raise SystemExit, as argparse does.
    """
    try:
        arguments = _parser().parse_args(argv)
        run: Callable[[argparse.Namespace], int] = arguments.run
        code = run(arguments)
        sys.stdout.flush()
        return code
    except UserError as error:
        sys.stderr.write(f"rtvi-local: {error}\n")
        return USER_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # `rtvi-local … | head`: whoever read has gone. Python would complain once more when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rtvi-local", description="A voice appliance in one process: it hears, thinks and speaks on this machine alone."
    )
    parser.add_argument("--version", action="version", version=f"rtvi-local {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    serve = commands.add_parser("serve", help="answer by voice at http://localhost:7860")
    add_config_arguments(serve)
    serve.add_argument("--print-config", action="store_true", help="print every setting, its unit and where it came from; stop")
    serve.add_argument("--log-level", metavar="LEVEL", help="debug, info (default), warning or error; also RTVI_LOCAL_LOG")
    serve.set_defaults(run=_serve)

    talk = commands.add_parser("talk", help="a conversation in this terminal, with this machine's microphone, or in writing")
    add_config_arguments(talk)
    talk.add_argument("--text", action="store_true", help="in writing, without microphone and loudspeaker")
    talk.set_defaults(run=_talk)

    cli_models.register(commands, settings=lambda arguments: config_of(arguments).config.models)

    doctor = commands.add_parser("doctor", help="what this machine has, what runs where, and what is in the way")
    add_config_arguments(doctor)
    doctor.add_argument("--json", action="store_true", help="the same as JSON")
    doctor.set_defaults(run=_doctor)

    cli_bench.register(commands)
    return parser


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """`--config` and the flags that override a setting; `config_of` reads them. A flag is `--KEY`, its dest `SECTION.KEY`.

    The values stay text here: `config_sources` checks them together with the file and the environment, and reports all at once.
    """
    presets, devices = (Models.__dataclass_fields__[name].metadata["choices"] for name in ("preset", "device"))
    server = Server()
    parser.add_argument("--host", dest="server.host", help=f"address to listen on (default {server.host})")
    parser.add_argument("--port", dest="server.port", help=f"TCP port (default {server.port})")
    parser.add_argument(
        "--lan",
        dest="server.lan",
        action="store_const",
        const="true",
        help="answer to the local network, over HTTPS with a token",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (TOML), instead of the usual file")
    parser.add_argument("--preset", dest="models.preset", metavar=f"{{{','.join(presets)}}}", help="set of models to use")
    parser.add_argument("--device", dest="models.device", metavar=f"{{{','.join(devices)}}}", help="what to compute on")


def config_of(arguments: argparse.Namespace) -> LoadedConfig:
    """The settings in force for a parser that `add_config_arguments` prepared. Raises ConfigError."""
    from rtvi_local.config_sources import load_config

    flags = {name: value for name, value in vars(arguments).items() if "." in name and value is not None}
    return load_config(flags, file=arguments.config, environment=os.environ)


def _serve(arguments: argparse.Namespace) -> int:
    loaded = config_of(arguments)
    if arguments.print_config:
        from rtvi_local.config_text import to_toml

        sys.stdout.write(to_toml(loaded))
        return 0
    from rtvi_local.logging_setup import set_up_logging

    set_up_logging(arguments.log_level)
    from rtvi_local.server.run import serve

    return serve(loaded.config)


def _talk(arguments: argparse.Namespace) -> int:
    config = config_of(arguments).config
    from rtvi_local.logging_setup import set_up_logging

    set_up_logging("warning")
    from rtvi_local.talk import talk

    return talk(config, in_writing=arguments.text)


def _doctor(arguments: argparse.Namespace) -> int:
    from rtvi_local import doctor
    from rtvi_local.config import Config
    from rtvi_local.config_sources import ConfigError

    problems: tuple[str, ...] = ()
    try:
        config = config_of(arguments).config
    except ConfigError as error:
        config, problems = Config(), error.problems
    report = doctor.examine(config, config_problems=problems)
    sys.stdout.write(report.as_json() if arguments.json else report.as_text())
    return 1 if report.prevents_serving else 0
