# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX does between the launch of a job template and ansible-runner, for the templates of extensions/awx.

The credentials go through the injector of AWX itself. What is ours here is what AWX does around it: it writes the inventory as a script, marks the
variables of a launch as unsafe, and starts ansible-runner in a container that is new for each job.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from awx_plugins.interfaces import _temporary_private_container_api as container_api
from awx_plugins.interfaces._temporary_private_credential_api import Credential
from awx_plugins.interfaces._temporary_private_inject_api import build_safe_env, inject_credential
from support.core import PYTHON
from support.playbook import ROOT

KIT = ROOT / "extensions" / "awx"
#: the variables that AWX itself gives every job
META = {"awx_job_id": 7, "awx_user_name": "olivia"}


@lru_cache
def kit() -> dict[str, Any]:
    """The variables of the kit, as the playbook reads them with the settings as they are."""
    loader, variables = DataLoader(), {}
    for path in sorted((KIT / "variables").glob("*.yml")):
        variables.update(loader.load_from_file(str(path), trusted_as_template=True))
    # plain values, without what Ansible notes on them
    return dict(json.loads(json.dumps(Templar(loader=loader, variables=variables).template(variables))))


def named(objects: str, name: str) -> dict[str, Any]:
    return dict(next(each for each in kit()[objects] if each["name"] == name))


@dataclass(frozen=True)
class Injected:
    """What the injector made of credentials: the environment, what AWX stores of it, and further arguments of ansible-playbook."""

    environment: dict[str, str]
    stored: dict[str, str]
    arguments: list[str]


def inject(credentials: Mapping[str, Mapping[str, Any]], folder: Path) -> Injected:
    """Have AWX's injector inject credentials. credentials: their inputs by the name of their type. folder: of the job, which the container has as /runner."""
    (folder / "env").mkdir(parents=True, exist_ok=True)
    injected = Injected({}, {}, [])
    for name, inputs in credentials.items():
        definition = named("controller_credential_types", name)
        credential_type = SimpleNamespace(inputs=definition["inputs"], injectors=definition["injectors"], managed=False, custom_injectors=None)
        with patch.object(container_api, "CONTAINER_ROOT", str(folder)):  # there is no container here to mount the folder in
            inject_credential(credential_type, Credential(dict(inputs)), injected.environment, injected.stored, injected.arguments, str(folder))
    # as in AWX, which masks by the names of the variables first and then has the injector's word
    return Injected(injected.environment, {**build_safe_env(injected.environment), **injected.stored}, injected.arguments)


class _Unsafe(yaml.SafeDumper):
    def represent_data(self, data: Any) -> yaml.Node:
        return self.represent_scalar("!unsafe", str(data)) if isinstance(data, str) else super().represent_data(data)


def extra_variables(template: Mapping[str, Any], launched: Mapping[str, Any]) -> str:
    """The extra variables of a job as AWX writes them: only what the template sets may be evaluated."""
    given = {**template.get("extra_vars", {}), **launched, **META, "awx_job_template_name": template["name"]}
    trusted = template.get("extra_vars", {})
    dumpers = ((name, value, yaml.SafeDumper if name in trusted and trusted[name] == value else _Unsafe) for name, value in given.items())
    return "".join(yaml.dump({name: value}, Dumper=dumper) for name, value, dumper in dumpers)


def answers(template: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of a launch: the answers to the survey, and the defaults of the questions that nobody answered. Refuses what AWX refuses."""
    questions = {each["variable"]: each for each in template.get("survey_spec", {}).get("spec", ())}
    assert set(given) <= set(questions), "AWX ignores variables that are not in the survey"
    missing = [name for name, each in questions.items() if each["required"] and name not in given and "default" not in each]
    assert not missing, f"AWX wants an answer: {missing}"
    return {**{name: each["default"] for name, each in questions.items() if "default" in each}, **given}


@dataclass(frozen=True)
class Job:
    """A job that has run: its status, its events, what it passes on, and the folders that it could write to."""

    rc: int
    events: list[dict[str, Any]]
    stdout: str
    artifacts: dict[str, Any]
    folder: Path
    injected: Injected

    def failed_messages(self) -> str:
        return "\n".join(str(each["event_data"].get("res", {}).get("msg", "")) for each in self.events if each["event"] == "runner_on_failed")

    def results(self, action: str) -> list[dict[str, Any]]:
        """The results of the tasks with this module."""
        wanted = [each for each in self.events if each["event"] in ("runner_on_ok", "runner_on_failed")]
        return [each["event_data"]["res"] for each in wanted if each["event_data"]["task_action"].endswith(action)]


@dataclass
class Controller:
    """Launches the job templates of the kit. folder: where it keeps everything; mount: what all jobs share."""

    folder: Path
    inventory: Mapping[str, Any]
    credentials: Mapping[str, Mapping[str, Any]]
    prefix: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    #: where the folders of the jobs are. The paths of Ansible's sockets may not be long
    temporary: Path = Path("/tmp")

    @property
    def mount(self) -> Path:
        return self.folder / "mount"

    def launch(
        self, name: str, given: Mapping[str, Any] | None = None, *, limit: str = "", check: bool = False, passed: Mapping[str, Any] | None = None, **how: Any
    ) -> Job:
        """Run a job template to its end. given: the answers to its survey. passed: what earlier jobs of a workflow passed on.

        template: changes to the template, as a copy of it in AWX has them. credentials: those to use, where the template names none.
        """
        template = {**named("controller_templates", name), **how.get("template", {})}
        template["extra_vars"] = _moved(template.get("extra_vars", {}), str(self.mount))
        self.mount.mkdir(parents=True, exist_ok=True)
        job = self.temporary / f"job{len(list(self.temporary.glob('job*')))}"
        for part in ("env", "inventory", "home", "tmp"):
            (job / part).mkdir(parents=True)
        types = how.get("credentials", template["credentials"])
        injected = inject({each: self.credentials[each] for each in types}, job)
        launched = {**answers(template, given or {}), **(passed or {})}
        _write(job / "env" / "extravars", extra_variables(template, launched))
        _write(job / "inventory" / "hosts", f"#! /usr/bin/env python3\nprint({json.dumps(self.inventory)!r})\n", 0o700)
        arguments = [*injected.arguments, *(["-l", limit] if limit else []), *(["--check"] if check else []), "--diff"]
        run = {
            "private_data_dir": str(job),
            "project_dir": str(ROOT),
            "playbook": template["playbook"],
            "ident": "1",
            "cmdline": " ".join(arguments),
            "envvars": {
                **injected.environment,
                "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
                "ANSIBLE_RETRY_FILES_ENABLED": "False",
                # by itself Ansible looks up the home in the list of users, which is that of this machine
                "ANSIBLE_REMOTE_TMP": str(job / "home" / ".ansible" / "tmp"),
                **self.environment,
            },
        }
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        done = subprocess.run(
            [*self.prefix, PYTHON, "-c", _START],
            input=json.dumps(run),
            env={**kept, "HOME": str(job / "home"), "TMPDIR": str(job / "tmp"), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"},
            cwd=job,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        artifacts = job / "artifacts" / "1"
        assert artifacts.is_dir(), done.stdout
        events = [json.loads(path.read_text()) for path in sorted((artifacts / "job_events").glob("*-*.json"))]
        passes = [each["event_data"].get("artifact_data", {}) for each in events if each["event"] == "playbook_on_stats"]
        return Job(done.returncode, sorted(events, key=lambda each: each["counter"]), done.stdout, passes[-1] if passes else {}, job, injected)


_START = "import ansible_runner, json, sys; sys.exit(ansible_runner.run(**json.load(sys.stdin)).rc)"


def _moved(variables: Mapping[str, Any], mount: str) -> dict[str, Any]:
    """The variables, with the mount in another place."""
    there = kit()["immuta_awx_mount"]
    return {name: value.replace(there, mount, 1) if isinstance(value, str) and value.startswith(there) else value for name, value in variables.items()}


def _write(path: Path, text: str, mode: int = 0o600) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
