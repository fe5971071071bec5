# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report as JUnit XML, with one test case per platform.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from .report import STATES, Platform, Report, escape_invisible


def as_junit(report: Report) -> str:
    """Return the report as JUnit XML, with one suite per tenant.

    A platform that failed, is unhealthy or has drifted is a failed test. A platform that only the role can compare is a skipped test.
    """
    root = ET.Element("testsuites", name=escape_invisible(report.title))
    for tenant in report.tenants:
        cases = [platform for platform in report.platforms if platform.tenant == tenant.name]
        name = escape_invisible(tenant.name) or "no tenant"
        if cases:
            suite = ET.SubElement(root, "testsuite", {"name": name, "timestamp": report.generated.removesuffix("Z"), **_counts(cases)})
            for platform in cases:
                _case(ET.SubElement(suite, "testcase", classname=name, name=escape_invisible(platform.name), time="0"), platform)
    root.attrib.update(_counts(report.platforms))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _counts(platforms: Sequence[Platform]) -> dict[str, str]:
    failures = sum(platform.is_failure for platform in platforms)
    skipped = sum(map(_is_skipped, platforms))
    return {"tests": str(len(platforms)), "failures": str(failures), "errors": "0", "skipped": str(skipped), "time": "0"}


def _is_skipped(platform: Platform) -> bool:
    return "pending" in platform.states and not platform.is_failure


def _case(case: ET.Element, platform: Platform) -> None:
    if platform.is_failure:
        failure = ET.SubElement(case, "failure", type=" ".join(platform.states), message=escape_invisible(_sentence(platform)))
        failure.text = "\n".join(map(escape_invisible, _lines(platform)))
    elif _is_skipped(platform):
        ET.SubElement(case, "skipped", message=escape_invisible(platform.message))


def _sentence(platform: Platform) -> str:
    return f"{', '.join(STATES[state] for state in platform.states)}: {platform.message}"


def _lines(platform: Platform) -> list[str]:
    changes = [
        f"{change.field} is a secret that will be sent" if change.secret else f"{change.field} is {change.shown_before} and should be {change.shown_after}"
        for change in platform.changes
    ]
    return [_sentence(platform), *(f"Failed test: {test}" for test in platform.failed_tests), *changes]
