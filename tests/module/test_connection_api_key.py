# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module immuta_connection_api_key: the key of a Trino connection goes to a private file, and to nowhere else."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from immuta_simulator import Simulator
from support.leaks import traces
from support.tasks import Play

MODULE = "community.immuta.immuta_connection_api_key"
ASK = "POST /apikey/system"


@pytest.fixture
def tenant(tenant: Simulator) -> Simulator:
    tenant.settings(data_api="on", unknown_technology=400)
    tenant.connections([{"connectionKey": key, "connection": {"technology": "Trino"}} for key in ("prod", "test")])
    return tenant


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "key"


def fetch(to: Path, task: str = "fetch", **options: Any) -> dict[str, Any]:
    return {"name": task, MODULE: {"connection_key": "prod", "name": "cluster", "dest": str(to), **options}}


def asked(tenant: Simulator) -> list[dict[str, Any]]:
    return [json.loads(each["sent"]) for each in tenant.bodies() if f"{each['method']} {each['path']}" == ASK]


def test_the_key_is_fetched_once_and_made_anew_when_asked(direct: Callable[..., Play], tenant: Simulator, dest: Path) -> None:
    lost = dest.with_name("lost")
    played = direct([fetch(dest), fetch(dest, "again"), fetch(lost, "another file"), fetch(dest, "anew", regenerate=True)], verbosity=4, diff=True).ok
    assert [record["changed"] for record in played] == [True, False, True, True]
    assert [body["regenerate"] for body in asked(tenant)] == [False, False, True]
    assert {(body["name"], body["connectionKey"], *body["scopes"]) for body in asked(tenant)} == {("cluster", "prod", "plugin:trino")}
    first, second = lost.read_text(encoding="utf-8").strip(), dest.read_text(encoding="utf-8").strip()
    assert tenant.keys()["system"] == {"cluster": second} != {"cluster": first}
    assert stat.S_IMODE(dest.stat().st_mode) == 0o600
    assert ["Stop the cluster beforehand" in "".join(record.warnings) for record in played] == [False, False, False, True]
    assert not traces([first, second], played.output, [dict(record.result) for record in played])


def test_a_check_run_looks_at_the_connection_and_asks_for_no_key(direct: Callable[..., Play], tenant: Simulator, dest: Path) -> None:
    played = direct([fetch(dest), fetch(dest, "anew", regenerate=True)], check=True).ok
    assert [record["changed"] for record in played] == [True, True]
    assert "Stop the cluster beforehand" in "".join(played["anew"].warnings)
    assert not dest.exists()
    assert tenant.writes() == []
    gone = direct([fetch(dest, connection_key="gone")], check=True)
    assert gone["fetch"].failed
    assert "There is no connection gone" in gone["fetch"]["msg"]


@pytest.mark.parametrize("form", ["apiKey", "nested", "text"])
def test_the_key_is_found_where_an_answer_holds_it(direct: Callable[..., Play], tenant: Simulator, dest: Path, form: str) -> None:
    tenant.settings(key_form=form)
    assert direct([fetch(dest)]).ok["fetch"]["changed"]
    assert dest.read_text(encoding="utf-8").strip() == tenant.keys()["system"]["cluster"]


LOST = {"lost": {"reset": True}, "cut": {"truncate": 20}, "empty": {"status": 200, "body": "{}"}, "page": {"status": 200, "body": "<html></html>"}}


@pytest.mark.parametrize("anew", [True, False])
@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
def test_a_key_whose_answer_is_lost_is_asked_for_again(direct: Callable[..., Play], tenant: Simulator, dest: Path, fault: dict[str, Any], anew: bool) -> None:
    assert direct([fetch(dest)]).ok
    old = dest.read_text(encoding="utf-8")
    if not anew:
        dest.unlink()
    tenant.clear_log()
    tenant.fault(method="POST", path="/apikey/system$", when="after", **fault)
    record = direct([fetch(dest, regenerate=anew)]).ok["fetch"]
    assert [body["regenerate"] for body in asked(tenant)] == [anew, False]
    assert record["changed"]
    assert (dest.read_text(encoding="utf-8") != old) is anew
    assert dest.read_text(encoding="utf-8").strip() == tenant.keys()["system"]["cluster"]
    assert any("whether or not it is a new one" in text for text in record.warnings)


def test_a_request_that_got_lost_on_its_way_has_made_no_new_key(direct: Callable[..., Play], tenant: Simulator, dest: Path) -> None:
    assert direct([fetch(dest)]).ok
    tenant.fault(method="POST", path="/apikey/system$", when="before", status=500)
    record = direct([fetch(dest, regenerate=True)])["fetch"]
    assert record.failed
    assert f"The key in {dest} is still valid. Run the task again." in record["msg"]
    assert dest.read_text(encoding="utf-8").strip() == tenant.keys()["system"]["cluster"]


REFUSALS = {
    "a name that is taken": ({"connection_key": "test"}, {}, "a name that a key of another connection"),
    "another scope": ({"name": "other", "scopes": ["plugin:spark"]}, {}, "an unknown scope or connection"),
    "no scope": ({"scopes": []}, {}, "scopes is empty"),
    "no such connection": ({"connection_key": "gone"}, {}, "There is no connection gone"),
    "a tenant without": ({"name": "other"}, {"system_keys": "404"}, "may not support keys for connections"),
    "no permission": ({"name": "other"}, {"system_keys": "403"}, "APPLICATION_ADMIN"),
    "no key in the answer": ({"name": "other"}, {"key_form": "absent"}, "The key is not lost."),
    "a folder that is not there": ({"dest": "/nowhere/key"}, {}, "cannot be written"),
}


@pytest.mark.parametrize(("options", "switches", "words"), REFUSALS.values(), ids=REFUSALS)
def test_what_cannot_be_says_why(direct: Callable[..., Play], tenant: Simulator, dest: Path, options: Any, switches: Any, words: str) -> None:
    assert direct([fetch(dest.with_name("first"))]).ok
    tenant.settings(**switches)
    record = direct([fetch(dest, **options)])["fetch"]
    assert record.failed
    assert words in record["msg"]
    assert not dest.exists()


def test_a_connection_of_something_else_is_warned_of(direct: Callable[..., Play], tenant: Simulator, dest: Path) -> None:
    tenant.connections([{"connectionKey": "prod", "connection": {"technology": "Oracle"}}])
    assert "uses the technology Oracle" in "".join(direct([fetch(dest)]).ok["fetch"].warnings)
