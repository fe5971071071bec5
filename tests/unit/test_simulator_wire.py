# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator's other side: access, faults, the log, the process, the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from simulator import Simulator, SimulatorError
from simulator.settings import SWITCHES

TESTS = Path(__file__).resolve().parents[1]
TRINO = {"type": "Trino"}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(api_key="the-key", trino_key="absent") as running:
        yield running


@pytest.fixture
def session(tenant: Simulator) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = tenant.api_key
        yield session


def bearer(tenant: Simulator) -> str:
    answer = tenant.call("POST", "/bim/apikey/authenticate", {"apikey": tenant.api_key}, authorization="").json()
    assert answer["authenticated"] is True
    return f"Bearer {answer['token']}"


# -- access -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("authorization", ["", "wrong", "Bearer wrong", "Bearer the-key", "Basic the-key"])
def test_other_credentials_are_401(tenant: Simulator, authorization: str) -> None:
    reply = tenant.call("POST", "/integrations", TRINO, authorization=authorization)
    assert (reply.status, reply.json()["error"]) == (401, "Unauthorized")
    assert tenant.integrations() == []


def test_key_is_exchanged_for_a_token(tenant: Simulator) -> None:
    assert tenant.call("GET", "/integrations", authorization=bearer(tenant)).status == 200
    assert [entry["auth"] for entry in tenant.requests()] == ["none", "bearer"]


def test_key_is_exchanged_in_a_form_as_older_clients_do(tenant: Simulator) -> None:
    answer = requests.post(f"{tenant.url}/bim/apikey/authenticate", data={"apikey": "the-key"}, timeout=10)
    assert answer.json()["authenticated"] is True


def test_token_expires_after_its_requests(tenant: Simulator) -> None:
    tenant.settings(token_requests=2)
    token = bearer(tenant)
    assert [tenant.call("GET", "/integrations", authorization=token).status for _unused in range(4)] == [200, 200, 401, 401]
    assert tenant.call("GET", "/integrations", authorization=bearer(tenant)).status == 200


@pytest.mark.parametrize("status", [401, 200])
def test_wrong_key_is_not_exchanged(tenant: Simulator, status: int) -> None:
    tenant.settings(refused_key=status)
    reply = tenant.call("POST", "/bim/apikey/authenticate", {"apikey": "wrong"})
    assert reply.status == status
    assert "token" not in reply.json()


def test_key_as_bearer_when_the_switch_says_so(tenant: Simulator) -> None:
    tenant.settings(key_as_bearer=True)
    assert tenant.call("GET", "/integrations", authorization="Bearer the-key").status == 200


def test_without_the_permission_integrations_are_403(tenant: Simulator) -> None:
    tenant.settings(application_admin=False)
    reply = tenant.call("GET", "/integrations")
    assert reply.status == 403
    assert "APPLICATION_ADMIN" in reply.json()["message"]


# -- writes -----------------------------------------------------------------------------------------------------------

MANUAL = {
    "type": "Redshift",
    "autoBootstrap": False,
    "config": {"host": "h", "database": "d", "initialDatabase": "i", "authenticationType": "userPassword", "username": "u", "password": "p"},
}
READS = [
    ("GET", "/integrations", None),
    ("GET", "/integrations/1", None),
    ("GET", "/integrations/1/status", None),
    ("POST", "/integrations?dryRun=true", {**MANUAL, "config": {**MANUAL["config"], "host": "other"}}),
    ("PUT", "/integrations/1?dryRun=true", MANUAL),
    ("DELETE", "/integrations/1?dryRun=true", None),
    ("POST", "/integrations/scripts/initial-create", MANUAL),
    ("POST", "/integrations/scripts/create", MANUAL),
    ("POST", "/integrations/scripts/cleanup", MANUAL),
    ("POST", "/integrations/1/scripts/edit", MANUAL),
    ("POST", "/integrations/1/scripts/delete", None),
    ("POST", "/bim/apikey/authenticate", {"apikey": "the-key"}),
    ("POST", "/data/object/search", {}),
]
WRITES = [
    ("POST", "/integrations", TRINO),
    ("POST", "/integrations?dryRun=false", TRINO),
    ("PUT", "/integrations/1", MANUAL),
    ("DELETE", "/integrations/1", None),
    ("DELETE", "/integrations/1?forceDisable=true", None),
    ("POST", "/integrations/1/regenerate", None),
]


@pytest.mark.parametrize(("method", "path", "body"), READS)
def test_what_changes_nothing_is_no_write_and_passes(tenant: Simulator, method: str, path: str, body: Any) -> None:
    tenant.settings(refuse_writes=True, data_api="on")
    tenant.seed(MANUAL)
    reply = tenant.call(method, path, body)
    assert reply.status == 200, reply.text
    assert tenant.writes() == []


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_writes_are_refused_and_marked(tenant: Simulator, method: str, path: str, body: Any) -> None:
    tenant.seed(MANUAL)
    before = tenant.integrations()
    tenant.settings(refuse_writes=True)
    assert tenant.call(method, path, body).status == 500
    assert [entry["status"] for entry in tenant.writes()] == [500]
    assert tenant.integrations() == before


# -- the log ----------------------------------------------------------------------------------------------------------


def test_log_entry_says_everything_but_bodies(tenant: Simulator, session: requests.Session) -> None:
    before = time.time()
    session.post(f"{tenant.url}/integrations?dryRun=true", json=TRINO, headers={"User-Agent": "me/1"}, timeout=10)
    (entry,) = tenant.requests()
    connection, moment = entry.pop("connection"), entry.pop("time")
    assert entry == {
        "number": 1,
        "method": "POST",
        "path": "/integrations",
        "query": "dryRun=true",
        "status": 200,
        "write": False,
        "user_agent": "me/1",
        "auth": "key",
        "fault": None,
    }
    assert isinstance(connection, int)
    assert before <= moment <= time.time()


def test_connection_number_is_one_a_connection(tenant: Simulator, session: requests.Session) -> None:
    for _unused in range(5):
        session.get(f"{tenant.url}/integrations", timeout=10)
    with requests.Session() as other:
        other.get(f"{tenant.url}/integrations", headers={"Authorization": "the-key"}, timeout=10)
    numbers = [entry["connection"] for entry in tenant.requests()]
    assert len(set(numbers[:5])) == 1
    assert numbers[5] != numbers[0]


def test_bodies_are_kept_for_tests_and_not_in_the_file(tmp_path: Path) -> None:
    with Simulator(log_file=tmp_path / "log") as tenant:
        tenant.call("POST", "/integrations", {**MANUAL, "config": {**MANUAL["config"], "password": "s3cret-in-clear"}})
        assert "s3cret-in-clear" in tenant.bodies()[0]["sent"]
        assert json.loads(tenant.bodies()[0]["received"])["id"] == "1"
        (line,) = (tmp_path / "log").read_text().splitlines()
        assert json.loads(line) == tenant.requests()[0]
        assert "s3cret" not in line
        assert tenant.api_key not in line
        tenant.clear_log()
        assert (tenant.requests(), tenant.bodies()) == ([], [])


# -- faults -----------------------------------------------------------------------------------------------------------


def test_fault_answers_the_next_matching_requests_only(tenant: Simulator, session: requests.Session) -> None:
    tenant.fault(method="GET", path="/integrations$", times=2, status=429, headers={"Retry-After": "1"}, body='{"statusCode": 429}')
    assert tenant.call("POST", "/integrations", TRINO).status == 200
    assert tenant.call("GET", "/integrations/1").status == 200
    answers = [session.get(f"{tenant.url}/integrations", timeout=10) for _unused in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert (answers[0].headers["Retry-After"], answers[0].json()) == ("1", {"statusCode": 429})
    assert tenant.faults() == []
    assert [entry["fault"] for entry in tenant.requests()] == [None, None, "status 429 before", "status 429 before", None]


def test_fault_can_look_at_the_query(tenant: Simulator) -> None:
    tenant.fault(path="dryRun=true", status=503)
    assert tenant.call("POST", "/integrations", TRINO).status == 200
    assert tenant.call("DELETE", "/integrations/1?dryRun=true").status == 503


def test_html_and_redirects(tenant: Simulator, session: requests.Session) -> None:
    tenant.fault(status=502, body="<html>Bad gateway</html>")
    assert session.get(f"{tenant.url}/integrations", timeout=10).headers["Content-Type"].startswith("text/html")
    tenant.fault(status=307, headers={"Location": "http://127.0.0.2:1/integrations"})
    assert session.get(f"{tenant.url}/integrations", timeout=10, allow_redirects=False).headers["Location"].startswith("http://127.0.0.2")


@pytest.mark.parametrize(("when", "stored"), [("before", 0), ("after", 1)])
def test_connection_is_reset_before_or_after_the_handler_has_acted(tenant: Simulator, session: requests.Session, when: str, stored: int) -> None:
    tenant.fault(method="POST", reset=True, when=when)
    with pytest.raises(requests.ConnectionError, match=r"reset|aborted"):
        session.post(f"{tenant.url}/integrations", json=TRINO, timeout=10)
    assert len(tenant.integrations()) == stored
    assert [(entry["status"], entry["write"]) for entry in tenant.requests()] == [(None, True)]
    assert session.get(f"{tenant.url}/integrations", timeout=10).status_code == 200


@pytest.mark.parametrize(("when", "stored"), [("before", 0), ("after", 1)])
def test_gateway_error_before_or_after_the_handler_has_acted(tenant: Simulator, when: str, stored: int) -> None:
    tenant.fault(method="POST", status=502, when=when)
    assert tenant.call("POST", "/integrations", TRINO).status == 502
    assert len(tenant.integrations()) == stored


def test_truncated_json(tenant: Simulator, session: requests.Session) -> None:
    tenant.fault(truncate=10)
    answer = session.post(f"{tenant.url}/integrations", json=TRINO, timeout=10)
    assert (answer.status_code, len(answer.text)) == (200, 10)
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()
    assert len(tenant.integrations()) == 1


def test_connection_that_ends_within_the_body(tenant: Simulator, session: requests.Session) -> None:
    tenant.fault(truncate=5, wire=True)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        session.post(f"{tenant.url}/integrations", json=TRINO, timeout=10)


def test_delayed_answer(tenant: Simulator, session: requests.Session) -> None:
    tenant.fault(delay=0.5)
    with pytest.raises(requests.Timeout):
        session.get(f"{tenant.url}/integrations", timeout=0.2)
    tenant.fault(delay=0.2)
    started = time.monotonic()
    assert session.get(f"{tenant.url}/integrations", timeout=10).status_code == 200
    assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize(("when", "stored"), [("before", 0), ("after", 1)])
def test_a_request_is_held_before_or_after_the_handler_has_acted(tenant: Simulator, when: str, stored: int) -> None:
    tenant.fault(method="POST", delay=60, when=when)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(tenant.call, "POST", "/integrations", TRINO)
        while not tenant.held():
            pass
        assert tenant.held() == [{"method": "POST", "path": "/integrations"}]
        assert len(tenant.integrations()) == stored
        tenant.release()
        assert answer.result(10).status == 200
    assert (tenant.held(), len(tenant.integrations())) == ([], 1)


def test_a_body_that_drips(tenant: Simulator, session: requests.Session) -> None:
    tenant.fault(drip=0.02)
    started = time.monotonic()
    answer = session.post(f"{tenant.url}/integrations", json=TRINO, timeout=10)
    assert answer.json()["id"] == "1"
    assert time.monotonic() - started >= 0.02 * len(answer.content)


def test_the_real_answer_under_another_label(tenant: Simulator, session: requests.Session) -> None:
    tenant.fault(headers={"Content-Type": "text/html"})
    answer = session.get(f"{tenant.url}/integrations", timeout=10)
    assert (answer.json(), answer.headers["Content-Type"]) == ([], "text/html")


def test_a_fault_that_waits_for_its_turn(tenant: Simulator) -> None:
    tenant.fault(path="/integrations$", skip=2, status=502)
    assert [tenant.call("GET", "/integrations").status for _unused in range(4)] == [200, 200, 502, 200]


def test_connections_are_refused_behind_an_answer_until_it_is_over(tenant: Simulator, session: requests.Session) -> None:
    tenant.fault(down=60)
    assert session.get(f"{tenant.url}/integrations", timeout=10).status_code == 200
    with pytest.raises(requests.ConnectionError, match="refused"):
        session.get(f"{tenant.url}/integrations", timeout=10)
    tenant.release()
    assert session.get(f"{tenant.url}/integrations", timeout=10).status_code == 200


def test_the_tenant_answers_as_a_proxy_too(tenant: Simulator, session: requests.Session) -> None:
    answer = session.get("http://tenant.example.com/integrations?x=1", proxies={"http": tenant.url}, headers={"Authorization": tenant.api_key}, timeout=10)
    assert answer.json() == []
    assert [(entry["path"], entry["query"]) for entry in tenant.requests()] == [("/integrations", "x=1")]


def test_reset_ends_what_is_under_way(tenant: Simulator, session: requests.Session) -> None:
    tenant.fault(delay=1.5)
    started = time.monotonic()
    with pytest.raises(requests.Timeout):
        session.post(f"{tenant.url}/integrations", json=TRINO, timeout=0.2)
    tenant.reset()
    assert time.monotonic() - started < 1.5
    time.sleep(started + 1.7 - time.monotonic())
    assert (tenant.integrations(), tenant.requests()) == ([], [])


@pytest.mark.parametrize("fault", [{"colour": "red"}, {"when": "later"}, {"path": "("}])
def test_bad_fault_is_refused(tenant: Simulator, fault: dict[str, Any]) -> None:
    with pytest.raises(SimulatorError, match="fault"):
        tenant.fault(**fault)
    assert tenant.faults() == []


# -- switches ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("switches", [{"no_such": 1}, {"transitions": "sometimes"}, {"refuse_writes": 1}, {"created_status": 418}, {"fails": []}])
def test_bad_switch_is_refused_whole(tenant: Simulator, switches: dict[str, Any]) -> None:
    with pytest.raises(SimulatorError, match=next(iter(switches))):
        tenant.settings(put="merge", **switches)
    assert tenant.settings()["put"] == "replace"


def test_reset_goes_back_to_the_switches_it_was_made_with(tenant: Simulator) -> None:
    tenant.settings(trino_key="key", put="merge")
    tenant.call("POST", "/integrations", TRINO)
    tenant.fault(status=500)
    tenant.reset()
    assert (tenant.settings()["trino_key"], tenant.settings()["put"]) == ("absent", "replace")
    assert (tenant.integrations(), tenant.requests(), tenant.faults()) == ([], [], [])


def test_every_switch_is_in_the_readme_with_its_default() -> None:
    text = (TESTS / "simulator" / "README.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    documented = {row.split("`")[1]: row for row in rows}
    for name, switch in SWITCHES.items():
        default = json.dumps(switch.default).strip('"')
        assert f"`{default}`" in documented[name].split("|")[2], name
        assert switch.doc.split(":")[0].split(";")[0].strip() in documented[name], name


# -- the process ------------------------------------------------------------------------------------------------------


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while not gone(pid):
        assert time.monotonic() < deadline, "the simulator is still there"
        time.sleep(0.05)


def test_simulator_ends_with_its_parent_even_if_that_is_killed() -> None:
    code = "import sys, time; from simulator import Simulator; s = Simulator(); s.__enter__(); print(s.pid, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(TESTS)}) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not gone(pid)
        parent.send_signal(signal.SIGKILL)
    wait_until_gone(pid)


def test_simulator_ends_with_its_context() -> None:
    with Simulator() as tenant, requests.Session() as session:
        session.get(f"{tenant.url}/integrations", timeout=10)  # a connection that stays open
        assert tenant.pid
        pid, leaving = tenant.pid, time.monotonic()
    assert time.monotonic() - leaving < 5
    assert gone(pid)


def test_bad_switch_at_the_start_is_an_error() -> None:
    with pytest.raises(SimulatorError, match="ended at once"), Simulator(no_such=True):
        pass


def test_command_line(tmp_path: Path) -> None:
    (tmp_path / "warehouses").write_text("[]")
    (tmp_path / "settings").write_text('{"put": "merge"}')
    ready = tmp_path / "ready"
    command = [sys.executable, "-m", "simulator", "--port", "0", "--api-key", "mine", "--ready-file", str(ready)]
    command += ["--warehouses", str(tmp_path / "warehouses"), "--settings", str(tmp_path / "settings")]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(TESTS)}) as process:
        deadline = time.monotonic() + 20
        while not ready.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        facts = json.loads(ready.read_text())
        assert (facts["api_key"], facts["pid"]) == ("mine", process.pid)
        assert ready.stat().st_mode & 0o777 == 0o600
        attached = Simulator.attach(ready)
        assert attached.pid == process.pid
        assert attached.call("GET", "/integrations").json() == []
        assert attached.settings()["put"] == "merge"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
