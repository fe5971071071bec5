# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks on localhost, run by ansible-playbook or without it, and their results by the tasks' names.

run = play([{"name": "list", INFO: {}}], folder, environment={"IMMUTA_URL": tenant.url, "IMMUTA_API_KEY": tenant.api_key})
assert run["list"]["integrations"] == []
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .core import MODULES_PYTHON
from .modules import run_module
from .playbook import run_playbook

INTEGRATION = "community.immuta.immuta_integration"
INFO = "community.immuta.immuta_integration_info"
SCRIPT = "community.immuta.immuta_integration_script"
INVENTORY = {"all": {"hosts": {"localhost": {"ansible_connection": "local", "ansible_python_interpreter": MODULES_PYTHON}}}}


class Unsafe(str):
    """A text that Ansible must not read as a template."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text), style='"'))


def to_yaml(document: Any) -> str:
    """YAML as Ansible reads it, without references."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10000)


@dataclass(frozen=True)
class Record:
    """What one task gave. status: ok, failed, skipped, unreachable. Its keys are those of the task's result."""

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
class Play:
    """One run. rc: the status of ansible-playbook; output: all that it printed."""

    rc: int
    output: str
    records: tuple[Record, ...]

    def __getitem__(self, name: str) -> Record:
        """The only record of that name."""
        found = [record for record in self.records if record.name == name]
        assert len(found) == 1, f"{len(found)} records of {name!r}\n{self.output}"
        return found[0]

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    @property
    def shown(self) -> list[Any]:
        """What is on the screen, and every result."""
        return [self.output, [record.result for record in self.records]]

    @property
    def ok(self) -> Play:
        """Itself, when nothing failed."""
        assert self.rc == 0, self.output
        return self


def play(
    tasks: Sequence[Mapping[str, Any]] | str,
    folder: Path,
    *,
    keys: Mapping[str, Any] | None = None,
    check: bool = False,
    diff: bool = False,
    verbosity: int = 0,
    environment: Mapping[str, str] | None = None,
    **how: Any,
) -> Play:
    """Run the tasks (Python objects, or YAML as a person writes it). keys: further keys of the play; how: see run_playbook."""
    folder.mkdir(parents=True, exist_ok=True)
    number = len(list(folder.glob("records-*.jsonl"))) + 1
    records, source = folder / f"records-{number}.jsonl", folder / f"play-{number}.yml"
    records.touch()
    head = to_yaml([{"hosts": "localhost", "gather_facts": False, **(keys or {}), "tasks": []}]).replace("tasks: []", "tasks:")
    body = tasks if isinstance(tasks, str) else to_yaml(list(tasks))
    source.write_text(head + "".join(f"    {line}\n" for line in body.splitlines()), encoding="utf-8")
    flags = ["--check"] * check + ["--diff"] * diff + [f"-{'v' * verbosity}"] * bool(verbosity)
    settings = {
        "ANSIBLE_STDOUT_CALLBACK": "records",
        "PLAYBOOK_RECORDS": str(records),
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
        **(environment or {}),
    }
    run = run_playbook(source, INVENTORY, folder, *flags, environment=settings, **how)
    found = [Record(**json.loads(line)) for line in records.read_text(encoding="utf-8").splitlines()]
    return Play(run.rc, run.output, tuple(found))


def direct(
    tasks: Sequence[Mapping[str, Any]],
    folder: Path,
    *,
    check: bool = False,
    diff: bool = False,
    verbosity: int = 0,
    environment: Mapping[str, str] | None = None,
) -> Play:
    """Run the tasks' modules themselves, as Ansible runs them, where a playbook adds nothing: no templates, no defaults, no loops."""
    settings = {"diff": diff, "verbosity": verbosity, "inject_invocation": verbosity > 2}
    records, output, rc = [], "", 0
    for task in tasks:
        (action,) = (key for key in task if key.startswith("community.immuta."))
        how = {"check": task.get("check_mode", check), "environment": {**(environment or {}), **task.get("environment", {})}, "settings": settings}
        reply = run_module(action.rpartition(".")[2], task[action], folder, **how)
        failed = bool(reply.result.get("failed"))
        records.append(Record(task["name"], "localhost", action, "failed" if failed else "ok", reply.result))
        output += reply.output + reply.log
        if failed and not task.get("ignore_errors"):
            rc = 2
            break
    return Play(rc, output, tuple(records))


def replaced(value: Any, texts: Mapping[str, str]) -> Any:
    """The value with other texts at every depth: C(texts) is old -> new."""
    if isinstance(value, Mapping):
        return {key: replaced(each, texts) for key, each in value.items()}
    if isinstance(value, list):
        return [replaced(each, texts) for each in value]
    return texts.get(value, value) if isinstance(value, str) else value
