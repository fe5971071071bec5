# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver for Databricks, on its SQL Statement Execution API. Every statement is a separate request with a separate session.

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
from . import driver_base
from .driver_base import BaseDriver, ReportedError, StatementResult
from .tokenizer import Token, significant_tokens

STATEMENTS_PATH = path_of("api", "2.0", "sql", "statements")
TOKEN_PATH = path_of("oidc", "v1", "token")
# A request waits this many seconds for its statement, unless the statement must finish sooner (the API allows 0, and 5 to 50 seconds).
REQUEST_WAIT, MIN_REQUEST_WAIT = 10, 5
# Then the driver polls, for the first time after this many seconds.
POLL_INTERVAL = 0.5
END_STATES = frozenset({"SUCCEEDED", "FAILED", "CANCELED", "CLOSED"})
# A query tag may have this many characters (Databricks documentation, "Query tags").
MAX_TAG_LENGTH = 128
# An OAuth token is renewed this many seconds before it expires.
TOKEN_MARGIN = 60
# The lifetime of a token in seconds, if the answer does not say it
DEFAULT_TOKEN_LIFETIME = 3600
# These statements change only their own session, which ends with their request.
_SESSION_ONLY = frozenset({"SET", "RESET", "DECLARE"})
# The kinds that USE may name. Without a kind, it names a schema.
_USE_KINDS = ("CATALOG", "SCHEMA", "DATABASE", "NAMESPACE")


class ClientCredentials:
    """OAuth machine-to-machine: gets a token with a service principal's secret, and renews it before it expires or when it is rejected."""

    def __init__(self, transport: Transport, client_id: str, client_secret: str, *, user_agent: str, clock: Clock) -> None:
        pair = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self._token_session = Session(transport, HeaderAuth(f"Basic {pair}"), user_agent=user_agent, clock=clock, secrets={pair, client_secret})
        self._clock = clock
        self._token = ""
        self._expires_at = 0.0

    def header(self, session: Session) -> dict[str, str]:
        if self._clock.monotonic() >= self._expires_at:
            self.renew(session)
        return {"Authorization": f"Bearer {self._token}"}

    def renew(self, session: Session) -> bool:
        answer = self._token_session.request("POST", TOKEN_PATH, form={"grant_type": "client_credentials", "scope": "all-apis"}, safe=True)
        document = answer.json()
        token = document.get("access_token") if isinstance(document, dict) else None
        if not isinstance(token, str) or not token:
            raise answer.bad("there is no token in it")
        session.secrets.add(token)
        self._token = token
        lifetime = document.get("expires_in")
        self._expires_at = self._clock.monotonic() + max(
            (lifetime if isinstance(lifetime, (int, float)) else DEFAULT_TOKEN_LIFETIME) - TOKEN_MARGIN, TOKEN_MARGIN
        )
        return True


class NotSucceeded(Exception):
    """A statement did not succeed. status: the status object of the API."""

    def __init__(self, status: Mapping[str, Any], query_id: str | None) -> None:
        super().__init__(str(status.get("state")))
        self.status = status
        self.query_id = query_id


class DatabricksDriver(BaseDriver):
    """Databricks SQL warehouses, with a personal access token or OAuth M2M."""

    platform = "Databricks"
    library = "requests"
    # `extra` can have more fields of the request that executes a statement.
    library_options: ClassVar[Mapping[str, str]] = {"database": "catalog", "warehouse": "warehouse_id"}
    other_options = BaseDriver.other_options | {"host", "port", "http_path", "token", "client_id", "client_secret"}
    clock = Clock()

    def check_login(self) -> None:
        self._require_one_of("host")
        self._require_one_of("http_path", "warehouse")
        self._require_one_of("token", "client_id")
        if "token" not in self.login:
            self._require_one_of("client_secret")
        self._host = re.sub(r"^https?://|\.?(/.*)?$", "", str(self.login["host"]).lower())
        if not re.fullmatch(r"[\w.-]+", self._host):
            raise OptionError("login.host must be the host name of the workspace.", option="login.host")
        self._warehouse = str(self.login.get("warehouse") or self._warehouse_of(str(self.login["http_path"])))

    @staticmethod
    def _warehouse_of(http_path: str) -> str:
        match = re.fullmatch(r"/?sql/1\.0/(?:warehouses|endpoints)/([\w-]+)/?", http_path.strip())
        if not match:
            raise OptionError(
                "login.http_path is not the path of a SQL warehouse, and only SQL warehouses run statements.",
                hint="Set login.warehouse to the ID of a SQL warehouse, or login.http_path to its path, /sql/1.0/warehouses/ID.",
                option="login.http_path",
            )
        return match[1]

    def address(self) -> str:
        return "/".join(filter(None, (self._host, self.login.get("database"))))

    def import_library(self) -> None:
        """Return nothing: the HTTP session imports its library itself."""

    def open_connection(self, library: Any) -> None:
        """Create the HTTP session, and send a statement that proves the login and starts the warehouse. There is no connection."""
        self._namespace: dict[str, Any] = {"catalog": self.login.get("database"), "schema": None}
        self._warned_verbs: set[str] = set()
        scheme = "https" if self.login.get("ssl", True) else "http"
        port = f":{self.login['port']}" if "port" in self.login else ""
        transport = Transport(
            base_url=f"{scheme}://{self._host}{port}",
            ca_path=self.login.get("ca_path"),
            timeout=(self.connect_timeout or driver_base.NO_LIMIT_SECONDS) + REQUEST_WAIT,
        )
        agent = user_agent("community.immuta", self.reference)
        auth: Auth = HeaderAuth(f"Bearer {self.login.get('token')}")
        if "token" not in self.login:
            client = (str(self.login["client_id"]), str(self.login["client_secret"]))
            auth = ClientCredentials(transport, *client, user_agent=agent, clock=self.clock)
        self._session = Session(transport, auth, user_agent=agent, clock=self.clock, warn=self._warn, secrets=set(self._secrets))
        self._send("SELECT 1", wait_timeout="0s")

    def execute(self, text: str) -> StatementResult:
        namespace = self._namespace_after(text)
        with self._errors_translated(text):
            done = self._send_and_wait(text)
        self._namespace = namespace
        self._known_names += filter(None, namespace.values())
        return StatementResult(_row_count(done), done.get("statement_id"))

    def query(self, text: str) -> tuple[Any, ...] | None:
        with self._errors_translated(text):
            done = self._send_and_wait(text, row_limit=1)
            if done["status"]["state"] == "CLOSED":
                raise AnswerLost("the platform no longer keeps its result")
        return _first_row(done)

    # --- sending a statement ---

    def _send_and_wait(self, text: str, **options: Any) -> dict[str, Any]:
        """Send a statement, wait until it ends, and return the API's answer. Raise NotSucceeded if it did not succeed."""
        started = self.clock.monotonic()
        limit = self.statement_timeout or driver_base.NO_LIMIT_SECONDS
        request_wait = min(limit, REQUEST_WAIT) if limit >= MIN_REQUEST_WAIT else 0
        answer = self._send(text, wait_timeout=f"{request_wait}s", on_wait_timeout="CONTINUE", **options)
        left = limit - (self.clock.monotonic() - started)
        done = answer if _has_ended(answer) else self._wait(answer, left)
        status = done["status"]
        if status["state"] not in ("SUCCEEDED", "CLOSED"):
            raise NotSucceeded(status, done.get("statement_id"))
        return done

    def _send(self, text: str, **options: Any) -> dict[str, Any]:
        """Send a statement and return the API's answer. Raise AnswerLost if the answer is unreadable."""
        tags = {"query_tags": [{"key": "change_reference", "value": self.reference[:MAX_TAG_LENGTH]}]} if self.reference else {}
        body = {**tags, **self._library_arguments(), **self._namespace, "warehouse_id": self._warehouse, "statement": text, **options}
        answer = self._session.request("POST", STATEMENTS_PATH, json={name: value for name, value in body.items() if value is not None})
        try:
            document = answer.json()
        except ImmutaError as error:
            raise AnswerLost(error.message) from None
        if not isinstance(document, dict) or not document.get("statement_id") or not _mapping_or_empty(document.get("status")).get("state"):
            raise AnswerLost(answer.bad("there is no statement in it").message)
        return document

    def _wait(self, answer: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Poll until the statement ends, and return the last answer. After this many seconds, cancel the statement."""
        path = f"{STATEMENTS_PATH}{path_of(answer['statement_id'])}"

        def poll() -> dict[str, Any]:
            document: dict[str, Any] = self._session.request("GET", path).json()
            return document

        def wait(timeout: float) -> dict[str, Any]:
            return wait_until(poll, _has_ended, timeout=timeout, interval=POLL_INTERVAL, clock=self.clock, describe=lambda seen: str(seen["status"]["state"]))

        try:
            return wait(seconds)
        except WaitTimeout:
            return self._cancel(path, wait)
        except (ImmutaError, KeyError, TypeError) as error:
            raise AnswerLost(error.message if isinstance(error, ImmutaError) else "an answer that cannot be read") from None

    def _cancel(self, path: str, wait: Any) -> dict[str, Any]:
        """Cancel the statement and return the last answer. The statement may have ended before it was canceled."""
        try:
            self._session.request("POST", f"{path}/cancel", safe=True)
            done: dict[str, Any] = wait(driver_base.GRACE_SECONDS)
        except ImmutaError as error:
            raise AnswerLost(f"it had not finished after {count(self.statement_timeout, 'second')}, and could not be canceled: {error.message}") from None
        if done["status"]["state"] == "CANCELED":
            text = f"It was canceled, because it had not finished after {count(self.statement_timeout, 'second')} (statement_timeout)."
            done["status"] = {"state": "CANCELED", "error": {"error_code": "CANCELED", "message": text}}
        return done

    # --- catalog and schema, which each request must name again ---

    def _namespace_after(self, text: str) -> dict[str, Any]:
        """Return the catalog and schema after this statement. USE and SET CATALOG change them for the rest of the script."""
        tokens = significant_tokens(text, self.dialect)
        keys = [token.key for token in tokens]
        if keys[:1] == ["USE"] or keys[:2] == ["SET", "CATALOG"]:
            return self._named_namespace(tokens[1:])
        if keys[0] in _SESSION_ONLY - self._warned_verbs:
            self._warned_verbs.add(keys[0])
            self._warn(f"{keys[0]} affects only its own statement: on Databricks, every statement of a script has a separate session.")
        return self._namespace

    def _named_namespace(self, tokens: list[Token]) -> dict[str, Any]:
        """Return the catalog and schema that USE names. Raise SqlError if they are not written as plain names."""
        kind, words = (tokens[0].key, tokens[1:]) if tokens and tokens[0].key in _USE_KINDS else ("SCHEMA", tokens)
        names = [_unquoted(token) for token in words[::2]]
        if not names or len(names) > 2 or any(token.key != "." for token in words[1::2]):
            raise SqlError("USE in this form cannot take effect in the next statement, which has a separate session. It was not sent.", code=None)
        return {"catalog": names[0], "schema": None} if kind == "CATALOG" else {**self._namespace, **dict(zip(("schema", "catalog"), names[::-1]))}

    # --- answers of the platform ---

    def reported_error(self, error: Exception) -> ReportedError | None:
        if isinstance(error, NotSucceeded):
            return _reported_error(error.status, error.query_id)
        if isinstance(error, ApiError):
            body = error.facts.get("api_error")
            code = str(body["error_code"]) if isinstance(body, dict) and body.get("error_code") else str(error.status)
            return ReportedError(error.server_message or error.message, code, None)
        if isinstance(error, ConnectionFailed) and not isinstance(error, AnswerLost):
            return ReportedError(error.message, None, None)  # it was never sent
        return None


def _unquoted(token: Token) -> str:
    return token.text[1:-1].replace("``", "`") if token.kind in ("name", "string") else token.text


def _has_ended(answer: dict[str, Any]) -> bool:
    return answer["status"]["state"] in END_STATES


def _row_count(done: Mapping[str, Any]) -> int | None:
    """Return the number of rows that a statement returned or changed, or None. For a change, the only row of the result says it."""
    manifest = _mapping_or_empty(done.get("manifest"))
    columns = _list_or_empty(_mapping_or_empty(manifest.get("schema")).get("columns"))
    total = manifest.get("total_row_count")
    if columns and _mapping_or_empty(columns[0]).get("name") == "num_affected_rows":
        row = _first_row(done)
        total = row[0] if row else None
    return int(total) if isinstance(total, (int, str)) and re.fullmatch(r"\d{1,18}", str(total)) else None


def _first_row(done: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Return the first row of a result, or None if there is none or it cannot be read."""
    rows = _list_or_empty(_mapping_or_empty(done.get("result")).get("data_array"))
    return tuple(_list_or_empty(rows[0])) or None if rows else None


def _mapping_or_empty(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list_or_empty(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _line_number(match: re.Match[str] | None) -> int | None:
    return int(match[1] or match[2]) if match else None


def _without_stack_trace(message: str) -> str:
    return re.split(r"\n\s*== SQL|\n\s*at [\w.$/]+\(|JVM stacktrace:", message)[0].strip()


def _reported_error(status: Mapping[str, Any], query_id: str | None) -> ReportedError:
    """Return the error condition and the text of a statement's status. The message has one of these forms:

    C([CONDITION] text SQLSTATE: 42601 (line 2, pos 0) == SQL == …), C([CONDITION] text SQLSTATE: 42P01; line 2 pos 0; plan), or
    C([RequestId=… ErrorClass=CONDITION] text).
    """
    error = _mapping_or_empty(status.get("error"))
    message = _without_stack_trace(str(error.get("message") or f"it ended {status.get('state')}"))
    head = re.match(r"(?:[\w.$]+(?:Exception|Error): )?\[(?:RequestId=\S+ ErrorClass=)?([A-Z][\w.]*)\]\s*", message)
    state = re.search(r"\s*SQLSTATE: (\w{5})", message)
    line = re.search(r"\(line (\d+), pos \d+\)|; line (\d+) pos \d+(?:;.*)?$", message, re.DOTALL)
    text = (message[: line.start()] if line else message)[head.end() if head else 0 :]
    text = re.sub(r"\s*SQLSTATE: \w{5}\.?", "", text)
    code = head[1] if head else error.get("error_code") or status.get("state")
    return ReportedError(text, code, status.get("sql_state") or (state[1] if state else None), line=_line_number(line), query_id=query_id)
