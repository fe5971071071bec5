# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""python -m immuta_simulator: start a simulator, tell it what to do, look at what happened, stop it."""

from __future__ import annotations

import argparse
import inspect
import json
import os
import re
import secrets
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from .client import Simulator, SimulatorError, environment, launch
from .faults import Fault
from .settings import SWITCHES

#: the methods of Simulator that are commands
ACTIONS = (
    *("requests", "writes", "bodies", "clear_log"),
    *("fault", "faults", "clear_faults", "held", "release"),
    *("settings", "warehouses", "reset"),
    *("integrations", "seed", "force", "migrate", "revalidate"),
    *("stored_connections", "connections", "contents", "keys"),
)
MORE: dict[str, str] = {
    "fault": inspect.cleandoc(Fault.__doc__ or ""),
    "settings": "\n".join(f"{name} ({json.dumps(switch.default)}): {switch.doc}" for name, switch in SWITCHES.items()),
}
FORMATS: dict[str, Callable[[Mapping[str, str]], str]] = {
    "export": lambda facts: "export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in facts.items()),
    "env": lambda facts: "\n".join(f"{name}={value}" for name, value in facts.items()),
    "json": json.dumps,
}
#: what a shell evaluates when there is no simulator: what comes next does not reach another tenant by accident
NONE = "unset IMMUTA_URL IMMUTA_API_KEY IMMUTA_SIMULATOR; false"
EXAMPLE = """\
in a shell:
  eval "$(python -m immuta_simulator start)"      # sets IMMUTA_URL, IMMUTA_API_KEY and IMMUTA_SIMULATOR
  ansible-playbook site.yml
  python -m immuta_simulator writes               # what the playbook changed
  python -m immuta_simulator fault method=GET status=503 times=2
  python -m immuta_simulator stop
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0, or 1 with a message on standard error."""
    given = parser().parse_args(arguments)
    try:
        return int(given.run(given) or 0)
    except (SimulatorError, OSError, ValueError, yaml.YAMLError) as error:
        print(f"immuta_simulator: {error}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m immuta_simulator",
        description="A simulator of an Immuta tenant, for tests of Ansible playbooks.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = made.add_subparsers(title="commands", metavar="COMMAND", required=True)
    serve = commands.add_parser("serve", help="run a simulator in the foreground, until it is interrupted")
    serve.set_defaults(run=run_serve)
    serve.add_argument("--with-parent", action="store_true", help="end when standard input is closed")
    start = commands.add_parser("start", help="start a simulator in the background, and return when it answers")
    start.set_defaults(run=run_start)
    for each in (serve, start):
        add_options(each)
    client = argparse.ArgumentParser(add_help=False)
    client.add_argument(
        "--simulator",
        metavar="ADDRESS",
        default=os.environ.get("IMMUTA_SIMULATOR"),
        help="the control address or the ready file (default: the environment variable IMMUTA_SIMULATOR)",
    )
    stop = commands.add_parser("stop", parents=[client], help="end a simulator, and return when it is gone")
    stop.set_defaults(run=lambda given: simulator(given).stop())
    for name in ACTIONS:
        add_action(commands, client, name)
    return made


def add_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--port", type=int, default=0, help="the tenant's port on 127.0.0.1 (default: any free port)")
    command.add_argument("--control-port", type=int, default=0, help="the port for all other commands (default: any free port)")
    command.add_argument("--api-key", help="the API key that the tenant accepts (default: a random one)")
    command.add_argument("--warehouses", type=Path, metavar="FILE", help="JSON or YAML: where the warehouses are")
    command.add_argument("--settings", type=Path, metavar="FILE", help="JSON or YAML: the switches to begin with")
    command.add_argument("--format", choices=FORMATS, default="export", help="how to print the address and the key (default: %(default)s)")
    command.add_argument("--ready-file", type=Path, metavar="FILE", help="also write them to a private file, as JSON, until the simulator ends")
    command.add_argument("--log-file", type=Path, metavar="FILE", help="append one JSON object for each request, without bodies")


def add_action(commands: Any, client: argparse.ArgumentParser, name: str) -> None:
    method = getattr(Simulator, name)
    text = inspect.cleandoc(method.__doc__)
    command = commands.add_parser(
        name,
        parents=[client],
        help=re.split(r"[.:;]", text)[0],
        description=text,
        epilog=MORE.get(name),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run_action, action=name, arguments=[])
    wanted = [parameter.name.rstrip("_") for parameter in list(inspect.signature(method).parameters.values())[1:]]
    if wanted:
        names = "NAME=VALUE" if name in MORE else " ".join(wanted).upper()
        command.add_argument("arguments", nargs="*", metavar=names, help="each value is text, JSON, or @FILE with JSON or YAML")


def run_serve(given: argparse.Namespace) -> None:
    if given.ready_file:
        given.ready_file.unlink(missing_ok=True)  # of a simulator that was killed
    from .server import Options, serve

    serve(
        Options(
            port=given.port,
            control_port=given.control_port,
            api_key=given.api_key or secrets.token_hex(16),
            warehouses=typed(list, given.warehouses),
            switches=typed(dict, given.settings),
            ready_file=given.ready_file,
            log_file=given.log_file,
            with_parent=given.with_parent,
            announce=lambda facts: print(FORMATS[given.format](environment(facts)), flush=True),
        )
    )


def run_start(given: argparse.Namespace) -> None:
    options = {name.replace("_", "-"): value for name, value in vars(given).items() if name not in ("run", "format", "ready_file")}
    words = [word for name, value in options.items() if value for word in (f"--{name}", str(value))]
    try:
        _process, facts = launch(words, ready=given.ready_file, detached=True)
    except SimulatorError:
        if given.format == "export":
            print(NONE)
        raise
    print(FORMATS[given.format](environment(facts)))


def run_action(given: argparse.Namespace) -> None:
    method = getattr(simulator(given), given.action)
    named = [word.split("=", 1) for word in given.arguments if re.match(r"[a-z_]+=", word)]
    plain = [read(word) for word in given.arguments if not re.match(r"[a-z_]+=", word)]
    options = {name: read(text) for name, text in named}
    try:
        inspect.signature(method).bind(*plain, **options)
    except TypeError as error:
        raise SimulatorError(f"{given.action}: {error}") from None
    result = method(*plain, **options)
    show({name: result[name] for name in options} if given.action == "settings" and options else result)


def simulator(given: argparse.Namespace) -> Simulator:
    if not given.simulator:
        raise SimulatorError("which simulator? Set IMMUTA_SIMULATOR, as the output of 'start' does, or use --simulator")
    return Simulator.attach(given.simulator)


def read(text: str) -> Any:
    """The value of an argument: JSON, a file's contents, or the text itself."""
    if text.startswith("@"):
        return from_file(Path(text[1:]))
    try:
        return json.loads(text)
    except ValueError:
        return text


def from_file(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def typed(kind: type[Any], path: Path | None) -> Any:
    """The contents of a file, an empty value without one. ValueError unless they are of that kind."""
    value = from_file(path) if path else kind()
    if not isinstance(value, kind):
        raise ValueError(f"{path} holds no {'list' if kind is list else 'mapping'}")
    return value


def show(result: Any) -> None:
    """Print JSON. A list has one element on each line, so that grep can select them."""
    if isinstance(result, list):
        print("[" + ",\n ".join(map(json.dumps, result)) + "]")
    elif result is not None:
        print(json.dumps(result, indent=2))
