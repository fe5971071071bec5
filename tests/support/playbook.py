# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real runs of ansible-playbook, and their results as Python objects.

    run = play([{"name": "list", "community.immuta.immuta_integration_info": {}}], folder, environment=tenant_environment)
    assert run["list"]["integrations"] == []
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
BIN = Path(sys.executable).parent
COLLECTIONS = ROOT / ".venv" / "collections"
INTEGRATION = "community.immuta.immuta_integration"
INFO = "community.immuta.immuta_integration_info"
SCRIPT = "community.immuta.immuta_integration_script"

#: longer than any play here takes
SECONDS = 300


class Unsafe(str):
    """A text that Ansible must not read as a template."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text), style='"'))


def to_yaml(document: Any) -> str:
    """YAML as Ansible reads it; Unsafe texts are tagged."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10000)


@dataclass(frozen=True)
class Record:
    """What one task gave on one host. status: ok, failed, skipped, unreachable."""

    name: str
    host: str
    action: str
    status: str
    result: Mapping[str, Any]

    @property
    def failed(self) -> bool:
        return self.status == "failed"

    def __getitem__(self, key: str) -> Any:
        return self.result[key]

    def __contains__(self, key: str) -> bool:
        return key in self.result

    def get(self, key: str, default: Any = None) -> Any:
        return self.result.get(key, default)

    @property
    def warnings(self) -> list[str]:
        return [text if isinstance(text, str) else str(text.get("msg", text)) for text in self.result.get("warnings") or []]


@dataclass(frozen=True)
class Run:
    """One run of ansible-playbook."""

    status: int
    stdout: str
    stderr: str
    records: tuple[Record, ...]
    folder: Path

    def __getitem__(self, name: str) -> Record:
        """The only record of that name."""
        found = [record for record in self.records if record.name == name]
        assert len(found) == 1, f"{len(found)} records of {name!r}\n{self.output}"
        return found[0]

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    @property
    def output(self) -> str:
        return f"{self.stdout}\n{self.stderr}"

    @property
    def ok(self) -> Run:
        """Itself, when no task failed."""
        assert self.status == 0, self.output
        return self


def clean_environment() -> dict[str, str]:
    """This environment without what would steer Ansible, name a tenant or send loopback through a proxy."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "IMMUTA_")) and not name.lower().endswith("_proxy")}
    return {**kept, "PATH": f"{BIN}{os.pathsep}{kept.get('PATH', os.defpath)}"}


def ansible_environment(folder: Path, records: Path) -> dict[str, str]:
    """Everything that Ansible writes goes under the folder."""
    return {
        **clean_environment(),
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_CALLBACK_PLUGINS": str(TESTS / "support" / "callbacks"),
        "ANSIBLE_STDOUT_CALLBACK": "records",
        "PLAYBOOK_RECORDS": str(records),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_REMOTE_TEMP": str(folder / "ansible" / "remote"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }


def play(tasks: Sequence[Mapping[str, Any]], folder: Path, **how: Any) -> Run:
    """A play of these tasks on localhost; for C(how) see run_playbook. Keys of C(play) go into the play itself."""
    extra = how.pop("play", {})
    return run_playbook([{"hosts": "localhost", "gather_facts": False, **extra, "tasks": list(tasks)}], folder, **how)


def run_playbook(
    playbook: Sequence[Mapping[str, Any]] | str | Path,
    folder: Path,
    *,
    arguments: Sequence[str] = (),
    check: bool = False,
    diff: bool = False,
    verbosity: int = 0,
    environment: Mapping[str, str] | None = None,
    executable: str | Path = BIN / "ansible-playbook",
) -> Run:
    """Run a playbook in the folder: plays as Python objects, a path, or the name of one in a collection."""
    folder.mkdir(parents=True, exist_ok=True)
    number = len(list(folder.glob("records-*.jsonl"))) + 1
    records = folder / f"records-{number}.jsonl"
    records.touch()
    if not isinstance(playbook, (str, Path)):
        source = folder / f"playbook-{number}.yml"
        source.write_text(to_yaml(list(playbook)), encoding="utf-8")
        playbook = source
    flags = ["--check"] * check + ["--diff"] * diff + [f"-{'v' * verbosity}"] * bool(verbosity)
    done = subprocess.run(
        [str(executable), *flags, *arguments, str(playbook)],
        cwd=folder,
        env={**ansible_environment(folder, records), **(environment or {})},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    lines = records.read_text(encoding="utf-8").splitlines()
    return Run(done.returncode, done.stdout, done.stderr, tuple(Record(**json.loads(line)) for line in lines), folder)
