# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""python -m immuta_simulator, as a shell in CI uses it."""

from __future__ import annotations

import argparse
import inspect
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from immuta_simulator import Simulator, pytest_plugin
from immuta_simulator.command import ACTIONS, add_options, main
from immuta_simulator.faults import Fault
from immuta_simulator.inspect_redshift import RedshiftWarehouse
from immuta_simulator.settings import Settings
from immuta_simulator.validation import Failed
from immuta_simulator.warehouse import Place
from immuta_simulator.warehouses import Warehouses
from tools.checks.commands import ROOT

COMMAND = [sys.executable, "-m", "immuta_simulator"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("IMMUTA_")} | {"PYTHONPATH": str(ROOT / "extensions" / "simulator")}
Say = Callable[..., Any]


def shell(script: str, folder: Path) -> str:
    """What a shell prints that ends at the first command that fails."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=ENVIRONMENT | {"PY": sys.executable}, capture_output=True, text=True, check=True
    )
    assert not done.stderr
    return done.stdout


@pytest.fixture
def say(tenant: Simulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Say]:
    """Give a command to the tenant's simulator, in this process; what it prints, parsed, or its message when it fails."""
    monkeypatch.setenv("IMMUTA_SIMULATOR", tenant.control_url)

    def run(*words: str) -> Any:
        status = main(words)
        out, err = capsys.readouterr()
        assert bool(err) == bool(status)
        return err if status else json.loads(out or "null")

    yield run


def test_from_start_to_stop_in_a_shell(tmp_path: Path) -> None:
    printed = shell(
        """
        eval "$($PY -m immuta_simulator start --ready-file ready --log-file log)"
        stat -c %a ready
        echo "$IMMUTA_URL" "$IMMUTA_API_KEY" "$IMMUTA_SIMULATOR"
        $PY -m immuta_simulator seed '{"type": "Trino"}'
        $PY -m immuta_simulator integrations
        $PY -m immuta_simulator stop
        $PY -m immuta_simulator stop 2>&1 && exit 9
        ls
        """,
        tmp_path,
    )
    mode, facts, seeded, stored, gone, *left = printed.splitlines()
    url, key, control = facts.split()
    assert (mode, json.loads(seeded), json.loads(stored)[0]["type"]) == ("600", "1", "Trino")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url) and url != control and len(key) == 32
    assert gone == f"immuta_simulator: no simulator answers at {control}: [Errno 111] Connection refused"
    assert left == [], "a file is left"


def test_who_reads_the_output_of_start_does_not_wait_for_the_simulator() -> None:
    done = subprocess.run([*COMMAND, "start", "--format", "json"], env=ENVIRONMENT, capture_output=True, timeout=60, check=True)
    Simulator.attach(json.loads(done.stdout)["IMMUTA_SIMULATOR"]).stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_in_the_foreground_until_a_signal(number: signal.Signals, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    ready.write_text("of a simulator that was killed")
    words = [*COMMAND, "serve", "--format", "env", "--api-key", "the key", "--ready-file", str(ready)]
    with subprocess.Popen(words, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        facts = dict(process.stdout.readline().strip().split("=", 1) for _line in range(3))
        assert stat.S_IMODE(ready.stat().st_mode) == 0o600
        tenant = Simulator.attach(ready)
        assert facts == tenant.environment
        assert (tenant.api_key, tenant.call("GET", "/integrations").status) == ("the key", 200)
        process.send_signal(number)
        assert process.wait(15) == 0
    assert not ready.exists()


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("--settings", "[]", "holds no mapping"),
        ("--settings", "colour: red", "there is no switch 'colour'"),
        ("--settings", "put: [", "while parsing"),
        ("--warehouses", "{}", "holds no list"),
        ("--warehouses", "[{host: h, type: Redshift, port: 1}]", "see address"),
        ("--warehouses", "[{host: h, type: Oracle, address: a, port: 1}]", "not 'Oracle'"),
    ],
)
def test_a_bad_file_is_named(option: str, text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ready = tmp_path / "ready"
    ready.write_text("of a simulator that was killed")
    (tmp_path / "file").write_text(text)
    assert main(["serve", option, str(tmp_path / "file"), "--ready-file", str(ready)]) == 1
    assert message in capsys.readouterr().err
    assert not ready.exists()


def test_a_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RedshiftWarehouse, "library", "not_installed")
    with pytest.raises(ValueError, match=r"immuta-simulator\[redshift\]"):
        Warehouses([{"host": "h", "type": "Redshift", "address": "a", "port": 1}])
    with pytest.raises(Failed, match=r"immuta-simulator\[redshift\]"):
        Warehouses().inspector("Redshift", False, {"host": "127.0.0.1", "port": 1}, Settings()).check("login")


def test_a_shell_that_got_no_simulator_ends_or_has_no_tenant(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        script = f"""
            export IMMUTA_URL=https://of.another.tenant
            set +e; eval "$($PY -m immuta_simulator start --port {port} 2>error)"; echo "${{IMMUTA_URL:-none}}"; cat error
            set -e; eval "$($PY -m immuta_simulator start --port {port} 2>error)"; echo not reached
            """
        done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=ENVIRONMENT | {"PY": sys.executable}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == f"none\nimmuta_simulator: cannot listen on 127.0.0.1:{port}: Address already in use\n"


# -- a running one ----------------------------------------------------------------------------------------------------


def test_arguments_are_json_or_text_or_a_file(say: Say, tenant: Simulator, tmp_path: Path) -> None:
    (tmp_path / "body").write_text("[1, 2]")
    assert say("fault", "path=/integrations$", "status=503", 'headers={"Retry-After": "1"}', "body=busy, a=b") is None
    (fault,) = say("faults")
    assert (fault["path"], fault["status"], fault["headers"], fault["body"]) == ("/integrations$", 503, {"Retry-After": "1"}, "busy, a=b")
    assert tenant.call("GET", "/integrations").text == "busy, a=b"
    assert say("settings", "show_disabled=false", "put=merge") == {"show_disabled": False, "put": "merge"}
    assert say("settings")["show_disabled"] is False
    (tmp_path / "seeds").write_text("{type: Trino, id: 7}")
    assert say("seed", f"@{tmp_path / 'seeds'}") == "7"
    assert say("force", "7", "error", "message=it broke") is None
    assert say("integrations")[0]["status"] == "error"
    assert [entry["status"] for entry in say("requests")] == [503]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("fault", "colour=red"), "a fault has no colour"),
        (("fault",), "a fault without an effect"),
        (("fault", "status=503", "path=["), "is no regular expression"),
        (("settings", "put=often"), "switch put takes replace | merge, not 'often'"),
        (("seed", "type=Trino"), "missing a required argument: 'integration'"),
        (("warehouses", "[]", "[]"), "too many positional arguments"),
        (("seed", "@/nowhere"), "No such file"),
    ],
)
def test_what_is_wrong_is_said(words: tuple[str, ...], message: str, say: Say) -> None:
    said = say(*words)
    assert said.startswith("immuta_simulator: ")
    assert message in said


def test_without_an_address_it_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("IMMUTA_SIMULATOR", raising=False)
    assert main(["requests"]) == 1
    assert "Set IMMUTA_SIMULATOR" in capsys.readouterr().err


def test_every_method_of_the_client_is_a_command_with_help(capsys: pytest.CaptureFixture[str]) -> None:
    methods = {name for name, _value in inspect.getmembers(Simulator, inspect.isfunction) if not name.startswith("_")}
    assert methods == {*ACTIONS, "call", "stop"}
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    shown = capsys.readouterr().out
    assert all(re.search(rf"^    {name}\s", shown, re.MULTILINE) for name in ("serve", "start", "stop", *ACTIONS))


def test_the_readme_names_every_command_option_key_and_fixture() -> None:
    text = (ROOT / "extensions" / "simulator" / "README.md").read_text(encoding="utf-8")
    parser = argparse.ArgumentParser(add_help=False)
    add_options(parser)
    options = [name for action in parser._actions for name in action.option_strings]
    keys = [each.name for kind in (Fault, Place) for each in fields(kind)]
    fixtures = [name for name in vars(pytest_plugin) if name.startswith("immuta_")]
    assert len(options) > 5 and len(fixtures) == 4
    wanted = [*(f"`{name}(" for name in ACTIONS), *(f"`{name}" for name in (*options, *keys, *fixtures, "start", "serve", "stop"))]
    assert [name for name in wanted if name not in text] == []
