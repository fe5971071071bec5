# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Databricks engine as tests hold it."""

from __future__ import annotations

from typing import Any

import requests

from ..engine import Engine

SECONDS = 70  # longer than the API itself waits for a statement


class DatabricksEngine(Engine):
    """A workspace with one SQL warehouse; its administrator is a service principal, who has an OAuth secret and a token."""

    kind = "databricks"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def http_path(self) -> str:
        return str(self._facts["http_path"])

    @property
    def token(self) -> str:
        """The administrator's personal access token."""
        return str(self._facts["token"])

    @property
    def login(self) -> dict[str, Any]:
        return {"host": self.host, "port": self.port, "http_path": self.http_path, "token": self.token, "ssl": False}

    @property
    def oauth_login(self) -> dict[str, Any]:
        """The administrator's login by OAuth."""
        rest = {key: value for key, value in self.login.items() if key != "token"}
        return {**rest, "client_id": self.admin_user, "client_secret": self.admin_password}

    def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> requests.Response:
        """One request, as the administrator unless a token is given."""
        return _send(method, self.url + path, json=body, headers={"Authorization": f"Bearer {token or self.token}"})

    def execute(self, statement: str, token: str | None = None, **options: Any) -> dict[str, Any]:
        """Send one statement, as the administrator unless a token is given; the API's answer."""
        body = {"warehouse_id": self._facts["warehouse"], "statement": statement, **options}
        answer = self.call("POST", "/api/2.0/sql/statements", body, token)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def query(self, sql: str, **options: Any) -> list[list[Any]]:
        """The rows of one statement, every value a string; RuntimeError with the service's words if it failed."""
        answer = self.execute(sql, **options)
        if answer["status"]["state"] != "SUCCEEDED":
            raise RuntimeError(answer["status"].get("error", {}).get("message", answer["status"]["state"]))
        return list(answer["result"].get("data_array", []))

    def catalog(self) -> dict[str, Any]:
        return dict(self._ask("catalog"))

    def can_login(self, user: str, password: str, database: str | None = None) -> bool:
        """Whether the service principal's secret gives a token, and the token the warehouse."""
        form = {"grant_type": "client_credentials", "scope": "all-apis"}
        answer = _send("POST", f"{self.url}/oidc/v1/token", data=form, auth=(user, password))
        if answer.status_code == 401:
            return False
        answer.raise_for_status()
        return self.query("SELECT 1", token=answer.json()["access_token"]) == [["1"]]

    # --- what happened, and what shall happen ---

    def add_principal(self, kind: str, name: str = "") -> dict[str, str]:
        """A new service_principal, or a new secret for one: {name, client_id, client_secret, token}."""
        assert kind == "service_principal"
        return dict(self._ask("principals", name=name))

    def fault(self, **fault: Any) -> None:
        """The next matching request goes wrong; see server.Fault."""
        self._ask("fault", **fault)

    def clear(self) -> None:
        """Forget the faults that wait, and the log."""
        self._ask("clear")

    def requests(self) -> list[dict[str, Any]]:
        """The log: [{method, path, asked}]; asked is what was sent but for the statement."""
        return list(self._ask("requests"))

    def _ask(self, what: str, **body: Any) -> Any:
        answer = _send("POST", f"{self.url}/engine/{what}", json=body)
        answer.raise_for_status()
        return answer.json()


def _send(method: str, url: str, **options: Any) -> requests.Response:
    """One request; neither proxies nor ~/.netrc have a say."""
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, timeout=SECONDS, **options)
