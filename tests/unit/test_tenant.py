# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to a tenant: options and environment variables, precedence of credentials, exchange of a key for a token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.community.immuta.plugins.doc_fragments.tenant import ModuleDocFragment
from ansible_collections.community.immuta.plugins.module_utils._ansible.tenant import TENANT_SPEC, USER_AGENT, connect, hint_for_status, tenant_of, variable
from ansible_collections.community.immuta.plugins.module_utils._core.errors import ApiError, BadAnswer, ConnectionFailed, ImmutaError, OptionError, Unauthorized
from ansible_collections.community.immuta.plugins.module_utils._http.session import Session
from unit.wire import FakeClock, Wire, ok, reply, reset

KEY = "task-key-1"
EXCHANGE = "POST /bim/apikey/authenticate"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ignore the tenant and proxy in the environment of the tests."""
    for option in TENANT_SPEC:
        monkeypatch.delenv(variable(option), raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def parsed(**options: Any) -> dict[str, Any]:
    """Return the options as a module sees them, with types, fallbacks and defaults applied by Ansible's code."""
    result = ArgumentSpecValidator(TENANT_SPEC).validate(options)
    assert not result.error_messages
    parameters: dict[str, Any] = result.validated_parameters
    return parameters


def connected(read_only: bool = False, secrets: set[str] | None = None, **options: Any) -> Session:
    return connect(parsed(**options), task_options=list(options), read_only=read_only, warn=lambda text: None, secrets=secrets, clock=FakeClock())


def sent_key(wire: Wire, **options: Any) -> str:
    """Return the Authorization header of a request."""
    connected(url=wire.url, **options).request("GET", "/x")
    return wire.requests[-1].headers["authorization"]


# --- options and variables


def test_documentation_and_spec_are_one() -> None:
    documented = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    assert documented.keys() == TENANT_SPEC.keys()
    for option, spec in TENANT_SPEC.items():
        for name in ("type", "default", "choices"):
            assert documented[option].get(name) == spec.get(name), (option, name)
        assert f"E({variable(option)})" in " ".join(documented[option]["description"])
        assert spec["fallback"][1] == [variable(option)]


def test_only_secrets_are_hidden() -> None:
    assert {option for option, spec in TENANT_SPEC.items() if spec.get("no_log")} == {"api_key", "bearer_token"}


def test_the_user_agent_has_the_version_of_the_collection() -> None:
    galaxy = yaml.safe_load((Path(__file__).parents[2] / "galaxy.yml").read_text(encoding="utf-8"))
    assert f"community.immuta/{galaxy['version']}" == USER_AGENT


def test_every_option_has_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "url": "https://t.example.com",
        "api_key": "k",
        "bearer_token": "b",
        "auth_method": "bearer",
        "validate_certs": "False",
        "ca_path": "~/ca.pem",
        "client_cert": "/c.pem",
        "client_key": "/c.key",
        "use_proxy": "False",
        "timeout": "7",
        "retries": "0",
        "retry_max_delay": "9",
        "change_reference": "CHG0012345",
    }
    assert given.keys() == TENANT_SPEC.keys()
    for option, value in given.items():
        monkeypatch.setenv(f"IMMUTA_{option.upper()}", value)
    monkeypatch.setenv("HOME", "/home/somebody")
    expected = {**given, "validate_certs": False, "use_proxy": False, "timeout": 7, "retries": 0, "retry_max_delay": 9, "ca_path": "/home/somebody/ca.pem"}
    assert parsed() == expected


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for option in TENANT_SPEC:
        monkeypatch.setenv(variable(option), " " if option == "url" else "")
    assert parsed() == {option: spec.get("default") for option, spec in TENANT_SPEC.items()}


def test_a_task_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMMUTA_TIMEOUT", "7")
    monkeypatch.setenv("IMMUTA_VALIDATE_CERTS", "False")
    assert (parsed(timeout=3)["timeout"], parsed(validate_certs=True)["validate_certs"]) == (3, True)


@pytest.mark.parametrize("nothing", [None, ""])
def test_null_and_empty_are_not_given(monkeypatch: pytest.MonkeyPatch, nothing: Any) -> None:
    """Ansible itself applies neither fallback nor default to a null option."""
    with Wire([("GET /x", ok(1))]) as wire:
        monkeypatch.setenv("IMMUTA_URL", wire.url)
        monkeypatch.setenv("IMMUTA_API_KEY", "environment-key")
        monkeypatch.setenv("IMMUTA_RETRIES", "3")
        params = {**dict.fromkeys(TENANT_SPEC), "url": nothing, "api_key": nothing}
        session = connect(params, task_options=list(params), read_only=False, warn=lambda text: None)
        session.request("GET", "/x")
        assert tenant_of(params) == "127.0.0.1"
    assert wire.requests[0].headers["authorization"] == "environment-key"
    assert (session._transport.retries, session._transport.timeout, session._transport.validate_certs) == (3, 60, True)


def test_a_variable_of_the_wrong_type_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMMUTA_TIMEOUT", "soon")
    with pytest.raises(OptionError) as caught:
        connect({"url": "https://t.example.com", "api_key": KEY, "timeout": None}, task_options=[], read_only=False, warn=lambda text: None)
    assert caught.value.as_fail_json() == {"msg": "IMMUTA_TIMEOUT is not of type int.", "option": "timeout"}


@pytest.mark.parametrize(("option", "value"), [("timeout", 0), ("timeout", -1), ("retries", -1), ("retry_max_delay", -1)])
def test_numbers_that_make_no_sense_are_named(option: str, value: int) -> None:
    with pytest.raises(OptionError) as caught:
        connected(url="https://t.example.com", api_key=KEY, **{option: value})
    assert caught.value.facts == {"option": option}


def test_a_missing_url_names_option_and_variable() -> None:
    for call in (lambda: connected(api_key=KEY), lambda: tenant_of(parsed())):
        with pytest.raises(OptionError) as caught:
            call()
        assert "set url, or the environment variable IMMUTA_URL" in str(caught.value)
        assert caught.value.facts == {"option": "url"}


def test_missing_credentials_name_options_and_variables() -> None:
    with pytest.raises(OptionError) as caught:
        connected(url="https://t.example.com")
    assert all(name in str(caught.value) for name in ("api_key", "bearer_token", "IMMUTA_API_KEY", "IMMUTA_BEARER_TOKEN"))
    assert caught.value.facts == {"option": "api_key"}


@pytest.mark.parametrize(
    ("url", "tenant"),
    [("https://Tenant.Example.com/", "tenant.example.com"), ("https://t.example.com:8443/immuta", "t.example.com"), ("http://127.0.0.1:80", "127.0.0.1")],
)
def test_the_tenant_of_a_result_is_its_host(url: str, tenant: str) -> None:
    assert tenant_of({"url": url}) == tenant


@pytest.mark.parametrize("url", ["https://[bad", "tenant.example.com", "https://user:hunter22@t.example.com"])
def test_a_url_that_is_none_is_refused_by_both(url: str) -> None:
    for call in (lambda: connected(url=url, api_key=KEY), lambda: tenant_of({"url": url})):
        with pytest.raises(OptionError) as caught:
            call()
        assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("http://t.example.com", True),
        ("HTTP://10.0.0.1:8080", True),
        ("https://t.example.com", False),
        ("http://localhost:1", False),
        ("http://immuta.localhost", False),
        ("http://127.8.9.1", False),
        ("http://[::1]:8080", False),
    ],
)
def test_plain_http_warns_unless_it_stays_on_this_machine(url: str, warned: bool) -> None:
    warnings: list[str] = []
    connect(parsed(url=url, api_key=KEY), task_options=["url", "api_key"], read_only=False, warn=warnings.append)
    assert bool(warnings) is warned
    assert all("not encrypted" in text and KEY not in text for text in warnings)


# --- credentials


def test_which_credentials_count(monkeypatch: pytest.MonkeyPatch) -> None:
    with Wire([("GET /x", ok(1))] * 6) as wire:
        assert sent_key(wire, api_key=KEY) == KEY
        assert sent_key(wire, bearer_token="task-token") == "Bearer task-token"
        assert sent_key(wire, api_key=KEY, bearer_token="task-token") == "Bearer task-token"
        monkeypatch.setenv("IMMUTA_API_KEY", "environment-key")
        assert sent_key(wire) == "environment-key"
        monkeypatch.setenv("IMMUTA_BEARER_TOKEN", "environment-token")
        assert sent_key(wire) == "Bearer environment-token"
        assert sent_key(wire, api_key=KEY) == KEY


def test_a_bearer_token_is_never_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    with Wire([("GET /x", ok(1))]) as wire:
        assert sent_key(wire, bearer_token="task-token", auth_method="bearer") == "Bearer task-token"


def test_a_line_break_at_the_end_of_a_key_is_dropped() -> None:
    with Wire([("GET /x", ok(1))]) as wire:
        assert sent_key(wire, api_key=f"{KEY}\n") == KEY


@pytest.mark.parametrize("value", ["two words", "line\nbreak", "größe", "tab\there", " \n"])
@pytest.mark.parametrize("option", ["api_key", "bearer_token"])
def test_a_key_that_cannot_be_one_is_refused_and_not_shown(option: str, value: str) -> None:
    with pytest.raises(OptionError) as caught:
        connected(url="https://t.example.com", **{option: value})
    assert caught.value.facts == {"option": option}
    assert value not in str(caught.value)


def test_the_key_is_masked_in_what_the_server_says() -> None:
    known = {"hunter22"}
    with Wire([("GET /x", reply(400, {"message": f"{KEY} and other-key and hunter22"}))]) as wire, pytest.raises(ApiError) as caught:
        connected(url=wire.url, api_key=KEY, bearer_token="other-key", secrets=known).request("GET", "/x")
    assert caught.value.server_message == "<REDACTED> and <REDACTED> and <REDACTED>"


# --- a token in exchange for the key


def test_the_key_is_exchanged_once_for_all_requests() -> None:
    with Wire([(EXCHANGE, ok({"authenticated": True, "token": "token-1"})), ("GET /x", ok(1)), ("POST /y", ok(2))]) as wire:
        session = connected(url=wire.url, api_key=KEY, auth_method="bearer")
        session.request("GET", "/x")
        session.request("POST", "/y", json={})
    exchange, *others = wire.requests
    assert exchange.json() == {"apikey": KEY}
    assert "authorization" not in exchange.headers
    assert [request.headers["authorization"] for request in others] == ["Bearer token-1"] * 2
    assert wire.connections == 1


def test_the_exchange_is_allowed_in_check_mode() -> None:
    with Wire([(EXCHANGE, ok({"authenticated": True, "token": "token-1"})), ("GET /x", ok(1))]) as wire:
        connected(read_only=True, url=wire.url, api_key=KEY, auth_method="bearer").request("GET", "/x")


def test_an_expired_token_is_renewed_once() -> None:
    script = [
        (EXCHANGE, ok({"authenticated": True, "token": "token-1"})),
        ("GET /x", ok(1)),
        ("POST /y", reply(401, {"message": "expired"})),
        (EXCHANGE, ok({"authenticated": True, "token": "token-2"})),
        ("POST /y", ok(2)),
        ("GET /z", reply(401, {"message": "token-2 is expired"})),
        (EXCHANGE, ok({"authenticated": True, "token": "token-3"})),
        ("GET /z", reply(401, {"message": "token-3 is no good"})),
    ]
    with Wire(script) as wire:
        session = connected(url=wire.url, api_key=KEY, auth_method="bearer")
        session.request("GET", "/x")
        session.request("POST", "/y", json={})
        with pytest.raises(Unauthorized) as caught:
            session.request("GET", "/z")
    assert wire.requests[4].headers["authorization"] == "Bearer token-2"
    assert "<REDACTED> is no good" in str(caught.value) and "wrong or has expired" in str(caught.value)


def test_the_exchange_is_repeated_like_any_request_without_effect() -> None:
    with Wire([(EXCHANGE, reset), (EXCHANGE, reply(502)), (EXCHANGE, ok({"authenticated": True, "token": "t-1"})), ("POST /x", ok(1))]) as wire:
        connected(url=wire.url, api_key=KEY, auth_method="bearer").request("POST", "/x", json={})


def test_a_write_behind_a_failed_exchange_was_not_sent() -> None:
    with Wire([(EXCHANGE, reset)]) as wire, pytest.raises(ConnectionFailed) as caught:
        connected(url=wire.url, api_key=KEY, auth_method="bearer", retries=0).request("POST", "/x", json={})
    assert caught.type is ConnectionFailed


def test_a_key_that_is_not_accepted_is_unauthorized() -> None:
    with Wire([(EXCHANGE, ok({"authenticated": False, "detail": f"unknown {KEY}"}))]) as wire, pytest.raises(Unauthorized) as caught:
        connected(url=wire.url, api_key=KEY, auth_method="bearer").request("GET", "/x")
    failure = caught.value.as_fail_json()
    assert "does not accept the API key" in failure["msg"] and "IMMUTA_API_KEY" in failure["msg"]
    assert (failure["status"], failure["path"]) == (401, "/bim/apikey/authenticate")
    assert KEY not in str(failure)


def test_a_401_of_the_exchange_is_not_renewed() -> None:
    with Wire([(EXCHANGE, reply(401, {"message": "no"}))]) as wire, pytest.raises(Unauthorized):
        connected(url=wire.url, api_key=KEY, auth_method="bearer").request("GET", "/x")


@pytest.mark.parametrize("body", [{}, {"authenticated": True}, {"authenticated": True, "token": ""}, {"token": 7}, ["token"], "text"])
def test_an_exchange_without_a_token_is_a_bad_answer(body: Any) -> None:
    with Wire([(EXCHANGE, ok(body))]) as wire, pytest.raises(BadAnswer):
        connected(url=wire.url, api_key=KEY, auth_method="bearer").request("GET", "/x")


# --- hints


@pytest.mark.parametrize(
    ("status", "path", "words"),
    [
        (401, "/integrations", ["api_key", "IMMUTA_API_KEY", "bearer_token", "IMMUTA_BEARER_TOKEN"]),
        (403, "/integrations", ["APPLICATION_ADMIN"]),
        (403, "/data/connection/c", ["APPLICATION_ADMIN", "Connections may not be enabled on this tenant"]),
        (404, "/data/connection", ["Connections may not be enabled on this tenant"]),
        (404, "/integrations/7", ["Check the id", "url"]),
    ],
)
def test_an_error_says_what_to_do_next(status: int, path: str, words: list[str]) -> None:
    with Wire([(f"GET {path}", reply(status, {"message": "No."}))]) as wire, pytest.raises(ImmutaError) as caught:
        connected(url=wire.url, api_key=KEY).request("GET", path)
    assert str(caught.value).startswith(f"GET {path} failed: HTTP {status} Reason: No. ")
    assert all(word in str(caught.value) for word in words)


def test_other_statuses_and_paths_have_no_wrong_hint() -> None:
    assert hint_for_status(400, "/integrations") is None
    assert hint_for_status(403, "/database") == hint_for_status(403, "/integrations")
