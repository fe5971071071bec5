# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of endpoints is whole, and what it names is there. Which module and which test sends what, tests/module looks at."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

import pytest
from ansible_collections.community.immuta.plugins.module_utils._ansible.tenant import KeyExchange
from ansible_collections.community.immuta.plugins.module_utils._api.connections import Connections
from ansible_collections.community.immuta.plugins.module_utils._api.integrations import Integrations
from ansible_collections.community.immuta.plugins.module_utils._api.keys import Keys
from ansible_collections.community.immuta.plugins.module_utils._core.errors import OptionError
from ansible_collections.community.immuta.plugins.module_utils._model.platforms import SCRIPT_ACTIONS
from immuta_simulator.routes import Routes
from support.pages import Endpoint, endpoints, left_out
from tools.checks.commands import ROOT

TABLE = endpoints()
NAMES = [endpoint.name for endpoint in TABLE]

# What a method of the API classes is called with, by the name of its parameter; of several values each is tried.
VALUES: dict[str, tuple[Any, ...]] = {
    "id": ("{id}",),
    "integration_id": ("1",),
    "action": SCRIPT_ACTIONS,
    "payload": ({},),
    "connection": ({},),
    "settings": ({},),
    "body": ({},),
    "dry_run": (True,),
    "force_disable": (True,),
    "connection_key": ("{connectionKey}",),
    "path": (["{objectPath}"],),
    "bulk_id": ("{bulkId}",),
    "ids": (["1"],),
    "key_id": ("{keyid}",),
    "name": ("automation",),
    "scopes": (["plugin:trino"],),
    "regenerate": (True,),
    "project_id": (1,),
    "session": (),
}


class Sent(Exception):
    """A request got as far as the session."""


class Ear:
    """A session that hears where a request goes, and sends nothing."""

    def __init__(self) -> None:
        self.heard: set[str] = set()
        self.secrets: set[str] = set()

    def request(self, method: str, path: str, *, query: Mapping[str, str] | None = None, **_rest: Any) -> Any:
        self.heard.add(f"{method} {unquote(path)}" + (f"?{urlencode(query, safe='{}')}" if query else ""))
        raise Sent


def ways_to_call(method: Any) -> Iterator[dict[str, Any]]:
    """The arguments: with everything that is required, then with one more each time."""
    parameters = list(inspect.signature(method).parameters.values())
    ways: list[dict[str, Any]] = [{}]
    for each in (each for each in parameters if each.default is each.empty):
        ways = [{**way, each.name: value} for way in ways for value in VALUES[each.name]]
    yield from ways
    for each in (each for each in parameters if each.default is not each.empty):
        yield from ({**way, each.name: value} for way in ways for value in VALUES[each.name])


def endpoints_of_the_code() -> set[str]:
    ear = Ear()
    apis = [Integrations(ear), Connections(ear), Keys(ear)]  # type: ignore[arg-type]
    methods = [method for api in apis for name, method in inspect.getmembers(api, inspect.ismethod) if not name.startswith("_")]
    for method in methods:
        for arguments in ways_to_call(method):
            # the script of an integration, without its id
            with suppress(Sent, OptionError):
                method(**arguments)
    with suppress(Sent):
        KeyExchange("key").header(ear)  # type: ignore[arg-type]
    return ear.heard


def plain(name: str) -> str:
    """An endpoint without its query and without the names of what varies in it."""
    return re.sub(r"\{\w+(:path)?\}", "{}", name.split("?", maxsplit=1)[0])


def endpoints_of_the_simulator() -> set[str]:
    nothing: Any = None
    app = Routes(nothing, nothing, nothing, nothing, nothing).app()
    return {plain(f"{method} {route.path}") for route in app.routes for method in route.methods - {"HEAD"}}  # type: ignore[attr-defined]


def test_every_endpoint_of_the_code_is_in_the_table_and_no_other() -> None:
    assert set(NAMES) == endpoints_of_the_code()


def test_every_endpoint_of_the_simulator_is_in_the_table_or_left_out() -> None:
    simulated, used = endpoints_of_the_simulator(), {plain(name) for name in NAMES}
    assert simulated - used <= {plain(name) for name in left_out()}
    assert used <= simulated


def test_what_is_left_out_is_not_used_and_says_why() -> None:
    assert left_out()
    assert not {plain(name) for name in left_out()} & {plain(name) for name in NAMES}
    assert all(len(reason) > 20 for reason in left_out().values())


def test_no_endpoint_is_there_twice() -> None:
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize("endpoint", TABLE, ids=NAMES)
def test_a_row_names_modules_and_tests_that_are_there(endpoint: Endpoint) -> None:
    assert endpoint.modules
    assert not [name for name in endpoint.modules if not (ROOT / "plugins" / "modules" / f"{name}.py").is_file()]
    assert endpoint.tests
    assert not [test for test in endpoint.tests if not is_there(test)]


def is_there(test: str) -> bool:
    """Whether the file has a test of that name, in tests/module, where each named test is looked at when it runs."""
    name, _mark, function = test.partition("::")
    path = ROOT / name
    if not path.is_file() or not path.is_relative_to(ROOT / "tests" / "module"):
        return False
    return function.split("[")[0] in {node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("endpoint", TABLE, ids=NAMES)
def test_a_row_names_the_roles_and_playbooks_that_use_its_modules(endpoint: Endpoint) -> None:
    users = {"roles": ROOT.glob("roles/*"), "playbooks": ROOT.glob("playbooks/*.yml")}
    assert set(endpoint.roles) == {path.stem for paths in users.values() for path in paths if uses(path, endpoint.modules)}


def uses(path: Path, modules: tuple[str, ...]) -> bool:
    files = [path] if path.is_file() else sorted(path.glob("tasks/*.yml"))
    texts = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return any(re.search(rf"^ *(?:- )?community\.immuta\.{module}:", texts, re.MULTILINE) for module in modules)
