# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection of a task to its tenant: the common options, their environment variables, and the authentication.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Collection, Mapping
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from ansible.module_utils.common.parameters import AnsibleFallbackNotFound
from ansible.module_utils.common.validation import check_type_bool, check_type_int, check_type_path, check_type_str

from .._core.change import checked_reference, user_agent
from .._core.errors import OptionError, Unauthorized
from .._core.waiting import Clock
from .._http.session import Auth, HeaderAuth, Session, Transport, checked_url, origin, path_of

VERSION = "1.0.0"
USER_AGENT = f"community.immuta/{VERSION}"

_EXCHANGE_PATH = path_of("bim", "apikey", "authenticate")
# In order of precedence, within one source (task or environment).
_CREDENTIALS = ("bearer_token", "api_key")
_CONVERTERS: dict[str, Callable[[Any], Any]] = {"str": check_type_str, "path": check_type_path, "bool": check_type_bool, "int": check_type_int}


def variable(option: str) -> str:
    """Return the name of the environment variable of a common option."""
    return f"IMMUTA_{option.upper()}"


def environment_fallback(name: str) -> str:
    """Return the environment variable, the fallback of an option. Raise AnsibleFallbackNotFound if it is missing or empty: AWX sets unused ones to empty."""
    value = os.environ.get(name, "")
    if not value.strip():
        raise AnsibleFallbackNotFound
    return value


def _spec(**options: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {option: {**spec, "fallback": (environment_fallback, [variable(option)])} for option, spec in options.items()}


TENANT_SPEC = _spec(
    url={"type": "str"},
    api_key={"type": "str", "no_log": True},
    bearer_token={"type": "str", "no_log": True},
    auth_method={"type": "str", "choices": ["api_key", "bearer"], "default": "api_key"},
    validate_certs={"type": "bool", "default": True},
    ca_path={"type": "path"},
    client_cert={"type": "path"},
    client_key={"type": "path", "no_log": False},
    use_proxy={"type": "bool", "default": True},
    timeout={"type": "int", "default": 60},
    retries={"type": "int", "default": 5},
    retry_max_delay={"type": "int", "default": 30},
    change_reference={"type": "str"},
)


class KeyExchange:
    """Exchanges the API key for a bearer token, and keeps the token until the tenant rejects it.

    Immuta V1 API, POST /bim/apikey/authenticate. The exchange has no effect on the tenant, so it also happens in check mode.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._token = ""
        self._exchange_lock = Lock()

    def header(self, session: Session) -> dict[str, str]:
        with self._exchange_lock:  # one thread exchanges the key, and the others wait for the token
            if not self._token:
                self.renew(session)
            return {"Authorization": f"Bearer {self._token}"}

    def renew(self, session: Session) -> bool:
        answer = session.request("POST", _EXCHANGE_PATH, json={"apikey": self._key}, safe=True, anonymous=True)
        body = answer.json()
        if isinstance(body, dict) and body.get("authenticated") is False:
            raise Unauthorized(
                f"POST {_EXCHANGE_PATH} failed: the tenant does not accept the API key (authenticated: false).",
                hint=hint_for_status(401, _EXCHANGE_PATH),
                status=401,
                method="POST",
                path=_EXCHANGE_PATH,
                api_error=session.mask(body),
            )
        token = body.get("token") if isinstance(body, dict) else None
        if not isinstance(token, str) or not token:
            raise answer.bad("there is no token in it")
        session.secrets.add(token)
        self._token = token
        return True


def connect(
    params: Mapping[str, Any],
    *,
    task_options: Collection[str],
    read_only: bool,
    warn: Callable[[str], None],
    secrets: set[str] | None = None,
    clock: Clock | None = None,
) -> Session:
    """Return a session with the tenant of the common options, without sending anything. Raise OptionError for invalid options.

    task_options: names of the options that the task itself sets; their credentials take precedence over those of the environment.
    secrets: values to mask in every error; the set may grow later.
    """
    secrets_of_session: set[str] = set() if secrets is None else secrets
    url = tenant_url(params)
    name, credential = _credential(params, task_options, secrets_of_session)
    auth: Auth = HeaderAuth(f"Bearer {credential}")
    if name == "api_key":
        auth = KeyExchange(credential) if _value(params, "auth_method") == "bearer" else HeaderAuth(credential)
    transport = Transport(
        base_url=url,
        validate_certs=_value(params, "validate_certs"),
        ca_path=_value(params, "ca_path"),
        client_cert=_value(params, "client_cert"),
        client_key=_value(params, "client_key"),
        use_proxy=_value(params, "use_proxy"),
        timeout=_number(params, "timeout", 1),
        retries=_number(params, "retries", 0),
        retry_max_delay=_number(params, "retry_max_delay", 0),
    )
    agent = user_agent(USER_AGENT, change_reference(params))
    session = Session(transport, auth, read_only=read_only, user_agent=agent, clock=clock, warn=warn, secrets=secrets_of_session, hint=hint_for_status)
    if url.lower().startswith("http://") and not _loopback(url):
        warn(f"{origin(url)} is not encrypted: the credentials and all passwords are sent in plain text. Use https://.")
    return session


def tenant_of(params: Mapping[str, Any]) -> str:
    """Return the host name of the tenant, for results. Raise OptionError if the URL is missing or malformed."""
    return urlsplit(tenant_url(params)).hostname or ""


def tenant_or_none(params: Mapping[str, Any]) -> str | None:
    """Return the host name of the tenant; None if the URL is missing or malformed."""
    try:
        return tenant_of(params)
    except OptionError:
        return None


def change_reference(params: Mapping[str, Any]) -> str:
    """Return the change reference; empty if none is set. Raise OptionError if it is invalid."""
    return checked_reference(_value(params, "change_reference"))


def hint_for_status(status: int, path: str) -> str | None:
    """Return the hint for an answer with this status, or None."""
    connections = path == "/data" or path.startswith("/data/")
    if status == 401:
        return f"The key or token is wrong or has expired: check api_key ({variable('api_key')}) or bearer_token ({variable('bearer_token')})."
    if status == 403:
        return "The user of the key or token needs the permission APPLICATION_ADMIN." + (f" {_CONNECTIONS_HINT}" if connections else "")
    if status == 404:
        where = "that url is the address of the tenant itself."
        return _CONNECTIONS_HINT if connections else f"Check {where}" if path == "/integrations" else f"Check the id, and {where}"
    return None


_CONNECTIONS_HINT = "Connections may not be enabled on this tenant. Check the names in the path, and ask the administrators of the tenant."


def _value(params: Mapping[str, Any], option: str) -> Any:
    """Return the option. If it is null or empty, return the environment variable, and then the default."""
    value = params.get(option)
    if value is not None and value != "":
        return value
    spec = TENANT_SPEC[option]
    try:
        return _CONVERTERS[spec["type"]](environment_fallback(variable(option)))
    except AnsibleFallbackNotFound:
        return spec.get("default")
    except TypeError as error:
        raise OptionError(f"{variable(option)} is not of type {spec['type']}.", option=option) from error


def _number(params: Mapping[str, Any], option: str, least: int) -> int:
    value: int = _value(params, option)
    if value < least:
        raise OptionError(f"{option} must be at least {least}.", option=option)
    return value


def tenant_url(params: Mapping[str, Any]) -> str:
    """Return the base URL of the tenant. Raise OptionError if it is missing, malformed, or holds a user, password or query."""
    url = str(_value(params, "url") or "").strip()
    if not url:
        raise OptionError(f"The address of the tenant is missing: set url, or the environment variable {variable('url')}.", option="url")
    return checked_url(url)


def _credential(params: Mapping[str, Any], task_options: Collection[str], secrets_of_session: set[str]) -> tuple[str, str]:
    """Return name and value of the credential: the task precedes the environment, and within one source the token precedes the key."""
    values = {name: _value(params, name) for name in _CREDENTIALS}
    present = [name for name in _CREDENTIALS if values[name] is not None]
    by_task = [name for name in present if name in task_options and params.get(name)]
    if not present:
        raise OptionError(
            f"Credentials are missing: set api_key or bearer_token, or the environment variable {variable('api_key')} or {variable('bearer_token')}.",
            option="api_key",
        )
    name = (by_task or present)[0]
    value: str = values[name]
    secrets_of_session.update(text for candidate in values.values() if candidate for text in (candidate, candidate.strip()))
    credential = value.strip()
    if not (credential.isascii() and credential.isprintable()) or not credential or " " in credential:
        raise OptionError(f"{name} must be the bare key or token: it is empty, or holds a blank, a line break or a character outside ASCII.", option=name)
    return name, credential


def _loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
