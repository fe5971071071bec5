# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as files: the module immuta_report alone, and the playbook report from a tenant to a page."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from immuta_simulator import Simulator
from support.fleets import HOSTILE, SECRET, fleet
from support.leaks import traces
from support.modules import Reply, run_module
from support.playbook import run_playbook

FILES = ["junit.xml", "report.html", "report.json"]
EVIL = "{{ lookup('pipe', 'touch evil') }}<script>alert(1)</script>"


def write(folder: Path, *, check: bool = False, **options: Any) -> Reply:
    return run_module("immuta_report", {"dest": str(folder / "report"), **options}, folder, check=check, settings={"inject_invocation": True, "verbosity": 4})


def there(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "report").glob("*"))


def test_the_life_of_a_report(tmp_path: Path) -> None:
    found = fleet(40, hostile=True)
    predicted = write(tmp_path, fleet=found, check=True)
    assert predicted["changed"] and not (tmp_path / "report").exists()
    made = write(tmp_path, fleet=found)
    assert made["changed"] and there(tmp_path) == FILES
    assert [Path(path).name for path in made["files"]] == ["report.html", "report.json", "junit.xml"]
    assert made["summary"] == predicted["summary"] == json.loads((tmp_path / "report" / "report.json").read_text())["summary"]
    assert {oct(path.stat().st_mode & 0o777) for path in (tmp_path / "report").iterdir()} == {"0o600"}
    for check in (True, False):
        assert not write(tmp_path, fleet=found, check=check)["changed"], "only the time is another"
    assert write(tmp_path, fleet=found, mode="0644")["changed"]
    assert not write(tmp_path, fleet=found, mode="0644")["changed"]
    (tmp_path / "report" / "junit.xml").unlink()
    assert write(tmp_path, fleet=found, mode="0644")["changed"] and there(tmp_path) == FILES
    found["platforms"]["repaired"]["msg"] = "repaired: something else"
    assert write(tmp_path, fleet=found, mode="0644")["changed"]
    (tmp_path / "report" / "report.json").write_text("this is no JSON")
    assert write(tmp_path, fleet=found, mode="0644")["changed"]
    # what is logged and shown are names of files and numbers, never all platforms
    assert not traces([SECRET, HOSTILE[0], "repaired"], made.result, made.output, made.log)


def test_a_file_of_a_drift_check_is_as_good(tmp_path: Path) -> None:
    source = tmp_path / "drift.json"
    source.write_text(json.dumps(fleet(1)))
    assert write(tmp_path, src=str(source), title="Ours")["summary"] == {
        **dict.fromkeys(("failed", "unhealthy", "pending", "owned", "fine"), 0),
        "platforms": 1,
        "drifted": 1,
        "unmanaged": None,
    }
    assert json.loads((tmp_path / "report" / "report.json").read_text())["title"] == "Ours"


@pytest.mark.parametrize(
    "options, said",
    [
        ({}, "one of the following is required: fleet, src"),
        ({"fleet": {}, "src": "x"}, "mutually exclusive: fleet|src"),
        ({"fleet": {"platforms": {}}}, "not what the module immuta_fleet returns"),
        ({"src": "nowhere.json"}, "cannot be read"),
        ({"src": "list.json"}, "not what the module immuta_fleet returns"),
        ({"src": "half.json"}, "cannot be read"),
        ({"fleet": {"format": 1, "platforms": {}}, "dest": "half.json"}, "cannot be created"),
        ({"fleet": {"format": 1, "platforms": {}}, "dest": "taken"}, "cannot be written"),
        ({"fleet": {"format": 1, "platforms": {}}, "dest": ""}, "dest is empty"),
    ],
)
def test_what_cannot_be_is_said(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "half.json").write_text('{"format": 1')
    (tmp_path / "taken" / "report.html").mkdir(parents=True)
    placed = {name: str(tmp_path / value) if value and name in ("src", "dest") else value for name, value in options.items()}
    reply = write(tmp_path, **placed)
    assert reply.result["failed"] and said in reply["msg"] and "Unexpected" not in reply["msg"]


def test_from_a_tenant_to_a_page(tenant: Simulator, tmp_path: Path) -> None:
    """By the playbook. What somebody typed into the tenant is evaluated nowhere."""
    account = {"authenticationType": "userPassword", "username": "admin", "password": SECRET}
    place = {"host": "a.snowflakecomputing.com", "warehouse": "OLD", "database": "IMMUTA", **account}
    sick = tenant.seed({"type": "Snowflake", "autoBootstrap": True, "config": place})
    tenant.force(sick, "editError", message=EVIL)
    tenant.seed({"type": "Google BigQuery", "autoBootstrap": False, "config": {"dataset": EVIL, "database": "d"}})
    wanted = {"type": "Snowflake", "auto_bootstrap": True, "config": {**place, "warehouse": "NEW", "password": "{{ vault_that_is_closed }}"}}
    hosts: dict[str, Any] = {
        "sick": {"immuta_platform_integration": wanted},
        "new": {"immuta_platform_integration": {"type": "Trino"}},
        "lost": {"immuta_platform_integration": {"type": "Trino"}, "immuta_url": "http://127.0.0.1:9", "immuta_retries": 0},
    }
    inventory = {"immuta_platforms": {"vars": {"immuta_url": tenant.url, "immuta_api_key": tenant.api_key}, "hosts": hosts}}
    dest = tmp_path / "reports" / "today"
    before = len(tenant.writes())
    runs = [run_playbook("community.immuta.report", inventory, tmp_path, *flags, extra={"immuta_report_dest": str(dest)}) for flags in (("--check",), (), ())]
    assert [run.rc for run in runs] == [0, 0, 0], runs[-1].output
    assert [run.changed("sick") for run in runs] == [1, 1, 0]
    assert len(tenant.writes()) == before and not list(tmp_path.rglob("evil"))
    document = json.loads((dest / "report.json").read_text(encoding="utf-8"))
    states = {platform["name"]: platform["states"] for platform in document["platforms"]}
    assert states == {"lost": ["failed"], "sick": ["unhealthy", "drifted"], "new": ["drifted"]}
    platform = next(each for each in document["platforms"] if each["name"] == "sick")
    assert {"field": "config.warehouse", "before": "OLD", "after": "NEW", "secret": False} in platform["changes"]
    assert any(EVIL in test for test in platform["failed_tests"])
    assert [(stray["kind"], EVIL in stray["key"]) for stray in document["unmanaged"]] == [("integration", True)]
    assert {each["tenant"]: bool(each["errors"]) for each in document["tenants"]} == {"127.0.0.1": True}
    page = (dest / "report.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and page.count("<script>") == 1
    assert ET.parse(dest / "junit.xml").getroot().get("failures") == "3"
    assert not traces([SECRET, tenant.api_key], page, (dest / "report.json").read_text(encoding="utf-8"), *(run.output for run in runs))
