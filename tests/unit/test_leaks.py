# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leaks: secrets in every encoding, values of unknown keys, and URLs with a password."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._ansible.tenant import connect, tenant_of
from ansible_collections.community.immuta.plugins.module_utils._core.errors import ImmutaError, OptionError
from ansible_collections.community.immuta.plugins.module_utils._core.secrets import REDACTED, find_secrets, mask
from ansible_collections.community.immuta.plugins.module_utils._model.documents import all_as_changes, removed_as_changes
from ansible_collections.community.immuta.plugins.module_utils._model.fields import Place, compare, to_options
from ansible_collections.community.immuta.plugins.module_utils._model.platforms import CONFIG_FIELDS, PLATFORMS
from ansible_collections.community.immuta.plugins.module_utils._model.technologies import CONNECTION_FIELDS, NATIVE_FIELDS, SETTINGS_FIELDS
from hypothesis import given
from hypothesis import strategies as st
from support.leaks import LITERALS, WRITERS, base64_of, forms_of, named_forms, traces
from support.modules import run_module

HARD = "a'b\"c;d$$e%s{{ f }}\\g/\\\\hüß5439\t&<i>+=`"
FOUR = "q7Z!"


# --- encodings of a known secret


@pytest.mark.parametrize("secret", [HARD, FOUR, "it's", "p&ss/w<rd", "=>'?", "Zeichen äöü€😀"])
def test_a_known_secret_is_hidden_in_every_form(secret: str) -> None:
    for name, form in named_forms(secret).items():
        # in base64, the adjacent characters also depend on the secret
        assert mask(f"QZQ {form} QZQ", [secret]).replace(" ", "") == f"QZQ{REDACTED}QZQ", name


@given(before=st.binary(max_size=9), secret=st.text(min_size=4, max_size=40), after=st.binary(max_size=9), safe=st.booleans())
def test_in_base64_no_character_is_left_that_tells_anything_of_the_secret(before: bytes, secret: str, after: bytes, safe: bool) -> None:
    data = secret.encode()
    encode = base64.urlsafe_b64encode if safe else base64.b64encode
    whole = encode(before + data + after).decode()
    first, end = 8 * len(before) // 6, -(-8 * (len(before) + len(data)) // 6)
    left, *_between, right = mask(f"ä {whole} ä", [secret]).split(REDACTED)
    # more may be masked if the text looks the same
    assert secret in whole or (f"ä {whole[:first]}".startswith(left) and f"{whole[end:]} ä".endswith(right))


@given(secret=st.text(min_size=4, max_size=20), literal=st.sampled_from(sorted(LITERALS)), writer=st.sampled_from(sorted(WRITERS)))
def test_nothing_is_found_of_a_secret_however_it_is_written(secret: str, literal: str, writer: str) -> None:
    form = WRITERS[writer](LITERALS[literal](secret))
    assert form not in mask(f"ä{form}ä", [secret]) or form in REDACTED


@pytest.mark.parametrize("secret", [FOUR, "abcd", "1234"])
def test_four_characters_are_a_secret_and_three_are_none(secret: str) -> None:
    assert (list(find_secrets({"password": secret})), list(find_secrets({"password": secret[:3]}))) == ([secret], [])
    assert mask(f"x {secret} x", [secret]) == f"x {REDACTED} x"
    assert mask(f"x {secret} x", [secret[:3]]) == f"x {secret} x"


def test_secrets_that_overlap_and_that_touch_leave_nothing_between_them() -> None:
    for count in range(1, 40):
        for form in ("abab", "abcab", "aaaa", "hunter22"):
            assert mask(f"x{form * count}x", [form]) == f"x{REDACTED}x"
            assert form[1:] not in mask(f"{form}{form[1:] * count}", [form])[:20] or form[-1] != form[0]
    assert mask("abcabxabcabcab", ["abcab"]) == f"{REDACTED}x{REDACTED}"
    assert mask("aabaabaabaaabaab", ["aabaab"]) == f"{REDACTED}a{REDACTED}"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("abab" * 1_500_000, "abab"),
        ("hunter22" * 750_000, "hunter22"),
        ("a" * 6_000_000, "a" * 1000),
        ("aab" * 2_000_000, "aabaab"),
        ("it\\'s " * 1_000_000, "it's"),
        ("no secret at all " * 350_000, HARD),
    ],
    ids=["over itself", "side by side", "one character", "a period", "escaped", "none"],
)
def test_a_text_of_six_megabytes_is_masked_within_three_seconds(text: str, secret: str) -> None:
    started = time.process_time()
    shown = mask(text, [secret])
    assert time.process_time() - started < 3
    assert secret not in shown


ALMOST = ["://", "://a:b", "://a:1", "@://a:b", "password={;", "password='\\", '"a":"', "'a': '", "PWD=\"'", "eyJaaaaaaaa", "-----BEGIN PRIVATE KEY-----\n"]


@pytest.mark.parametrize("piece", [*ALMOST, "passwd ", '"password": "\\', "password1password1"])
def test_a_text_that_almost_holds_a_secret_takes_no_time_either(piece: str) -> None:
    text = piece * (2_000_000 // len(piece))
    started = time.process_time()
    mask(text)
    mask({text: 1})
    assert time.process_time() - started < 5


# --- unknown keys

#: unknown keys whose whole values are secret
SECRET_KEYS = """
connectionString secretValue passwordValue bearer jwt sasUrl sasUri credentialsJson privateKeyBase64 clientSecretText accessKeyData db_password_1 password2
newPasswordConfirmation passwordHash secretString tokenBody apiKeyValue sshKey sshPrivateKey encryption_key_b64 subscriptionKey functionKey sasToken
storageAccountKey signingKeyPem authorizationHeader cookieValue refresh_token_raw serviceAccountKey serviceAccountJson pat sas pfx
"""
#: values that hold a secret under any key -> how they are displayed
SECRET_PARTS = {
    "https://user:s3cr3t!@proxy.example.com:8080/a": "https://<REDACTED>@proxy.example.com:8080/a",
    "https://user:s3@cr3t!@proxy.example.com": "https://<REDACTED>@proxy.example.com",
    "https://user:s3/cr3t!@proxy.example.com/a": "https://<REDACTED>@proxy.example.com/a",
    "https://user:s3#cr3t?!@proxy.example.com/a": "https://<REDACTED>@proxy.example.com/a",
    "Server=x;Uid=sa;PWD=s3cr3t!;Encrypt=yes": "Server=x;Uid=sa;PWD=<REDACTED>;Encrypt=yes",
    "Server=x;Password = {s3;c}}r3t!};Encrypt=yes": "Server=x;Password = <REDACTED>;Encrypt=yes",
    "Server=x;Password='s3 cr3t!';Encrypt=yes": "Server=x;Password=<REDACTED>;Encrypt=yes",
    "Server=x;pwd=it's3cr3t!;Encrypt=yes": "Server=x;pwd=<REDACTED>;Encrypt=yes",
    'user=a password="s3 cr3t!" ssl=1': "user=a password=<REDACTED> ssl=1",
    "jdbc:x?user=a&password=s3cr3t!&ssl=1": "jdbc:x?user=a&password=<REDACTED>&ssl=1",
    "AccountName=a;AccountKey=s3cr3t!==;Suffix=b": "AccountName=a;AccountKey=<REDACTED>;Suffix=b",
    "https://a.blob.core.windows.net/c?sv=1&sig=s3cr3t%21&se=2": "https://a.blob.core.windows.net/c?sv=1&sig=<REDACTED>&se=2",
    '{"user": "a", "clientSecret": "s3cr3t!\\"x", "port": 1}': '{"user": "a", "clientSecret": "<REDACTED>", "port": 1}',
    "{'user': 'a', 'password': 's3cr3t!', 'pin_password': 54321}": "{'user': 'a', 'password': '<REDACTED>', 'pin_password': '<REDACTED>'}",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\nAbcd\n-----END": "-----BEGIN RSA PRIVATE KEY-----<REDACTED>-----END",
    "as eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl.": "as <REDACTED>.",
}
#: texts that look similar but hold no secret
HARMLESS = """
https://host.example.com/a@b | https://host.example.com:8080/a@b?c | https://[::1]:8080/a@b | abfss://container@account.dfs.core.windows.net/path
wasbs://container@account.blob.core.windows.net | update_password=always | must_change_password=false | ALTER USER a SET PASSWORD = '***'
{"url":"https://host.example.com","mail":"a@example.com"} | password={{ vault_immuta_x }} | assignment=s3 | user@example.com | password= | password=''
{"password": ""} | {"keyName": "PRIV_KEY_FILE"} | {"update_secrets": "always"} | https://host.example.com: ask a@example.com
-----BEGIN PRIVATE KEY----- is missing | token_url=https://x | mysig=7 | eyJhbGci.x
"""
HARMLESS_KEYS = """
host hostname id port username user_name database warehouse account role key keyName key_name connection_key connectionKey update_secrets
privateKeyId private_key_id
authentication_type token_url tokenUri tokenEndpoint idpHost clientId client_id secret_name password_policy bypass hashKeyDelimiter api_key_dest
private_key_path compat format spin paths sasl passage tokenize passwordless_login_enabled userFilename secret_key_file
"""


def everything_shown(extra: dict[str, Any]) -> list[Any]:
    """Return what a user sees of unknown keys: as options, and as changes from and to them."""
    shown: list[Any] = [mask({"extra": extra})]
    for fields in (*(platform.fields for platform in PLATFORMS.values()), CONFIG_FIELDS, CONNECTION_FIELDS, NATIVE_FIELDS):
        options = to_options(extra, fields)
        shown += [options, *all_as_changes(options), *removed_as_changes(options)]
        shown += [*compare(extra, {}, fields, Place.of("config")), *compare({name: "other" for name in extra}, extra, fields, Place.of("config"))]
    owners = {"dataOwners": [extra], "infrastructureAdmins": [extra]}
    shown += [to_options(owners, SETTINGS_FIELDS), *compare(owners, {"dataOwners": [{"a": 1}]}, SETTINGS_FIELDS, Place.of("settings"))]
    return [each.as_dict() if hasattr(each, "as_dict") else each for each in shown]


@pytest.mark.parametrize("key", SECRET_KEYS.split())
@pytest.mark.parametrize("value", ["s3cr3t!", 54321, {"deep": ["s3cr3t!", 54321]}, [{"x": "s3cr3t!"}], {"type": {"x": "s3cr3t!"}}], ids=str)
def test_a_key_that_no_table_knows_tells_nothing(key: str, value: Any) -> None:
    text = json.dumps(everything_shown({key: value, "deep": {key: value}, "list": [{key: value}]}))
    assert "s3cr3t!" not in text and "54321" not in text


@pytest.mark.parametrize(("value", "shown"), SECRET_PARTS.items())
def test_a_value_shows_none_of_its_secret_parts(value: str, shown: str) -> None:
    assert mask(value) == shown
    assert mask(shown) == shown
    text = json.dumps(everything_shown({"proxyUrl": value, "deep": {"other": [value]}}))
    assert json.dumps(shown)[1:-1] in text and json.dumps(value)[1:-1] not in text
    for field in (field for fields in (CONFIG_FIELDS, NATIVE_FIELDS, SETTINGS_FIELDS) for field in fields if field.fields and not field.secret):
        assert to_options({field.key: [value]}, [field]) == {field.option: [shown]}


@pytest.mark.parametrize("value", [each.strip() for each in HARMLESS.replace("\n", "|").split("|") if each.strip()])
def test_a_value_that_only_reads_like_one_with_a_secret_is_shown(value: str) -> None:
    assert mask(value) == value and list(find_secrets({"x": value})) == []


@pytest.mark.parametrize("key", HARMLESS_KEYS.split())
def test_a_key_that_only_reads_like_a_secret_is_shown(key: str) -> None:
    value = {key: "Shown-1", "deep": [{key: 54321}]}
    assert mask(value) == value and list(find_secrets(value)) == []


def test_what_the_tables_know_is_shown_but_for_their_secrets() -> None:
    """No option that is not secret and holds no secret has a name that looks secret."""
    for fields in (CONFIG_FIELDS, CONNECTION_FIELDS, NATIVE_FIELDS, SETTINGS_FIELDS):
        for field in fields:
            for name in (field.option, field.key):
                assert (mask({name: "Shown-1"}) == {name: "Shown-1"}) is not (field.secret or field.option.endswith("private_key")), name


def test_the_secret_parts_of_a_value_are_known_wherever_else_they_turn_up() -> None:
    options = {"proxyUrl": "https://user:s3%2Fcr3t!@proxy.example.com", "odbc": "Uid=sa;PWD={b;race}};d};x=1", "port": "1"}
    assert set(find_secrets(options)) == {"s3%2Fcr3t!", "s3/cr3t!", "b;race};d"}
    assert list(find_secrets({"url": "https://user@host.example.com", "x": "PWD=abc;password=<REDACTED>"})) == []


# --- below a secret name

DESCRIBES = """
key_name keyName user_filename type project_id client_email client_id auth_uri token_uri auth_provider_x509_cert_url client_x509_cert_url universe_domain
"""
UNDESCRIBED = "content value data text key id name uri url email user domain 0"


@pytest.mark.parametrize("name", DESCRIBES.split())
@pytest.mark.parametrize("above", ["credential", "privateKey", "credentials"])
def test_what_describes_a_secret_is_shown_and_what_only_begins_or_ends_so_is_not(above: str, name: str) -> None:
    assert mask({above: {name: "Shown-1"}}) == {above: {name: "Shown-1"}}
    for other in (*UNDESCRIBED.split(), f"{name}_x", f"x_{name}", f"{name}{name}", name[:-1], name[1:], f"{name}_value"):
        assert mask({above: {other: "s3cr3t!"}}) == {above: {other: REDACTED}}, other
        assert list(find_secrets({above: {other: "s3cr3t!"}})) == ["s3cr3t!"], other
    for whole in ({"x": "s3cr3t!"}, ["s3cr3t!"], [{"x": "s3cr3t!"}]):
        assert "s3cr3t!" not in json.dumps(mask({above: {name: whole}}))
        assert list(find_secrets({above: {name: whole}})) == ["s3cr3t!"]


# --- the URL of the tenant

BAD_URLS = [
    "https://user:s3cr3t!@tenant.example.com",
    "https://user:s3cr3t!@tenant.example.com/a?b#c",
    "https://user:s3c/r3t!@tenant.example.com",
    "https://user:s3c#r3t!@tenant.example.com",
    "https://user:s3c?r3t!@tenant.example.com",
    "https://user:4711/r3t!@tenant.example.com",
    "https://user:s3c r3t!@tenant.example.com",
    "https://user:s3c@r3t!@tenant.example.com",
    "https://s3cr3t!/x@tenant.example.com",
    "user:s3cr3t!@tenant.example.com",
    "https:user:s3cr3t!@tenant.example.com",
    "ftp://user:s3cr3t!@tenant.example.com",
    "https://user%3As3cr3t!%40tenant.example.com",
    "https://tenant.example.com/?token=s3cr3t!",
    "https://[user:s3cr3t!@tenant.example.com",
]
PIECES = ("s3c", "r3t", "user", "4711")


def pieces_in(text: str) -> list[str]:
    return [piece for piece in PIECES if piece in text.replace("no user, password", "")]


@pytest.mark.parametrize("url", BAD_URLS)
def test_the_message_of_a_refused_address_names_nobody(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMMUTA_URL", url)
    for params in ({"url": url, "api_key": "k"}, {"api_key": "k"}):
        with pytest.raises(OptionError) as caught:
            tenant_of(params)
        assert not pieces_in(f"{caught.value} {caught.value.as_fail_json()}")
        with pytest.raises(OptionError) as caught:
            connect(params, task_options=["api_key"], read_only=True, warn=lambda text: None)
        assert not pieces_in(f"{caught.value} {caught.value.as_fail_json()}")


@pytest.mark.parametrize("url", BAD_URLS)
@pytest.mark.parametrize("by", ["task", "environment"])
def test_the_result_of_a_refused_address_names_nobody(url: str, by: str, tmp_path: Path) -> None:
    arguments = {"api_key": "k3y-k3y", **({"url": url} if by == "task" else {})}
    reply = run_module("immuta_integration_info", arguments, tmp_path, environment={"IMMUTA_URL": url}, settings={"inject_invocation": True, "verbosity": 4})
    assert reply["failed"] and reply["option"] == "url"
    assert not pieces_in(json.dumps(reply.result) + reply.log)


def test_an_address_without_secrets_is_shown(tmp_path: Path) -> None:
    for url in ("https://tenant.example.com/a", "http://127.0.0.1:9"):
        arguments = {"url": url, "api_key": "k3y-k3y", "type": "Snowflake", "config": {"host": "h", "schema": "s"}}
        reply = run_module("immuta_integration", arguments, tmp_path, settings={"inject_invocation": True})
        assert reply["invocation"]["module_args"]["url"] == url
    with pytest.raises(OptionError, match=r"only https://tenant\.example\.com and a path"):
        tenant_of({"url": "https://user:s3cr3t!@tenant.example.com"})


# --- options in the output of a module


def test_what_a_module_shows_of_its_options(tmp_path: Path) -> None:
    parts = {f"part{number}": value for number, value in enumerate(SECRET_PARTS)}
    keys = SECRET_KEYS.split()
    extra = {**dict.fromkeys(keys[::2], "s3cr3t!"), **dict.fromkeys(keys[1::2], 54321), **parts, "port": 5439, "proxyHost": "Shown-1"}
    arguments = {"url": "http://127.0.0.1:9", "api_key": "k3y-k3y", "retries": 0, "type": "Snowflake", "config": {"host": "h.example.com", "extra": extra}}
    reply = run_module("immuta_integration", arguments, tmp_path, settings={"inject_invocation": True, "verbosity": 4})
    assert reply["failed"]
    shown = reply["invocation"]["module_args"]["config"]
    assert (shown["host"], shown["extra"]["port"], shown["extra"]["proxyHost"]) == ("h.example.com", 5439, "Shown-1")
    assert [shown["extra"][key] for key in keys] == [REDACTED] * len(keys)
    assert not [piece for piece in ("s3cr3t", "cr3t", "54321", "k3y-k3y", "MIIE", "eyJ") if piece in reply.output + reply.log]


@pytest.mark.parametrize("secret", [HARD, FOUR, "it's", "correct-horse", "Zeichen äöü€😀"])
def test_a_secret_among_many_is_hidden_in_every_form(secret: str) -> None:
    others = [f"another {number} s3cret" for number in range(40)]
    for name, form in named_forms(secret).items():
        shown = {"a": [{"b": f"QZQ {form} QZQ"}], "c": ("y", 7, None)}
        assert mask(shown, [secret, *others]) == mask(shown, [secret]), name
    assert mask({"a": "nothing of it"}, [secret, *others]) == {"a": "nothing of it"}


# --- the search for leaks itself


def test_the_hunt_finds_every_form_in_every_place(tmp_path: Path) -> None:
    assert len(forms_of(HARD)) > 60 and len(base64_of(HARD)) == 6
    file = tmp_path / "below" / "file"
    file.parent.mkdir()
    for form in forms_of(HARD):
        file.write_bytes(form.encode("utf-8"))
        places = (f"x {form} x", {"a": [{"b": form}]}, {form: 1}, form.encode(), ImmutaError("x", fact=[form]), ["nothing", ("x", form)], tmp_path, file)
        assert [bool(traces([HARD], place)) for place in places] == [True] * len(places), form
    file.write_text("nothing", encoding="utf-8")
    assert not traces([HARD], tmp_path, "nothing", {"a": 1})
    (tmp_path / f"name-{FOUR}").touch()
    assert {trace.where for trace in traces([FOUR], tmp_path)} == {f"0: {tmp_path / f'name-{FOUR}'}"}


def test_the_hunt_finds_a_line_of_a_key_and_not_its_frame() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\n-----END PRIVATE KEY-----\n"
    assert traces([key], "see MIIEvQIBADANBgkqhkiG9w0BAQEF") and not traces([key], "see -----BEGIN PRIVATE KEY-----")


@pytest.mark.parametrize(("secrets", "places"), [([], ["x"]), ([""], ["x"]), (["abcd"], [])])
def test_a_hunt_for_nothing_is_an_error(secrets: list[str], places: list[str]) -> None:
    with pytest.raises(ValueError, match="a hunt needs"):
        traces(secrets, *places)
