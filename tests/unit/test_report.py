# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report on a fleet: what it says, and that no name in it can do anything. How the page looks and works, tests/report asks a browser."""

from __future__ import annotations

import json
import re
import unicodedata
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import OptionError
from ansible_collections.community.immuta.plugins.module_utils._core.secrets import REDACTED
from ansible_collections.community.immuta.plugins.module_utils._fleet.report import STATES, Report, as_json, escape_invisible, report_on
from ansible_collections.community.immuta.plugins.module_utils._fleet.report_junit import as_junit
from ansible_collections.community.immuta.plugins.module_utils._fleet.report_page import SCRIPT, STYLE, as_html
from support.fleets import HOSTILE, SECRET, TENANTS, fleet

WRITERS: dict[str, Callable[[Report], str]] = {"html": as_html, "json": as_json, "xml": as_junit}
FLEETS = {
    "one": fleet(1),
    "forty": fleet(40, mistyped=True),
    "none": fleet(0),
    "hostile": fleet(40, hostile=True, worst=True),
    "hostile and fine": fleet(40, hostile=True),
    "thousand": fleet(1000),
}
VOID = {"meta", "input"}


def report(found: dict[str, Any], title: str = "Platforms") -> Report:
    return report_on(found, title=title, generated="2026-11-28T10:00:00Z")


class Page(HTMLParser):
    """A page taken apart: its elements, the texts of each kind, and that every element ends where it should."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.within: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _value in attrs]
        assert len(names) == len(set(names))
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.within.setdefault(tag, [])
        if tag not in VOID:
            self.open.append(tag)
            self.within[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        for tag in set(self.open):
            self.within[tag][-1] += data

    def of(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        return [found for name, found in self.elements if name == tag and attributes.items() <= found.items()]


# --- what it says


@pytest.mark.parametrize(
    "given, states",
    [
        ({"action": "unchanged", "done": True, "healthy": True}, "fine"),
        ({"action": "unchanged", "done": True}, "fine"),
        ({"action": "updated", "done": True}, "drifted"),
        ({"action": "created", "done": False}, "drifted"),
        ({"action": "deleted", "done": True, "healthy": False}, "unhealthy drifted"),
        ({"failed": True}, "failed"),
        ({"failed": True, "action": "updated", "healthy": False}, "failed unhealthy drifted"),
        ({"done": False}, "pending"),
        ({"done": False, "action": "unchanged"}, "pending"),
        ({"action": "unchanged", "done": True, "kind": "integration", "owner": "lake"}, "owned"),
        ({"action": "unchanged", "done": True, "kind": "connection", "owner": "lake"}, "fine"),
    ],
)
def test_the_states_of_a_platform(given: dict[str, Any], states: str) -> None:
    (platform,) = report({"format": 1, "platforms": {"h": given}}).platforms
    assert " ".join(platform.states) == states


@pytest.mark.parametrize(
    "given, message",
    [
        ({"action": "updated", "msg": "h: updated (config.role), unhealthy: status error"}, "to be updated (config.role), unhealthy: status error"),
        ({"action": "created", "msg": "h: to be registered, with scripts on the warehouse"}, "to be registered, with scripts on the warehouse"),
        ({"action": "deleted", "msg": "h: deleted"}, "to be removed"),
        ({"action": "updated", "failed": True, "msg": "h: updated it is not"}, "updated it is not"),
        ({"msg": "https://admin:hunter22@h.example.com is down"}, f"https://{REDACTED}@h.example.com is down"),
        ({}, ""),
    ],
)
def test_the_message_of_a_platform(given: dict[str, Any], message: str) -> None:
    (platform,) = report({"format": 1, "platforms": {"h": given}}).platforms
    assert platform.message == message


@pytest.mark.parametrize("found", FLEETS.values(), ids=FLEETS)
def test_all_three_say_the_same_in_numbers(found: dict[str, Any]) -> None:
    made = report(found)
    document = json.loads(as_json(made))
    suites = ET.fromstring(as_junit(made))
    page = Page(as_html(made))
    rows = page.of("tr", role="row")[1:]
    total = len(found["platforms"])
    assert total == document["summary"]["platforms"] == len(document["platforms"]) == int(suites.get("tests", "")) == len(rows)
    states = Counter(state for row in rows for state in row["data-states"].split())
    assert {state: states[state] for state in STATES} == {state: document["summary"][state] for state in STATES}
    expected = {"drifted": "drifted", "unhealthy": "unhealthy", "owned": "owned", "failed": "failed_hosts"}
    assert {state: document["summary"][state] for state in expected} == {state: len(found[key]) for state, key in expected.items()}
    assert document["summary"]["unmanaged"] == (None if found["unmanaged"] is None else len(found["unmanaged"]))
    for tenant in document["tenants"]:
        assert tenant["platforms"] == sum(platform["tenant"] == tenant["tenant"] for platform in document["platforms"])
    assert sum(tenant["platforms"] for tenant in document["tenants"]) == total


@pytest.mark.parametrize("found", FLEETS.values(), ids=FLEETS)
def test_a_test_case_is_a_platform(found: dict[str, Any]) -> None:
    made = report(found)
    root = ET.fromstring(as_junit(made))
    cases = {(case.get("classname"), case.get("name")): case for case in root.iter("testcase")}
    assert len(cases) == len(made.platforms)
    for platform in made.platforms:
        case = cases[escape_invisible(platform.tenant) or "no tenant", escape_invisible(platform.name)]
        marks = [child.tag for child in case]
        bad = bool({"failed", "unhealthy", "drifted"} & set(platform.states))
        assert marks == (["failure"] if bad else ["skipped"] if "pending" in platform.states else [])
        if bad:
            assert escape_invisible(platform.message) in (case[0].get("message") or "") and set((case[0].get("type") or "").split()) == set(platform.states)
            assert all(escape_invisible(test) in (case[0].text or "") for test in platform.failed_tests)
    assert {suite.tag for suite in root} <= {"testsuite"}
    for each in (root, *root):
        failures, skipped = (len([*each.iter(tag)]) for tag in ("failure", "skipped"))
        counted = {"tests": len([*each.iter("testcase")]), "failures": failures, "errors": 0, "skipped": skipped}
        assert {name: int(each.get(name, "")) for name in counted} == counted


def test_field_by_field() -> None:
    made = report(fleet(40))
    platform = next(each for each in made.platforms if each.name == "warehouse_0000")
    shown = [(change.field, change.shown_before, change.shown_after, change.secret) for change in platform.changes]
    assert shown[:3] == [
        ("config.audit.enabled", "false", "true", False),
        ("config.role", "IMMUTA_OLD", "IMMUTA_SYSTEM", False),
        ("config.tags", "not set", '["finance", "eu"]', False),
    ]
    assert [field for field, _before, _after, secret in shown if secret] == [
        "config.password",
        "config.extra.pepper",
        "config.oauth_client_config.client_secret",
    ]
    text = re.sub(r"\s+", " ", "".join(Page(as_html(made)).texts))
    assert "config.role: is IMMUTA_OLD and should be IMMUTA_SYSTEM" in text and "config.password: a secret that will be sent" in text
    assert "Failed validation tests: Warehouse access: USAGE on warehouse IMMUTA_WH is missing" in text
    assert "config.role is IMMUTA_OLD and should be IMMUTA_SYSTEM" in as_junit(made)
    assert json.loads(as_json(made))["platforms"][0].keys() >= {"name", "changes", "failed_tests", "states"}


def test_a_tenant_is_one_row_and_one_that_could_not_be_read_has_unknown_strays() -> None:
    found = fleet(40)
    found["tenants"] += [{"tenant": TENANTS[0], "error": None}, {"tenant": TENANTS[2], "error": found["tenants"][-1]["error"]}]
    made = report(found)
    assert [(tenant.name, tenant.unmanaged, len(tenant.errors)) for tenant in made.tenants] == [(TENANTS[2], None, 1), (TENANTS[0], 1, 0), (TENANTS[1], 1, 0)]
    assert "A tenant could not be read, so its unmanaged platforms are unknown." in as_html(made)
    assert "A tenant could not be read" not in as_html(report(fleet(1)))


@pytest.mark.parametrize(
    "wrong", [{}, {"format": 2, "platforms": {}}, {"format": 1}, {"format": 1, "platforms": []}, {"format": 1, "platforms": {"h": "fine"}}]
)
def test_what_is_no_fleet_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="not what the module immuta_fleet returns"):
        report(wrong)


@pytest.mark.parametrize("odd", [None, "text", 7, ["text"], {"a": 1}, [{"field": None}], [[]]])
def test_odd_values_are_no_crash(odd: Any) -> None:
    parts = ("changes", "failed_tests", "msg", "status", "healthy", "tenant", "owner", "id")
    found = {"format": 1, "platforms": {"h": dict.fromkeys(parts, odd)}, "tenants": odd, "unmanaged": odd, "plan_sha256": odd}
    assert all(write(report(found)) for write in WRITERS.values())


# --- what no name can do


@pytest.mark.parametrize("found", FLEETS.values(), ids=FLEETS)
@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_nothing_secret_and_nothing_unseen(write: Callable[[Report], str], found: dict[str, Any]) -> None:
    text = write(report(found))
    assert SECRET not in text
    assert not {character for character in text if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")} - set("\n\u200d")
    text.encode("utf-8")


def named(name: str) -> Report:
    """A report in which everything has that name."""
    outcome = {
        **dict.fromkeys(("msg", "tenant", "kind", "key", "id", "action", "status", "owner"), name),
        "healthy": False,
        "failed_tests": [name],
        "changes": [{"field": name, "before": name, "after": {name: name}}],
    }
    parts = dict.fromkeys(("tenant", "error", "kind", "key", "type"), name)
    return report({"format": 1, "plan_sha256": name, "tenants": [parts], "unmanaged": [parts], "platforms": {name: outcome}}, title=name)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text(name: str) -> None:
    page, harmless = Page(as_html(named(name))), Page(as_html(named("harmless")))
    assert [(tag, *attributes) for tag, attributes in page.elements] == [(tag, *attributes) for tag, attributes in harmless.elements]
    assert "".join(page.texts).count(escape_invisible(name)) >= "".join(harmless.texts).count("harmless") - 2, "what stands in the JSON of a value is quoted"
    assert json.loads(as_json(named(name)))["platforms"][0]["name"] == name.replace("\ud800", "\ufffd")
    (case,) = ET.fromstring(as_junit(named(name))).iter("testcase")
    assert case.get("name") == escape_invisible(name)


@pytest.mark.parametrize(
    "text, shown",
    [
        ("plain ünï 漢字 \u200d\u200c \ue000", "plain ünï 漢字 \u200d\u200c \ue000"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x00\x1b\x7f\x85", "\\u0000\\u001b\\u007f\\u0085"),
        ("\u202e\u2066\u200b\ufeff\u2028", "\\u202e\\u2066\\u200b\\ufeff\\u2028"),
        ("\ud800\uffff\U000e0001", "\\ud800\\uffff\\udb40\\udc01"),
        ("\U0001fffe", "\\ud83f\\udffe"),
    ],
)
def test_what_cannot_be_seen_is_a_code(text: str, shown: str) -> None:
    assert escape_invisible(text) == shown
    assert escape_invisible("a\n\tb\x00", lines=True) == "a\n\\tb\\u0000"


# --- the page


@pytest.mark.parametrize("found", FLEETS.values(), ids=FLEETS)
def test_the_page_needs_nothing_and_lets_nothing_run(found: dict[str, Any]) -> None:
    page = Page(as_html(report(found)))
    (policy,) = [meta["content"] for meta in page.of("meta", **{"http-equiv": "Content-Security-Policy"})]
    assert policy.startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in policy and "*" not in policy
    assert page.within["script"] == [SCRIPT] and page.within["style"] == [STYLE]
    assert not {tag for tag, _attributes in page.elements} & {"img", "link", "iframe", "object", "embed", "svg", "base", "video", "audio"}
    attributes = {name for _tag, attributes in page.elements for name in attributes}
    assert not {name for name in attributes if name.startswith("on") or name in ("src", "style", "action", "formaction", "srcdoc")}
    assert [link["href"] for link in page.of("a")] == ["#platforms"]
    assert not re.search(r"https?:|url\(|@import|innerHTML|eval|document\.write", STYLE + SCRIPT)


@pytest.mark.parametrize("found", FLEETS.values(), ids=FLEETS)
def test_the_page_is_made_for_everybody(found: dict[str, Any]) -> None:
    page = Page(as_html(report(found)))
    ids = [attributes["id"] for _tag, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert page.of("html", lang="en") and len(page.of("main")) == len(page.of("h1")) == len(page.of("header")) == 1
    assert len(page.of("caption")) == len(page.of("table"))
    assert not [header for header in page.of("th") if header.get("scope") not in ("col", "row")]
    assert {section["aria-labelledby"] for section in page.of("section")} <= set(ids)
    assert {label["for"] for label in page.of("label") if "for" in label} <= set(ids)
    # without JavaScript everything is shown, and what would do nothing is not
    assert {tag for tag, attributes in page.elements if "hidden" in attributes} == {"button"} | ({"form"} if found["platforms"] else set())
    assert len(page.of("p", role="status", **{"aria-live": "polite"})) == bool(found["platforms"])
