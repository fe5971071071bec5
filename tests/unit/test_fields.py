# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversion of options to documents and back, and what counts as a difference."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import OptionError
from ansible_collections.community.immuta.plugins.module_utils._model.fields import (
    Field,
    Place,
    argument_spec,
    compare,
    deep_merge,
    drop_redacted,
    normalise_host,
    prune,
    same_value,
    to_document,
    to_options,
)
from hypothesis import given
from hypothesis import strategies as st

FIELDS = (
    Field("host_name", "Host.", host=True, immutable=True),
    Field("port", "Port.", type="int", default=443),
    Field("user_name", "User.", hidden=True),
    Field("pass_word", "Password.", secret=True),
    Field("audit", "Audit.", type="dict", fields=(Field("enabled", "On.", type="bool", default=False), Field("role_name", "Role."))),
    Field("groups", "Groups.", type="list", elements="str"),
    Field("key_file", "Key.", type="json", secret=True),
    Field("suffix", "Suffix.", pattern="^_"),
    Field(
        "work_spaces",
        "Workspaces.",
        type="list",
        elements="dict",
        fields=(Field("url", "URL.", host=True), Field("token", "Token.", secret=True)),
    ),
)
CONFIG = Place.of("config")


def document(**options: Any) -> dict[str, Any]:
    return to_document(options, FIELDS, "config")


def differences(desired: dict[str, Any], observed: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {change.field: (change.before, change.after) for change in compare(desired, observed, FIELDS, CONFIG)}


# --- argument spec


def test_an_option_accepts_the_spelling_of_the_api() -> None:
    assert argument_spec(FIELDS)["host_name"] == {"type": "str", "aliases": ["hostName"]}


def test_one_word_needs_no_alias() -> None:
    assert argument_spec(FIELDS)["port"] == {"type": "int"}


def test_a_secret_is_no_log_and_what_looks_like_one_says_that_it_is_none() -> None:
    spec = argument_spec((Field("pass_word", "A.", secret=True), Field("key_name", "B."), Field("tokens", "C.")))
    assert [option["no_log"] for option in spec.values()] == [True, False, False]


def test_options_are_nested() -> None:
    assert argument_spec(FIELDS)["audit"]["options"]["role_name"] == {"type": "str", "aliases": ["roleName"]}
    assert argument_spec(FIELDS)["work_spaces"]["elements"] == "dict"


# --- null


def test_null_is_not_given_at_every_depth() -> None:
    assert prune({"a": None, "b": {"c": None, "d": [{"e": None, "f": 1}]}}) == {"b": {"d": [{"f": 1}]}}


def test_an_empty_dict_and_an_empty_list_are_given() -> None:
    assert prune({"a": {}, "b": [], "c": {"d": None}}) == {"a": {}, "b": [], "c": {}}


def test_false_zero_and_the_empty_text_are_given() -> None:
    values = {"a": False, "b": 0, "c": ""}
    assert prune(values) == values


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_pruning_twice_changes_nothing(value: Any) -> None:
    assert prune(prune(value)) == prune(value)


# --- options to a document


def test_a_document_speaks_the_language_of_the_api() -> None:
    assert document(host_name="h", audit={"role_name": "r"}) == {"hostName": "h", "audit": {"roleName": "r"}}


def test_the_spelling_of_the_api_beside_ours_is_not_sent_twice() -> None:
    # Ansible keeps the alias next to the option that it sets
    assert document(host_name="h", hostName="h", audit={"role_name": "r", "roleName": "r"}) == {"hostName": "h", "audit": {"roleName": "r"}}


def test_objects_in_a_list_are_translated() -> None:
    assert document(work_spaces=[{"url": "u", "token": "t"}]) == {"workSpaces": [{"url": "u", "token": "t"}]}


def test_an_option_of_another_table_is_named() -> None:
    with pytest.raises(OptionError, match=r"config\.audit\.warehouse does not belong here") as caught:
        document(audit={"warehouse": "w"})
    assert caught.value.facts["option"] == "config.audit.warehouse"
    assert "config.audit.extra" not in str(caught.value)
    assert "config.extra" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "meant"), [({"hots_name": "x"}, "config.host_name"), ({"audit": {"enbaled": True}}, "config.audit.enabled"), ({"zz": 1}, "")]
)
def test_an_option_that_does_not_belong_is_answered_with_the_one_that_is_meant(options: dict[str, Any], meant: str) -> None:
    with pytest.raises(OptionError) as caught:
        document(**options)
    assert (caught.value.hint or "").startswith(f"Did you mean {meant}? Valid options" if meant else "Valid options")


def test_a_value_that_cannot_be_right_is_named() -> None:
    with pytest.raises(OptionError, match=r"config\.suffix must match") as caught:
        document(suffix="x")
    assert caught.value.facts["option"] == "config.suffix"


# --- extra


def test_extra_is_merged_at_every_depth() -> None:
    options = {"host_name": "h", "audit": {"enabled": True}, "extra": {"newPart": {"a": 1}, "audit": {"level": 3}}}
    assert document(**options) == {"hostName": "h", "audit": {"enabled": True, "level": 3}, "newPart": {"a": 1}}


def test_nulls_in_extra_are_not_given() -> None:
    assert document(extra={"newPart": None, "other": {"a": None}}) == {"other": {}}


@pytest.mark.parametrize(
    ("extra", "option", "right"),
    [
        ({"port": 1}, "config.extra.port", "config.port"),
        ({"hostName": "h"}, "config.extra.hostName", "config.host_name"),
        ({"host_name": "h"}, "config.extra.host_name", "config.host_name"),
        ({"audit": {"enabled": True}}, "config.extra.audit.enabled", "config.audit.enabled"),
        ({"audit": {"roleName": "r"}}, "config.extra.audit.roleName", "config.audit.role_name"),
        ({"audit": "yes"}, "config.extra.audit", "config.audit"),
        ({"work_spaces": {"newPart": 1}}, "config.extra.work_spaces", "config.work_spaces"),
        ({"workSpaces": [{"newPart": 1}]}, "config.extra.workSpaces", "config.work_spaces"),
    ],
)
def test_a_known_key_in_extra_is_an_error_that_names_its_option(extra: dict[str, Any], option: str, right: str) -> None:
    with pytest.raises(OptionError) as caught:
        document(extra=extra)
    assert caught.value.facts["option"] == option
    assert str(caught.value).endswith(f"Use {right}.")


# --- redacted values


@pytest.mark.parametrize("redacted", ["<REDACTED>", "REDACTED", "[REDACTED]", "{{ vault_immuta_redshift_password }}"])
def test_redacted_values_are_dropped_at_every_depth(redacted: str) -> None:
    known = {"a": 1, "b": redacted, "c": {"d": redacted}, "e": [redacted, {"f": redacted, "g": 2}], "h": {}}
    assert drop_redacted(known) == {"a": 1, "e": [{"g": 2}], "h": {}}


# --- a document to options


def test_options_come_back_with_secrets_masked() -> None:
    shown = to_options({"hostName": "h", "passWord": "s3cret", "keyFile": "{}", "workSpaces": [{"url": "u", "token": "t0ken"}]}, FIELDS)
    assert shown == {"host_name": "h", "pass_word": "<REDACTED>", "key_file": "<REDACTED>", "work_spaces": [{"url": "u", "token": "<REDACTED>"}]}


def test_what_the_tables_do_not_know_is_shown_where_it_is_given() -> None:
    shown = to_options({"newPart": 1, "newSecret": "s3cret", "audit": {"enabled": True, "level": 3, "apiToken": "t0ken"}}, FIELDS)
    assert shown == {"audit": {"enabled": True}, "extra": {"newPart": 1, "newSecret": "<REDACTED>", "audit": {"level": 3, "apiToken": "<REDACTED>"}}}


SIMPLE = {
    "host_name": st.text(),
    "port": st.integers(),
    "groups": st.lists(st.text()),
    "audit": st.fixed_dictionaries({}, optional={"enabled": st.booleans(), "role_name": st.text()}),
}


@given(st.fixed_dictionaries({}, optional=SIMPLE))
def test_options_without_secrets_survive_the_way_there_and_back(options: dict[str, Any]) -> None:
    assert to_options(to_document(options, FIELDS, "config"), FIELDS) == options


@given(st.fixed_dictionaries({}, optional=SIMPLE))
def test_a_document_does_not_differ_from_itself(options: dict[str, Any]) -> None:
    sent = to_document(options, FIELDS, "config")
    assert differences(sent, sent) == {}


# --- comparison


def test_what_is_not_given_is_not_managed() -> None:
    assert differences({}, {"port": 1, "audit": {"enabled": True}}) == {}
    assert differences({"audit": {}}, {"audit": {"enabled": True}}) == {}


def test_a_difference_is_named_by_its_option() -> None:
    assert differences({"audit": {"enabled": True}}, {"audit": {"enabled": False}}) == {"config.audit.enabled": (False, True)}


@pytest.mark.parametrize("redacted", ["<REDACTED>", "REDACTED", "[REDACTED]", None])
def test_what_the_server_hides_is_no_difference(redacted: str | None) -> None:
    observed = {} if redacted is None else {"passWord": redacted, "userName": redacted, "keyFile": redacted}
    assert differences({"passWord": "new", "userName": "me", "keyFile": "{}"}, observed) == {}


@pytest.mark.parametrize("redacted", ["<REDACTED>", "REDACTED", "[REDACTED]", "{{ vault_immuta_x }}"])
def test_a_placeholder_that_the_user_gives_is_no_difference(redacted: str) -> None:
    assert differences({"passWord": redacted, "userName": redacted}, {"userName": "me"}) == {}


def test_a_user_name_that_is_shown_is_compared() -> None:
    assert differences({"userName": "me"}, {"userName": "you"}) == {"config.user_name": ("you", "me")}


def test_a_secret_that_is_shown_is_compared_and_not_told() -> None:
    (change,) = compare({"passWord": "new"}, {"passWord": "old"}, FIELDS, CONFIG)
    assert change.as_dict() == {"field": "config.pass_word", "before": None, "after": None, "secret": True}


@pytest.mark.parametrize(("desired", "observed"), [({"port": 443}, {}), ({"audit": {"enabled": False}}, {}), ({"audit": {"enabled": False}}, {"audit": {}})])
def test_a_default_that_the_server_does_not_show_is_no_difference(desired: dict[str, Any], observed: dict[str, Any]) -> None:
    assert differences(desired, observed) == {}


def test_another_value_than_the_default_is_a_difference() -> None:
    assert differences({"port": 5439}, {}) == {"config.port": (443, 5439)}


@pytest.mark.parametrize(
    ("option", "desired", "observed"),
    [
        ("port", "443", 443),
        ("port", 443, "443"),
        ("host_name", "HTTPS://Acme.Example.COM.:443/", "acme.example.com"),
        ("groups", ["b", "a"], ["a", "b"]),
        ("groups", [1], ["1"]),
        ("groups", [], None),
        ("key_file", '{"a": 1, "b": 2}', '{"b":2,"a":1}'),
        ("key_file", '{"a": 1}', {"a": 1}),
        ("work_spaces", [{"url": "b"}, {"url": "A."}], [{"url": "a", "token": "REDACTED", "more": 1}, {"url": "B"}]),
        ("work_spaces", [], None),
    ],
)
def test_same_meaning_is_no_difference(option: str, desired: Any, observed: Any) -> None:
    field = next(each for each in FIELDS if each.option == option)
    assert same_value(desired, observed, field)


@pytest.mark.parametrize(
    ("option", "desired", "observed"),
    [
        ("port", 443, 444),
        ("host_name", "a.example.com", "b.example.com"),
        ("groups", ["a", "a"], ["a"]),
        ("groups", [], ["a"]),
        ("groups", ["a"], "a"),
        ("key_file", '{"a": 1}', '{"a": 2}'),
        ("key_file", "no json", "other"),
        ("work_spaces", [{"url": "a"}], [{"url": "b"}]),
        ("work_spaces", [{"url": "a"}], [{"url": "a"}, {"url": "b"}]),
        ("work_spaces", [{"url": "a"}], None),
    ],
)
def test_another_meaning_is_a_difference(option: str, desired: Any, observed: Any) -> None:
    field = next(each for each in FIELDS if each.option == option)
    assert not same_value(desired, observed, field)


def test_truth_is_compared_as_truth() -> None:
    field = Field("enabled", "On.", type="bool")
    assert same_value(True, "true", field)
    assert not same_value(True, "false", field)


def test_objects_in_lists_are_shown_without_their_secrets() -> None:
    changes = differences({"workSpaces": [{"url": "a", "token": "t0ken"}]}, {"workSpaces": [{"url": "b", "token": "other"}]})
    assert changes == {"config.work_spaces": ([{"url": "b", "token": "<REDACTED>"}], [{"url": "a", "token": "<REDACTED>"}])}


def test_an_immutable_field_that_the_server_does_not_show_is_no_difference() -> None:
    assert differences({"hostName": "h"}, {}) == {}


def test_a_difference_in_extra_is_named_as_it_was_given() -> None:
    desired = {"newPart": {"a": 1}, "audit": {"level": 3}}
    assert differences(desired, {"newPart": {"a": 2, "b": 3}, "audit": {"level": 2}}) == {
        "config.extra.newPart.a": (2, 1),
        "config.extra.audit.level": (2, 3),
    }


@pytest.mark.parametrize("observed", [{}, {"newToken": "<REDACTED>"}, {"newToken": "REDACTED"}])
def test_a_secret_in_extra_that_is_not_shown_is_no_difference(observed: dict[str, Any]) -> None:
    assert differences({"newToken": "t0ken"}, observed) == {}


def test_a_secret_in_extra_is_not_told() -> None:
    assert differences({"newCredentials": {"part": "t0ken"}}, {"newCredentials": {"part": "other"}}) == {"config.extra.newCredentials.part": (None, None)}


# --- hosts and merging


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Org.Example.com", "org.example.com"),
        ("https://org.example.com/", "org.example.com"),
        ("org.example.com:443", "org.example.com"),
        ("org.example.com.", "org.example.com"),
        (" jdbc://ORG.example.com.:5439/db ", "org.example.com"),
        ("127.0.0.1", "127.0.0.1"),
    ],
)
def test_hosts_compare_without_what_does_not_tell_them_apart(written: str, meant: str) -> None:
    assert normalise_host(written) == meant


@given(st.text())
def test_normalising_a_host_never_fails(text: str) -> None:
    assert normalise_host(normalise_host(text)) is not None


def test_what_is_above_wins_and_dicts_are_merged() -> None:
    assert deep_merge({"a": {"b": 1, "c": 2}, "d": [1], "e": {"f": 1}}, {"a": {"b": 3}, "d": [2], "e": 5}) == {"a": {"b": 3, "c": 2}, "d": [2], "e": 5}


def test_merging_leaves_both_as_they_were() -> None:
    below, above = {"a": {"b": 1}}, {"a": {"c": 2}}
    deep_merge(below, above)
    assert (below, above) == ({"a": {"b": 1}}, {"a": {"c": 2}})
