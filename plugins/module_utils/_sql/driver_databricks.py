# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databricks, by its SQL Statement Execution API: every statement is a request of its own, with a session of its own.

Source: Databricks REST API reference, "Statement Execution"; Databricks documentation, "Authorize service principal access to
Databricks with OAuth" (OAuth M2M).

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from .._core.change import user_agent
from .._core.errors import AnswerLost, ApiError, ConnectionFailed, ImmutaError, OptionError, SqlError, WaitTimeout
from .._core.names import count
from .._core.waiting import Clock, wait_until
from .._http.session import Auth, HeaderAuth, Session, Transport, path_of
from . import driver_base as common
from .driver_base import Answered, BaseDriver, Executed
from .tokenizer import Token, significant_tokens

STATEMENTS = path_of("api", "2.0", "sql", "statements")
TOKEN = path_of("oidc", "v1", "token")
# A request waits this long for its statement, if the statement may take as long (the API allows 0, and 5 to 50 seconds).
WAIT, SHORTEST_WAIT = 10, 5
# From then on it is asked about, for a start after this many seconds.
INTERVAL = 0.5
OVER = frozenset({"SUCCEEDED", "FAILED", "CANCELED", "CLOSED"})
# A query tag may be this long (Databricks documentation, "Query tags").
LONGEST_TAG = 128
# An OAuth token this close to its end is no longer used. Seconds.
MARGIN = 60
# How long a token lasts whose answer does not say so. Seconds.
HOUR = 3600
# What these change ends with their own request.
_SESSION_ONLY = frozenset({"SET", "RESET", "DECLARE"})
# What USE may name, beside a bare schema.
_PLACES = ("CATALOG", "SCHEMA", "DATABASE", "NAMESPACE")


class ClientCredentials:
    """OAuth machine-to-machine: a token for a service principal's secret, made new before it ends and when it is refused."""

    def __init__(self, transport: Transport, client_id: str, client_secret: str, *, user_agent: str, clock: Clock) -> None:
        pair = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self._asking = Session(transport, HeaderAuth(f"Basic {pair}"), user_agent=user_agent, clock=clock, secrets={pair, client_secret})
        self._clock = clock
        self._token = ""
        self._until = 0.0

    def header(self, session: Session) -> dict[str, str]:
        if self._clock.monotonic() >= self._until:
            self.renew(session)
        return {"Authorization": f"Bearer {self._token}"}

    def renew(self, session: Session) -> bool:
        answer = self._asking.request("POST", TOKEN, form={"grant_type": "client_credentials", "scope": "all-apis"}, safe=True)
        found = answer.json()
        token = found.get("access_token") if isinstance(found, dict) else None
        if not isinstance(token, str) or not token:
            raise answer.bad("there is no token in it")
        session.secrets.add(token)
        self._token = token
        lasts = found.get("expires_in")
        self._until = self._clock.monotonic() + max((lasts if isinstance(lasts, (int, float)) else HOUR) - MARGIN, MARGIN)
        return True


class Ended(Exception):
    """A statement that did not succeed. status: what the API says of it."""

    def __init__(self, status: Mapping[str, Any], query_id: str | None) -> None:
        super().__init__(str(status.get("state")))
        self.status = status
        self.query_id = query_id


class DatabricksDriver(BaseDriver):
    """Databricks SQL warehouses, with a personal access token or OAuth M2M."""

    platform = "Databricks"
    library = "requests"
    # Beside these, `extra` takes further fields of the request that executes a statement.
    arguments: ClassVar[Mapping[str, str]] = {"database": "catalog", "warehouse": "warehouse_id"}
    own = BaseDriver.own | {"host", "port", "http_path", "token", "client_id", "client_secret"}
    clock = Clock()

    def check(self) -> None:
        self._need("host")
        self._need("http_path", "warehouse")
        self._need("token", "client_id")
        if "token" not in self.login:
            self._need("client_secret")
        self._host = re.sub(r"^https?://|\.?(/.*)?$", "", str(self.login["host"]).lower())
        if not re.fullmatch(r"[\w.-]+", self._host):
            raise OptionError("login.host has to be the host name of the workspace.", option="login.host")
        self._warehouse = str(self.login.get("warehouse") or self._warehouse_of(str(self.login["http_path"])))

    @staticmethod
    def _warehouse_of(http_path: str) -> str:
        found = re.fullmatch(r"/?sql/1\.0/(?:warehouses|endpoints)/([\w-]+)/?", http_path.strip())
        if not found:
            raise OptionError(
                "login.http_path is not that of a SQL warehouse, and only there statements can be run.",
                hint="Set login.warehouse to the ID of a SQL warehouse, or login.http_path to its path, /sql/1.0/warehouses/ID.",
                option="login.http_path",
            )
        return found[1]

    def address(self) -> str:
        return "/".join(filter(None, (self._host, self.login.get("database"))))

    def load(self) -> None:
        """The session imports what it needs itself."""

    def open(self, library: Any) -> None:
        """There is no connection: what shows that the login is good is that the warehouse takes a statement. It also wakes it up."""
        self._place: dict[str, Any] = {"catalog": self.login.get("database"), "schema": None}
        self._told: set[str] = set()
        scheme = "https" if self.login.get("ssl", True) else "http"
        port = f":{self.login['port']}" if "port" in self.login else ""
        transport = Transport(
            base_url=f"{scheme}://{self._host}{port}",
            ca_path=self.login.get("ca_path"),
            timeout=(self.connect_timeout or common.LONGEST) + WAIT,
        )
        agent = user_agent("community.immuta", self.reference)
        auth: Auth = HeaderAuth(f"Bearer {self.login.get('token')}")
        if "token" not in self.login:
            client = (str(self.login["client_id"]), str(self.login["client_secret"]))
            auth = ClientCredentials(transport, *client, user_agent=agent, clock=self.clock)
        self._session = Session(transport, auth, user_agent=agent, clock=self.clock, warn=self._warn, secrets=set(self._secrets))
        self._send("SELECT 1", wait_timeout="0s")

    def execute(self, text: str) -> Executed:
        place = self._place_after(text)
        with self._guarded(text):
            done = self._run(text)
        self._place = place
        self._names += filter(None, place.values())
        return Executed(_rows(done), done.get("statement_id"))

    def query(self, text: str) -> tuple[Any, ...] | None:
        with self._guarded(text):
            done = self._run(text, row_limit=1)
            if done["status"]["state"] == "CLOSED":
                raise AnswerLost("its result is not kept any more")
        return _first_row(done)

    # --- a statement on its way ---

    def _run(self, text: str, **options: Any) -> dict[str, Any]:
        """Send a statement and wait until it is over. Ended unless it succeeded."""
        started = self.clock.monotonic()
        limit = self.statement_timeout or common.LONGEST
        patience = min(limit, WAIT) if limit >= SHORTEST_WAIT else 0
        sent = self._send(text, wait_timeout=f"{patience}s", on_wait_timeout="CONTINUE", **options)
        left = limit - (self.clock.monotonic() - started)
        done = sent if _is_over(sent) else self._wait(sent, left)
        status = done["status"]
        if status["state"] not in ("SUCCEEDED", "CLOSED"):
            raise Ended(status, done.get("statement_id"))
        return done

    def _send(self, text: str, **options: Any) -> dict[str, Any]:
        """One statement on its way; what the API says of it. AnswerLost when it says nothing that can be read."""
        tags = {"query_tags": [{"key": "change_reference", "value": self.reference[:LONGEST_TAG]}]} if self.reference else {}
        body = {**tags, **self._library_arguments(), **self._place, "warehouse_id": self._warehouse, "statement": text, **options}
        answer = self._session.request("POST", STATEMENTS, json={name: value for name, value in body.items() if value is not None})
        try:
            found = answer.json()
        except ImmutaError as error:
            raise AnswerLost(error.message) from None
        if not isinstance(found, dict) or not found.get("statement_id") or not _object(found.get("status")).get("state"):
            raise AnswerLost(answer.bad("there is no statement in it").message)
        return found

    def _wait(self, sent: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Ask until it is over; after so many seconds have it cancelled, and see what came of that."""
        path = f"{STATEMENTS}{path_of(sent['statement_id'])}"

        def look() -> dict[str, Any]:
            found: dict[str, Any] = self._session.request("GET", path).json()
            return found

        def wait(timeout: float) -> dict[str, Any]:
            return wait_until(look, _is_over, timeout=timeout, interval=INTERVAL, clock=self.clock, describe=lambda seen: str(seen["status"]["state"]))

        try:
            return wait(seconds)
        except WaitTimeout:
            return self._cancelled(path, wait)
        except (ImmutaError, KeyError, TypeError) as error:
            raise AnswerLost(error.message if isinstance(error, ImmutaError) else "an answer that cannot be read") from None

    def _cancelled(self, path: str, wait: Any) -> dict[str, Any]:
        """Have it cancelled. It may have ended all the same, just before: what it says last counts."""
        try:
            self._session.request("POST", f"{path}/cancel", safe=True)
            done: dict[str, Any] = wait(common.GRACE)
        except ImmutaError as error:
            raise AnswerLost(f"it was not over after {count(self.statement_timeout, 'second')}, and could not be cancelled: {error.message}") from None
        if done["status"]["state"] == "CANCELED":
            text = f"It was cancelled, as it was not over after {count(self.statement_timeout, 'second')} (statement_timeout)."
            done["status"] = {"state": "CANCELED", "error": {"error_code": "CANCELED", "message": text}}
        return done

    # --- what has to be carried from one request to the next ---

    def _place_after(self, text: str) -> dict[str, Any]:
        """USE and SET CATALOG hold for what comes behind them in the script: later requests name the place themselves."""
        tokens = significant_tokens(text, self.dialect)
        keys = [token.key for token in tokens]
        if keys[:1] == ["USE"] or keys[:2] == ["SET", "CATALOG"]:
            return self._place_named(tokens[1:])
        if keys[0] in _SESSION_ONLY - self._told:
            self._told.add(keys[0])
            self._warn(f"{keys[0]} holds for its own statement only: on Databricks every statement of a script has a session of its own.")
        return self._place

    def _place_named(self, tokens: list[Token]) -> dict[str, Any]:
        """The place that USE names. Raises SqlError for a form that names none in so many words."""
        kind, words = (tokens[0].key, tokens[1:]) if tokens and tokens[0].key in _PLACES else ("SCHEMA", tokens)
        names = [_unquoted(token) for token in words[::2]]
        if not names or len(names) > 2 or any(token.key != "." for token in words[1::2]):
            raise SqlError("USE in this form cannot be carried on to the next statement, which has a session of its own. It was not sent.", code=None)
        return {"catalog": names[0], "schema": None} if kind == "CATALOG" else {**self._place, **dict(zip(("schema", "catalog"), names[::-1]))}

    # --- what the platform says ---

    def answer(self, error: Exception) -> Answered | None:
        if isinstance(error, Ended):
            return _answered(error.status, error.query_id)
        if isinstance(error, ApiError):
            body = error.facts.get("api_error")
            code = str(body["error_code"]) if isinstance(body, dict) and body.get("error_code") else str(error.status)
            return Answered(error.server_message or error.message, code, None)
        if isinstance(error, ConnectionFailed) and not isinstance(error, AnswerLost):
            return Answered(error.message, None, None)  # it was never sent
        return None


def _unquoted(token: Token) -> str:
    return token.text[1:-1].replace("``", "`") if token.kind in ("name", "string") else token.text


def _is_over(found: dict[str, Any]) -> bool:
    return found["status"]["state"] in OVER


def _rows(done: Mapping[str, Any]) -> int | None:
    """How many rows a statement gave, or changed: then that is what its only row says."""
    manifest = _object(done.get("manifest"))
    columns = _list(_object(manifest.get("schema")).get("columns"))
    total = manifest.get("total_row_count")
    if columns and _object(columns[0]).get("name") == "num_affected_rows":
        row = _first_row(done)
        total = row[0] if row else None
    return int(total) if isinstance(total, (int, str)) and re.fullmatch(r"\d{1,18}", str(total)) else None


def _first_row(done: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """The first row of a result; None when it has none, or none that can be read."""
    rows = _list(_object(done.get("result")).get("data_array"))
    return tuple(_list(rows[0])) or None if rows else None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _line(found: re.Match[str] | None) -> int | None:
    return int(found[1] or found[2]) if found else None


def _without_trace(message: str) -> str:
    return re.split(r"\n\s*== SQL|\n\s*at [\w.$/]+\(|JVM stacktrace:", message)[0].strip()


def _answered(status: Mapping[str, Any], query_id: str | None) -> Answered:
    """The platform's own error condition and text, out of the status of a statement.

    C([CONDITION] text SQLSTATE: 42601 (line 2, pos 0) == SQL == …), C([CONDITION] text SQLSTATE: 42P01; line 2 pos 0; plan), or
    C([RequestId=… ErrorClass=CONDITION] text).
    """
    error = _object(status.get("error"))
    message = _without_trace(str(error.get("message") or f"it ended {status.get('state')}"))
    head = re.match(r"(?:[\w.$]+(?:Exception|Error): )?\[(?:RequestId=\S+ ErrorClass=)?([A-Z][\w.]*)\]\s*", message)
    state = re.search(r"\s*SQLSTATE: (\w{5})", message)
    line = re.search(r"\(line (\d+), pos \d+\)|; line (\d+) pos \d+(?:;.*)?$", message, re.DOTALL)
    text = (message[: line.start()] if line else message)[head.end() if head else 0 :]
    text = re.sub(r"\s*SQLSTATE: \w{5}\.?", "", text)
    code = head[1] if head else error.get("error_code") or status.get("state")
    return Answered(text, code, status.get("sql_state") or (state[1] if state else None), line=_line(line), query_id=query_id)
