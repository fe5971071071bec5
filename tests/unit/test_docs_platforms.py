# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of docs/docsite/rst: one for each platform, each with an answer to every question, and what they show can be used."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from ansible_collections.community.immuta.plugins.module_utils._model.platforms import PLATFORMS
from ansible_collections.community.immuta.plugins.module_utils._model.technologies import TECHNOLOGIES
from ansible_collections.community.immuta.plugins.module_utils._sql.drivers import DRIVERS
from support.pages import ROLE_OPTIONS, RST, Host, blocks, hosts, input_errors, module_of, pages, tasks, variables
from support.shown import RUN_BY
from tools.checks.commands import ROOT

PAGES = pages()
HOSTS = hosts()
DOCSITE = ROOT / "docs" / "docsite"
SECTIONS = {section["title"]: section["toctree"] for section in yaml.safe_load((DOCSITE / "extra-docs.yml").read_text(encoding="utf-8"))["sections"]}
OF_A_PLATFORM = SECTIONS["Platforms"]
QUESTIONS = [
    "Before you begin",
    "Inventory",
    "What the scripts do",
    "What check mode shows",
    "Deregistering",
    "Changing the host",
    "Restoring",
    "Upgrading an integration to a connection",
    "Assumptions",
]


def headings(page: str) -> list[str]:
    text = (RST / f"{page}.rst").read_text(encoding="utf-8")
    return re.findall(r"^(.+)\n-{3,}$", text, re.MULTILINE)


def of_page(page: str) -> list[Host]:
    return [host for host in HOSTS if host.page == page]


# --- there is a page for everything, and everything is in it


def test_every_type_and_every_technology_has_its_page() -> None:
    assert {host.type for host in HOSTS if not host.is_connection} == set(PLATFORMS)
    # a connection to Trino is made in Immuta, and has a key to be rotated
    assert {host.type for host in HOSTS if host.is_connection} == {*TECHNOLOGIES, "Trino"}


@pytest.mark.parametrize("page", OF_A_PLATFORM)
def test_a_page_is_of_one_platform(page: str) -> None:
    assert len({host.type for host in of_page(page)}) == 1


@pytest.mark.parametrize("page", [*OF_A_PLATFORM, "platforms"])
def test_a_page_answers_every_question(page: str) -> None:
    types = {host.type for host in of_page(page)}
    upgraded = page == "platforms" or any(PLATFORMS[name].connectable for name in types & PLATFORMS.keys())
    assert headings(page) == [question for question in QUESTIONS if upgraded or question != "Upgrading an integration to a connection"]


def test_every_page_is_in_the_table_of_contents() -> None:
    assert sorted(page for pages_of_it in SECTIONS.values() for page in pages_of_it) == PAGES


def test_the_readme_leads_to_every_page() -> None:
    linked = set(re.findall(r"/docs/docsite/rst/(\w+)\.rst\)", (ROOT / "README.md").read_text(encoding="utf-8")))
    # what all platforms have in common is for those who read the page of one, and the packages for those who read the code
    assert linked == {*PAGES} - {*OF_A_PLATFORM, "platforms", "house"}


def test_the_kinds_of_each_platform_are_those_of_the_tables() -> None:
    """What the page about integrations and connections says of each platform is what the collection can do."""
    rows = re.findall(r"^   \* - (.+)\n     - (.+)\n     - (.+)$", (RST / "kinds.rst").read_text(encoding="utf-8"), re.MULTILINE)
    kinds = {name: (integration, connection) for name, integration, connection in rows if name in {*PLATFORMS, *TECHNOLOGIES}}
    assert kinds.keys() == {*PLATFORMS, *TECHNOLOGIES}
    assert {name for name, (integration, _connection) in kinds.items() if integration != "No"} == set(PLATFORMS)
    assert {name for name, (_integration, connection) in kinds.items() if connection.startswith("Yes")} == set(TECHNOLOGIES)


def test_scripts_are_run_where_the_pages_say_so() -> None:
    login = {host.type for host in HOSTS if "immuta_platform_login" in host.variables}
    assert login == set(DRIVERS) == {name for name, platform in PLATFORMS.items() if platform.scripts}


# --- what they show can be used; the pages of RUN_BY have a test of their own

SHOWING = [page for page in PAGES if f"docs/docsite/rst/{page}.rst" not in RUN_BY]


@pytest.mark.parametrize("page", PAGES)
def test_no_yaml_is_overlooked(page: str) -> None:
    assert len(blocks(page)) == (RST / f"{page}.rst").read_text(encoding="utf-8").count("code-block:: yaml")


@pytest.mark.parametrize("page", SHOWING)
def test_every_variable_is_one_of_the_role(page: str) -> None:
    named = {name for block in blocks(page) for shown in variables(block) for name in shown if name.startswith("immuta_")}
    mentioned = set(re.findall(r"``(immuta_platform_\w+)", (RST / f"{page}.rst").read_text(encoding="utf-8")))
    assert named | mentioned <= ROLE_OPTIONS.keys() | {"immuta_platforms"}


@pytest.mark.parametrize("page", SHOWING)
def test_every_variable_has_a_value_that_the_role_takes(page: str) -> None:
    optional = {name: {**option, "required": False} for name, option in ROLE_OPTIONS.items()}
    for block in blocks(page):
        for shown in variables(block):
            given = {name: value for name, value in shown.items() if name.startswith("immuta_")}
            assert input_errors({"argument_spec": optional}, given) == []


@pytest.mark.parametrize("page", SHOWING)
def test_every_task_is_one_that_its_module_takes(page: str) -> None:
    for block in blocks(page):
        for module, options in tasks(block):
            assert input_errors(module_of(module), options) == [], module


@pytest.mark.parametrize("host", HOSTS, ids=Host.__str__)
def test_every_host_is_one_that_its_module_takes(host: Host) -> None:
    assert input_errors(module_of(host.module), host.options) == []


@pytest.mark.parametrize("host", [host for host in HOSTS if host.login], ids=Host.__str__)
def test_every_login_is_one_that_its_driver_takes(host: Host) -> None:
    assert input_errors(module_of("immuta_sql_script"), {"type": host.type, "script": "SELECT 1", "login": host.login}) == []
    warnings: list[str] = []
    DRIVERS[host.type](host.login, connect_timeout=1, statement_timeout=1, warn=warnings.append)
    assert not warnings


def test_the_checks_see_what_is_wrong() -> None:
    block: Any = [{"hosts": "all", "roles": [{"role": "r", "immuta_platform_state": "gone"}], "tasks": [{"community.immuta.immuta_integration": {"typ": "x"}}]}]
    assert [list(shown) for shown in variables(block)] == [["role", "immuta_platform_state"]]
    assert input_errors({"argument_spec": ROLE_OPTIONS | {"immuta_platform_integration": {"type": "dict"}}}, {"immuta_platform_state": "gone"})
    ((module, options),) = tasks(block)
    assert any("typ" in text for text in input_errors(module_of(module), options))
    assert input_errors(module_of(module), {"type": "Snowflake", "config": {"hosst": "x"}})
    assert input_errors(module_of("immuta_integration_api_key"), {}) == ["missing required arguments: dest"]
