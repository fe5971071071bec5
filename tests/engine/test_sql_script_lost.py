# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection that breaks while a statement is on its way: a relay between the real driver and the real engine cuts it."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import ScriptRefused, StatementFailed
from ansible_collections.community.immuta.plugins.module_utils._sql import driver_base
from ansible_collections.community.immuta.plugins.module_utils._sql.driver_snowflake import SnowflakeDriver
from ansible_collections.community.immuta.plugins.module_utils._sql.runner import run_script
from engines import Engine, RedshiftEngine, SnowflakeEngine

# What every statement on its way to Snowflake holds; the statement itself is compressed.
STATEMENT = b"/queries/v1/query-request"


class Relay:
    """Passes bytes both ways. Once it has seen its mark so many times it is down: it cuts every connection, until somebody mends it."""

    def __init__(self, engine: Engine) -> None:
        self.upstream = (engine.host, engine.port)
        self.mark, self.times = b"", 0
        self.down = self.ended = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.partners: dict[socket.socket, socket.socket] = {}
        self.ways = selectors.DefaultSelector()
        self.ways.register(self.listener, selectors.EVENT_READ)

    def break_at(self, mark: bytes, times: int = 1) -> None:
        self.mark, self.times = mark, times

    def mend(self) -> None:
        self.down = False

    def serve(self) -> None:
        while not self.ended:
            for key, _events in self.ways.select(timeout=0.05):
                if key.fileobj is self.listener:
                    self.join(self.listener.accept()[0])
                elif isinstance(key.fileobj, socket.socket) and key.fileobj in self.partners:
                    self.pass_on(key.fileobj)
            if self.down:
                self.cut(*self.partners)
        self.cut(*self.partners)
        self.listener.close()

    def join(self, client: socket.socket) -> None:
        server = socket.create_connection(self.upstream)
        for source, target in ((client, server), (server, client)):
            self.partners[source] = target
            self.ways.register(source, selectors.EVENT_READ)

    def pass_on(self, source: socket.socket) -> None:
        target = self.partners[source]
        try:
            data = source.recv(65536)
            self.times -= bool(self.mark) and self.mark in data
            if self.mark and self.times == 0:
                self.mark, self.down = b"", True
            elif data:
                target.sendall(data)
        except OSError:
            data = b""
        if not data:
            self.cut(source, target)

    def cut(self, *ends: socket.socket) -> None:
        for end in ends:
            if self.partners.pop(end, None):
                self.ways.unregister(end)
                end.close()


@contextmanager
def relay(engine: Engine) -> Iterator[tuple[Relay, dict[str, Any]]]:
    """A relay, and the login that leads through it."""
    between = Relay(engine)
    thread = threading.Thread(target=between.serve)
    thread.start()
    try:
        yield between, {**engine.login, "host": "127.0.0.1", "port": between.listener.getsockname()[1]}
    finally:
        between.ended = True
        thread.join()


class Task:
    check_mode = False

    def __init__(self, **params: Any) -> None:
        self.params = {"purpose": "setup", "start_at": 1, "on_error": "stop", "connect_timeout": 10, "statement_timeout": 60, **params}

    def warn(self, text: str) -> None:
        assert "not encrypted" in text

    def register_secrets(self, *values: str) -> None:
        pass


def statuses(result: dict[str, Any]) -> list[str]:
    return [each["status"] for each in result["statements"]]


def broken(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    with pytest.raises(StatementFailed) as caught:
        run()
    return caught.value.as_fail_json()


def test_a_statement_whose_answer_is_lost_runs_again_only_by_a_persons_word(redshift: RedshiftEngine, new: str, tmp_path: Path) -> None:
    script = f"CREATE SCHEMA {new}_a; CREATE GROUP {new}_b; CREATE SCHEMA {new}_c"
    with relay(redshift) as (between, login):
        params = {"type": "Redshift", "script": script, "ledger": str(tmp_path / "ledger"), "login": login}
        between.break_at(b"CREATE ROLE\0")  # what the server answers to CREATE GROUP
        lost = broken(lambda: run_script(Task(**params)))
        assert (statuses(lost), lost["executed"]) == (["ok", "unknown", "pending"], 1)
        assert "its answer never came, so it is not known whether it ran" in lost["msg"]
        assert "start_at: 3 if it ran, or 2 if it did not" in lost["msg"]
        # It did run: that is why nobody may simply send it again.
        assert f"{new}_b" in redshift.catalog()["roles"]

        between.mend()
        with pytest.raises(ScriptRefused, match="was sent in an earlier run"):
            run_script(Task(**params))
        assert f"{new}_c" not in redshift.catalog()["databases"]["dev"]["schemas"]
        assert statuses(run_script(Task(**params, start_at=3))) == ["skipped", "skipped", "ok"]
        assert run_script(Task(**params))["changed"] is False
    assert {f"{new}_a", f"{new}_c"} <= set(redshift.catalog()["databases"]["dev"]["schemas"])


def test_a_connection_cut_before_the_statement_arrives_is_as_unknown(redshift: RedshiftEngine, new: str) -> None:
    with relay(redshift) as (between, login):
        between.break_at(b"CREATE GROUP")  # in what the client sends
        lost = broken(lambda: run_script(Task(type="Redshift", script=f"SELECT 1; CREATE GROUP {new}", login=login)))
    assert statuses(lost) == ["ok", "unknown"]
    assert new not in redshift.catalog()["roles"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # the connector's own, cancelling in vain
def test_snowflake_gives_up_a_lost_connection_instead_of_hanging(snowflake: SnowflakeEngine, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SnowflakeDriver, "RETRY_SECONDS", 1)
    monkeypatch.setattr(driver_base, "GRACE_SECONDS", 2)
    with relay(snowflake) as (between, login):
        between.break_at(STATEMENT, times=2)
        script = f"CREATE DATABASE {new};\nCREATE ROLE {new}_r;\nCREATE ROLE {new}_s"
        lost = broken(lambda: run_script(Task(type="Snowflake", script=script, login=login, statement_timeout=1)))
    assert statuses(lost) == ["ok", "unknown", "pending"]
    assert lost["failed_statement"]["seconds"] < 30
    assert new.upper() in snowflake.catalog()["databases"]


def test_snowflake_repeats_a_statement_that_it_can_recognise(snowflake: SnowflakeEngine, new: str) -> None:
    """A short break is the connector's own business: it sends the same request again, under the same number."""
    with relay(snowflake) as (between, login):
        between.break_at(STATEMENT, times=2)
        repair = threading.Timer(2, between.mend)
        repair.start()
        ran = run_script(Task(type="Snowflake", script=f"CREATE DATABASE {new};\nCREATE ROLE {new}_r", login=login))
        repair.join()
        assert ran["statements"][1]["seconds"] > 1  # it did break
    assert statuses(ran) == ["ok", "ok"]
    assert f"{new}_r".upper() in snowflake.catalog()["roles"]
