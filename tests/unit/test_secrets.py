# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets: names that hold one, redacted values, and complete masking."""

from __future__ import annotations

import html
import json
import sys
import types
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.secrets import REDACTED, find_secrets, is_redacted, looks_secret, mask, register
from hypothesis import example, given
from hypothesis import strategies as st

# Parts of passwords: quotes, separators, placeholders, templates, backslashes, non-ASCII.
HARD = "a'b\"c;d$$e%s{{ f }}\\g\\\\hüß5439\t&<i>"


SECRET_NAMES = """
password privateKeyPassword private_key_password passphrase private_key_passphrase db_pass PRIV_KEY_FILE_PWD okta_password
token bearer_token sessionToken clientSecret client_secret secretKey accessKeyId awsAccessKeyId awsSecretAccessKey aws_secret_access_key
apikey api_key API-KEY newKey privateKey private_key oauthPrivateKey credential credentials connectArgs connect_args Authorization Set-Cookie
"""
OTHER_NAMES = """
host port username connection_key connectionKey key key_name keyName primary_key hashKeyDelimiter authentication_type
token_url tokenEndpoint authorityUrl appId idpHost okta oAuthClientConfig private_key_path client_key_path api_key_dest
update_secrets secret_name password_policy bypass
"""


@pytest.mark.parametrize("name", SECRET_NAMES.split())
def test_names_of_secrets(name: str) -> None:
    assert looks_secret(name)


@pytest.mark.parametrize("name", OTHER_NAMES.split())
def test_names_that_only_sound_like_secrets(name: str) -> None:
    assert not looks_secret(name)


@pytest.mark.parametrize(
    "value", ["<REDACTED>", "REDACTED", "[REDACTED]", " <REDACTED> ", "{{ vault_immuta_snowflake_prod_password }}", "{{vault_immuta_x}}", REDACTED]
)
def test_what_stands_for_an_unknown_secret(value: str) -> None:
    assert is_redacted(value)


@pytest.mark.parametrize("value", ["", "redacted", "my REDACTED", "REDACTEDx", "{{ vault_other }}", "x{{ vault_immuta_y }}", None, 0, ["REDACTED"], True])
def test_what_stands_for_itself(value: Any) -> None:
    assert not is_redacted(value)


def test_leaves_are_the_strings_under_secret_names() -> None:
    raw = {
        "host": "db.example.com",
        "port": 5439,
        "username": "immuta",
        "password": "hunter22",
        "okta": {"username": "okta-user", "password": "okta-secret", "appId": "app-1", "idpHost": "idp.example.com"},
        "privateKey": {"keyName": "PRIV_KEY_FILE", "userFilename": "key.p8", "content": "-----BEGIN KEY-----"},
        "tokens": ["first-token", {"name": "second-token"}],
        "pin_password": 12345,
        "secret": "abc",
        "token": "<REDACTED>",
    }
    assert list(find_secrets(raw)) == ["hunter22", "okta-secret", "-----BEGIN KEY-----", "first-token", "second-token"]


def test_leaves_look_into_a_service_account_file_that_is_given_as_text() -> None:
    document = {"type": "service_account", "project_id": "project-1", "client_email": "x@example.com", "private_key": "-----BEGIN PRIVATE KEY-----\nMIIE\n"}
    account = json.dumps(document)
    assert list(find_secrets({"credential": account})) == [account, "-----BEGIN PRIVATE KEY-----\nMIIE\n"]
    assert list(find_secrets({"credential": document})) == ["-----BEGIN PRIVATE KEY-----\nMIIE\n"]
    assert list(find_secrets({"credential": "{not json"})) == ["{not json"]


def test_values_under_secret_names_are_masked_whatever_their_length() -> None:
    value = {
        "password": "ab",
        "token": 12,
        "pin_password": 0,
        "host": "ab.example.com",
        "list": [{"clientSecret": "x"}],
        "privateKey": {"keyName": "PRIV_KEY_FILE", "content": "y"},
    }
    assert mask(value) == {
        "password": REDACTED,
        "token": REDACTED,
        "pin_password": REDACTED,
        "host": "ab.example.com",
        "list": [{"clientSecret": REDACTED}],
        "privateKey": {"keyName": "PRIV_KEY_FILE", "content": REDACTED},
    }


def test_what_is_not_set_is_seen_to_be_not_set() -> None:
    value = {"password": None, "token": "", "secret": True, "credentials": [], "apiKey": {}}
    assert mask(value) == value


def test_the_original_is_not_changed_and_the_shape_stays() -> None:
    value = {"a": [("password is hunter22", 7)], "b": {"password": "hunter22"}}
    assert mask(value, ["hunter22"]) == {"a": [(f"password is {REDACTED}", 7)], "b": {"password": REDACTED}}
    assert value["b"] == {"password": "hunter22"}


def test_short_secrets_hide_nothing_else() -> None:
    assert mask({"msg": "an id of 7 and abc", "password": "abc"}, ["7", "abc", "a"]) == {"msg": "an id of 7 and abc", "password": REDACTED}


def test_numbers_are_no_text() -> None:
    assert mask({"port": 5439, "id": 7}, ["5439"]) == {"port": 5439, "id": 7}


def test_a_secret_inside_a_longer_one_leaves_no_end_of_it() -> None:
    assert mask("hunter22-and-more hunter22", ["hunter22", "hunter22-and-more"]) == f"{REDACTED} {REDACTED}"


def test_overlapping_secrets_leave_nothing_between_them() -> None:
    assert mask("abcdefgh", ["abcde", "cdefgh"]) == REDACTED
    assert mask("x ababa y", ["aba"]) == "x ababa y"
    assert mask("x ababababa y", ["ababa"]) == f"x {REDACTED} y"


def test_a_secret_as_a_key_is_masked_too() -> None:
    assert mask({"user hunter22": 1}, ["hunter22"]) == {f"user {REDACTED}": 1}


def test_a_line_of_a_key_is_a_secret_and_its_frame_is_none() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\n-----END PRIVATE KEY-----\n"
    assert mask("bad line MIIEvQIBADANBgkqhkiG9w0BAQEF after -----BEGIN PRIVATE KEY-----", [key]) == f"bad line {REDACTED} after -----BEGIN PRIVATE KEY-----"


WRITERS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "json": json.dumps,
    "json with letters": lambda text: json.dumps(text, ensure_ascii=False),
    "python": repr,
    "python in a dict": lambda text: repr({"k": [text]}),
    "url segment": lambda text: quote(text, safe=""),
    "url path": quote,
    "url form": quote_plus,
    "html": html.escape,
    "sql string": lambda text: "'" + text.replace("'", "''") + "'",
    "sql string with backslashes": lambda text: "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'",
    "sql identifier": lambda text: '"' + text.replace('"', '""') + '"',
    "json of sql": lambda text: json.dumps("PASSWORD '" + text.replace("'", "''") + "'"),
    "python of sql": lambda text: repr("PASSWORD '" + text.replace("'", "''") + "'"),
    "json of json": lambda text: json.dumps(json.dumps(text)),
}


MARK = "QZQ"


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS.keys())
@pytest.mark.parametrize("quotes", ["", "'", '"', "'\""])
@given(secret=st.text(st.characters(codec="utf-8", exclude_characters="QZ"), min_size=4, max_size=20))
@example(secret=HARD)
@example(secret="it's")
@example(secret='say "x"')
@example(secret="back\\slash'")
@example(secret="line\nbreak'\"")
def test_nothing_is_left_of_a_secret_however_it_is_written(writer: Callable[[str], str], quotes: str, secret: str) -> None:
    shown = mask(writer(f"{quotes}{MARK}{secret}{MARK}"), [secret])
    _unused, between, _unused = shown.split(MARK)
    assert between == REDACTED


@given(secrets=st.lists(st.text("abc", min_size=4, max_size=6), max_size=4), text=st.text("abc", max_size=40))
def test_no_known_secret_is_left_in_any_text(secrets: list[str], text: str) -> None:
    shown = mask(text, secrets)
    assert not any(secret in shown for secret in secrets)
    assert mask(shown, secrets) == shown


class OldModule:
    """The handling of secrets by AnsibleModule before ansible-core 2.22."""

    def __init__(self) -> None:
        self.no_log_values: set[str] = set()


def test_register_uses_no_log_values_where_core_has_nothing_better(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ansible.module_utils.secrets", None)
    module = OldModule()
    register(module, ["hunter22", "q7Z!", "abc", 12345, None, "<REDACTED>"])
    assert module.no_log_values == {"hunter22", "q7Z!"}


def test_register_uses_cores_secrets_where_there_are_some(monkeypatch: pytest.MonkeyPatch) -> None:
    registered: list[str] = []
    core = types.ModuleType("ansible.module_utils.secrets")
    monkeypatch.setattr(core, "register_secret", registered.append, raising=False)
    monkeypatch.setitem(sys.modules, "ansible.module_utils.secrets", core)
    module = OldModule()
    register(module, ["hunter22", "abc"])
    assert (registered, module.no_log_values) == (["hunter22"], set())


def test_masking_takes_time_in_proportion_to_the_text() -> None:
    """Every position of a secret that repeats without end and overlaps itself."""
    import time

    started = time.monotonic()
    assert mask("abababab" * 400_000, ["abab"]) == "<REDACTED>"
    assert mask("abcd " * 200_000, ["abcd"]).count("<REDACTED>") == 200_000
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "name",
    ["secretValue", "passwordValue", "bearer", "jwt", "sasUrl", "connectionString", "credentialsJson", "privateKeyBase64", "access_token_text"],
)
def test_names_that_no_table_knows_hold_secrets_too(name: str) -> None:
    assert looks_secret(name) and mask({"extra": {name: 5439}}) == {"extra": {name: REDACTED}}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:s3cret@proxy.example.com:8080/a", "https://<REDACTED>@proxy.example.com:8080/a"),
        ("see https://user@host/ and http://a:b@c", "see https://<REDACTED>@host/ and http://<REDACTED>@c"),
        ("Server=x;Uid=sa;PWD=s3cret;Encrypt=yes", "Server=x;Uid=sa;PWD=<REDACTED>;Encrypt=yes"),
        ("jdbc:x?user=a&password=s3cret&ssl=1", "jdbc:x?user=a&password=<REDACTED>&ssl=1"),
        ("https://host.example.com/a@b", "https://host.example.com/a@b"),
        ("ALTER USER a SET PASSWORD = '***'", "ALTER USER a SET PASSWORD = '***'"),
        ("update_password=always", "update_password=always"),
    ],
)
def test_the_secret_parts_of_a_value_are_hidden_whatever_its_name(text: str, shown: str) -> None:
    assert mask(text) == shown and mask({"proxyUrl": text}) == {"proxyUrl": shown}


def test_a_part_that_never_ends_takes_no_time() -> None:
    import time

    started = time.monotonic()
    mask("://" * 300_000)
    mask("password=" * 100_000)
    assert time.monotonic() - started < 5
