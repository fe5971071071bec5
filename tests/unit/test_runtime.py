# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface between Ansible and the collection, with real module processes."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from support.modules import Reply, run_module

NASTY = 'it\'s "q";$$%s {{ x }} \\ \u00fc\n5439'

TINY = """
from ansible_collections.community.immuta.plugins.module_utils._core.errors import OptionError
from ansible_collections.community.immuta.plugins.module_utils._ansible.runtime import run

SPEC = {
    "plain": {"type": "str"},
    "user_name": {"type": "str", "aliases": ["userName"]},
    "pass_word": {"type": "str", "aliases": ["passWord"], "no_log": True},
    "size": {"type": "int", "default": 5},
    "config": {
        "type": "dict",
        "options": {
            "host": {"type": "str", "aliases": ["hostName"]},
            "token": {"type": "str", "no_log": True},
            "deep": {"type": "dict", "options": {"key_name": {"type": "str", "aliases": ["keyName"], "no_log": False}}},
            "many": {"type": "list", "elements": "dict", "options": {"url": {"type": "str", "aliases": ["theUrl"]}}},
            "extra": {"type": "dict"},
        },
    },
    "dest": {"type": "path"},
    "text": {"type": "str"},
}

def work(task):
    if "text" in task.params:
        return {"changed": task.write_file(task.params["dest"], task.params["text"]), "dest": task.params["dest"]}
    if task.params.get("plain") == "fail":
        raise OptionError("It is wrong.", option="config.host", hint="Mend it.", more=[1])
    if task.params.get("plain") == "boom":
        raise ValueError(f"cannot work with {task.params['pass_word']!r}")
    if task.params.get("plain") == "warn":
        task.warn(f"careful with {task.params['config']['extra']['newToken']}")
    if task.params.get("plain") == "register":
        task.register_secrets("a made key")
        return {"changed": False, "shown": "here is a made key in a text"}
    return {"changed": False, "got": {name: value for name, value in task.params.items()}, "check": task.check_mode}

if __name__ == "__main__":
    run(work, argument_spec=SPEC, tenant=False, add_file_common_args=True)
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Any:
    source = tmp_path / "tiny.py"
    source.write_text(TINY, encoding="utf-8")

    def call(arguments: dict[str, Any], **how: Any) -> Reply:
        return run_module(source, arguments, tmp_path, **how)

    return call


# --- options


def test_null_is_not_given_at_every_depth(tiny: Any) -> None:
    got = tiny({"plain": None, "config": {"host": None, "deep": {"key_name": None}, "extra": {"a": None, "b": {"c": None}}}})["got"]
    assert (got["size"], got["config"], "plain" in got) == (5, {"deep": {}, "extra": {"b": {}}}, False)


def test_the_spelling_of_the_api_fills_the_option_at_every_depth(tiny: Any) -> None:
    got = tiny({"userName": "u", "config": {"hostName": "h", "deep": {"keyName": "k"}, "many": [{"theUrl": "v"}]}})["got"]
    assert got["user_name"] == "u"
    assert got["config"]["host"] == "h"
    assert got["config"]["deep"]["key_name"] == "k"
    assert got["config"]["many"][0]["url"] == "v"


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"user_name": "a", "userName": "b"}, "user_name"),
        ({"config": {"host": "a", "hostName": "b"}}, "config.host"),
        ({"config": {"deep": {"key_name": "a", "keyName": "b"}}}, "config.deep.key_name"),
        ({"config": {"many": [{"url": "a"}, {"url": "a", "theUrl": "b"}]}}, "config.many.url"),
    ],
)
def test_two_spellings_with_different_values_are_an_error(tiny: Any, given: dict[str, Any], option: str) -> None:
    result = tiny(given).result
    assert result["failed"]
    assert result["option"] == option
    assert "two spellings of one option" in result["msg"]


@pytest.mark.parametrize("given", [{"user_name": "a", "userName": "a"}, {"user_name": None, "userName": "a"}, {"user_name": "a", "userName": None}])
def test_two_spellings_with_one_value_are_one(tiny: Any, given: dict[str, Any]) -> None:
    assert tiny(given)["got"]["user_name"] == "a"


def test_two_spellings_of_a_secret_are_refused_without_telling_it(tiny: Any) -> None:
    reply = tiny({"pass_word": "one s3cret", "passWord": "another s3cret"})
    assert reply["option"] == "pass_word"
    assert "s3cret" not in reply.output


# --- unknown keys


def test_an_unknown_key_hints_at_extra(tiny: Any) -> None:
    result = tiny({"config": {"hots": "h"}}).result
    assert result["option"] == "config.hots"
    assert "config.hots" in result["msg"]
    assert result["msg"].endswith("goes under config.extra.")


def test_an_unknown_key_at_the_top_has_no_such_place(tiny: Any) -> None:
    result = tiny({"plian": "x"}).result
    assert result["option"] == "plian"
    assert "extra" not in result["msg"].replace("extra)", "")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"plian": "x"}, "plain"),
        ({"cofnig": {"host": "x"}}, "config"),
        ({"config": {"hots": "x"}}, "config.host"),
        ({"config": {"HOST": "x"}}, "config.host"),
        ({"config": {"deep": {"keyNmae": "x"}}}, "config.deep.keyName"),
        ({"config": {"many": [{}, {"ulr": "x"}]}}, "config.many.url"),
        ({"config": {"hots": "x"}, "plian": "y"}, "config.host, plain"),
    ],
)
def test_an_unknown_key_is_answered_with_the_one_that_is_meant(tiny: Any, given: dict[str, Any], meant: str) -> None:
    assert f" Did you mean {meant}?" in tiny(given)["msg"]


@pytest.mark.parametrize("given", [{"zzz": "x"}, {"config": {"zzz": "x"}}, {"config": {"host": "x"}, "plain": "fail"}])
def test_nothing_is_meant_where_nothing_is_near(tiny: Any, given: dict[str, Any]) -> None:
    assert "Did you mean" not in tiny(given)["msg"]


def test_the_extra_that_is_hinted_at_is_there(tmp_path: Path) -> None:
    arguments = {"action": "create", "dest": "x", "connection": {"connection_key": "k", "connection": {"hostnam": "h", "technology": "Snowflake"}}}
    message = run_module("immuta_integration_script", arguments, tmp_path)["msg"]
    assert "Did you mean connection.connection.hostname?" in message
    assert message.endswith("goes under connection.connection.extra.")
    assert "goes under" not in run_module("immuta_integration_script", {**arguments, "connection": {"conection": {}}}, tmp_path)["msg"]


@pytest.mark.parametrize(
    ("given", "secret"),
    [
        ({"config": {"pasword": "s3cret word"}}, "s3cret word"),
        ({"config": {"pasword": 987654321}}, "987654321"),
        ({"config": {"deep": {"privat": ["s3cret word"]}}}, "s3cret word"),
        ({"config": {"many": [{"tokne": {"a": "s3cret word"}}]}}, "s3cret word"),
        ({"pasword": "abc"}, "abc"),
    ],
)
def test_the_value_of_an_unknown_key_is_hidden(tiny: Any, given: dict[str, Any], secret: str) -> None:
    reply = tiny(given, settings={"inject_invocation": True, "verbosity": 4})
    assert reply["failed"]
    assert secret not in reply.output
    assert secret not in reply.log


def test_an_unknown_key_hides_its_value_and_no_other_words(tiny: Any) -> None:
    result = tiny(
        {"plain": "immuta", "config": {"databse": "immuta", "host": "immuta"}}, settings={"inject_invocation": True, "module_name": "immuta_tiny"}
    ).result
    assert "immuta_tiny" in result["msg"]
    assert result["invocation"]["module_args"] == {"plain": "immuta", "config": {"databse": "<REDACTED>", "host": "immuta"}}


# --- secrets


def test_the_log_holds_the_names_of_the_options_alone(tiny: Any) -> None:
    reply = tiny({"plain": "a value", "pass_word": NASTY, "config": {"token": NASTY, "extra": {"newToken": NASTY}}})
    assert reply.log.strip() == "Invoked with the options config, pass_word, plain"


@pytest.mark.parametrize("name", ["token", "extra"])
def test_secrets_in_dicts_are_hidden_in_the_result(tiny: Any, name: str) -> None:
    given = {"token": "s3cret word"} if name == "token" else {"extra": {"newToken": "s3cret word", "port": 54321}}
    reply = tiny({"config": {"host": "s3", **given}}, settings={"inject_invocation": True})
    assert "s3cret word" not in reply.output
    assert reply["got"]["config"]["host"] == "s3"


def test_a_dict_that_is_given_as_text_hides_its_secrets_too(tiny: Any) -> None:
    reply = tiny({"config": {"extra": json.dumps({"newToken": "s3cret word", "other": "value"})}}, settings={"inject_invocation": True})
    assert "s3cret word" not in reply.output
    assert reply["got"]["config"]["extra"]["other"] == "value"


def test_a_secret_may_be_part_of_the_name_of_an_option(tiny: Any) -> None:
    shown = tiny({"config": {"token": "token"}}, settings={"inject_invocation": True})["invocation"]["module_args"]["config"]
    assert shown["token"] == "<REDACTED>"


def test_numbers_are_never_taken_for_secrets(tiny: Any) -> None:
    reply = tiny({"plain": "listens on 54321", "config": {"extra": {"newToken": 54321}}})
    assert reply["got"]["plain"] == "listens on 54321"


def test_a_warning_is_masked(tiny: Any) -> None:
    reply = tiny({"plain": "warn", "config": {"extra": {"newToken": "s3cret 'word'"}}})
    assert "s3cret" not in reply.output
    assert "careful with" in reply.output


def test_a_secret_that_turns_up_later_is_hidden(tiny: Any) -> None:
    reply = tiny({"plain": "register"})
    assert "a made key" not in reply.output
    assert "here is" in reply["shown"]


# --- results


def test_an_error_is_one_failure_with_its_facts(tiny: Any) -> None:
    result = tiny({"plain": "fail"}).result
    assert {name: result[name] for name in ("failed", "msg", "option", "more")} == {
        "failed": True,
        "msg": "It is wrong. Mend it.",
        "option": "config.host",
        "more": [1],
    }


def test_an_unexpected_error_is_a_failure_without_secrets(tiny: Any) -> None:
    reply = tiny({"plain": "boom", "pass_word": "it's a s3cret"}, settings={"verbosity": 4})
    assert reply["failed"]
    assert reply["msg"].startswith("Unexpected ValueError: cannot work with ")
    assert "s3cret" not in reply.output


def test_check_mode_reaches_the_work(tiny: Any) -> None:
    assert tiny({}, check=True)["check"] is True
    assert tiny({})["check"] is False


# --- files


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_written_for_its_owner_alone(tiny: Any, tmp_path: Path) -> None:
    dest = tmp_path / "a file"
    old = os.umask(0)
    try:
        assert tiny({"dest": str(dest), "text": "\u00fc\n"})["changed"] is True
    finally:
        os.umask(old)
    assert dest.read_bytes() == b"\xc3\xbc\n"
    assert mode_of(dest) == 0o600


def test_the_same_content_is_no_change(tiny: Any, tmp_path: Path) -> None:
    dest = tmp_path / "file"
    assert [tiny({"dest": str(dest), "text": "x"})["changed"] for _unused in range(2)] == [True, False]
    assert tiny({"dest": str(dest), "text": "y"})["changed"] is True


def test_a_file_that_others_can_read_is_closed(tiny: Any, tmp_path: Path) -> None:
    dest = tmp_path / "file"
    dest.write_text("x", encoding="utf-8")
    dest.chmod(0o644)
    assert tiny({"dest": str(dest), "text": "x"}, check=True)["changed"] is True
    assert mode_of(dest) == 0o644
    assert tiny({"dest": str(dest), "text": "x"})["changed"] is True
    assert mode_of(dest) == 0o600


def test_another_mode_can_be_asked_for(tiny: Any, tmp_path: Path) -> None:
    dest = tmp_path / "file"
    tiny({"dest": str(dest), "text": "x", "mode": "0640"})
    assert mode_of(dest) == 0o640


def test_check_mode_writes_nothing(tiny: Any, tmp_path: Path) -> None:
    dest = tmp_path / "file"
    assert tiny({"dest": str(dest), "text": "x"}, check=True)["changed"] is True
    assert not dest.exists()
    dest.write_text("x", encoding="utf-8")
    dest.chmod(0o600)
    assert tiny({"dest": str(dest), "text": "x"}, check=True)["changed"] is False
    assert tiny({"dest": str(dest), "text": "y"}, check=True)["changed"] is True
    assert dest.read_text(encoding="utf-8") == "x"


def test_the_file_is_replaced_as_a_whole(tiny: Any, tmp_path: Path) -> None:
    # a process that has the old file open continues to read the old content
    dest = tmp_path / "file"
    tiny({"dest": str(dest), "text": "old"})
    with dest.open(encoding="utf-8") as stream:
        tiny({"dest": str(dest), "text": "new"})
        assert stream.read() == "old"
    assert dest.read_text(encoding="utf-8") == "new"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_folder_that_is_not_there_is_named(tiny: Any, tmp_path: Path) -> None:
    result = tiny({"dest": str(tmp_path / "none" / "file"), "text": "x"}).result
    assert result["failed"]
    assert result["option"] == "dest"
    assert str(tmp_path / "none") in result["msg"]


def test_a_folder_that_is_not_there_yet_is_no_matter_in_check_mode(tiny: Any, tmp_path: Path) -> None:
    assert tiny({"dest": str(tmp_path / "none" / "file"), "text": "x"}, check=True)["changed"] is True


@pytest.mark.parametrize("check", [False, True])
def test_a_folder_or_a_file_in_the_way_is_named(tiny: Any, tmp_path: Path, check: bool) -> None:
    (tmp_path / "blocker").touch()
    assert tiny({"dest": str(tmp_path), "text": "x"}, check=check)["option"] == "dest"
    assert tiny({"dest": str(tmp_path / "blocker" / "file"), "text": "x"}, check=check)["option"] == "dest"


# --- the real modules, without a tenant


@pytest.mark.parametrize("module", ["immuta_integration", "immuta_integration_info", "immuta_integration_script"])
def test_a_tenant_has_to_be_named(module: str, tmp_path: Path) -> None:
    arguments = {"immuta_integration": {"type": "Trino"}, "immuta_integration_info": {}}.get(module, {"action": "delete", "id": "1", "dest": "x"})
    result = run_module(module, arguments, tmp_path).result
    assert result["failed"]
    assert result["option"] == "url"
    assert "IMMUTA_URL" in result["msg"]


def test_credentials_have_to_be_given(tmp_path: Path) -> None:
    result = run_module("immuta_integration_info", {"url": "https://tenant.example.com"}, tmp_path).result
    assert result["option"] == "api_key"
    assert "IMMUTA_API_KEY" in result["msg"]


def test_every_failure_names_the_tenant(tmp_path: Path) -> None:
    arguments = {"url": "https://tenant.example.com", "api_key": "k3y-k3y", "type": "Snowflake", "config": {"host": "h", "schema": "s"}}
    result = run_module("immuta_integration", arguments, tmp_path).result
    assert (result["failed"], result["tenant"], result["option"]) == (True, "tenant.example.com", "config.schema")


def test_a_module_logs_no_value(tmp_path: Path) -> None:
    arguments = {"url": "http://127.0.0.1:9", "api_key": "k3y-k3y", "retries": 0, "type": "Snowflake", "config": {"host": "h.example.com", "password": NASTY}}
    reply = run_module("immuta_integration", arguments, tmp_path)
    assert reply["failed"]
    assert reply.log.strip() == "Invoked with the options api_key, config, retries, type, url"
