# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code of M(community.immuta.immuta_report), which writes a report to three files.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from .._core.errors import OptionError
from .._fleet.report import as_json, report_on
from .._fleet.report_junit import as_junit
from .._fleet.report_page import as_html
from .runtime import Task

PAGE, DOCUMENT, JUNIT = "report.html", "report.json", "junit.xml"


def write_report(task: Task) -> dict[str, Any]:
    """Write the files, and return their paths and the totals. The task is changed if the report differs from the existing files, apart from its time."""
    fleet = task.params.get("fleet")
    generated = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    report = report_on(_read_fleet(task.params["src"]) if fleet is None else fleet, title=task.params["title"], generated=generated)
    texts = {PAGE: as_html(report), DOCUMENT: as_json(report), JUNIT: as_junit(report)}
    if not task.params["dest"]:
        raise OptionError("dest is empty.", option="dest")
    folder = os.path.abspath(task.params["dest"])
    _create(folder, task.check_mode)
    paths = {name: os.path.join(folder, name) for name in texts}
    changed = _contents_of_file(paths[DOCUMENT]) != _contents_of(texts[DOCUMENT]) or not all(map(os.path.exists, paths.values()))
    permissions = _permissions(paths.values())
    for name, path in paths.items():
        task.write_file(path, texts[name])
    return {
        "changed": changed or permissions != _permissions(paths.values()),
        "dest": folder,
        "files": [paths[name] for name in texts],
        "summary": report.summary,
    }


def _read_fleet(path: str) -> Mapping[str, Any]:
    try:
        with open(path, encoding="utf-8") as stream:
            document = json.load(stream)
    except (OSError, ValueError) as error:
        raise OptionError(f"src {path} cannot be read: {error}.", option="src", hint="Give the file that immuta_fleet wrote to its dest.") from None
    return document if isinstance(document, Mapping) else {}


def _create(folder: str, check_mode: bool) -> None:
    if check_mode:
        return
    try:
        os.makedirs(folder, mode=0o755, exist_ok=True)
    except OSError as error:
        raise OptionError(f"dest {folder} cannot be created: {error}.", option="dest") from None


def _permissions(paths: Iterable[str]) -> list[tuple[int, int, int] | None]:
    """Return mode, owner and group of each file, or None for a file that does not exist."""
    found = [os.stat(path) if os.path.exists(path) else None for path in paths]
    return [each and (each.st_mode, each.st_uid, each.st_gid) for each in found]


def _contents_of_file(path: str) -> Any:
    try:
        with open(path, encoding="utf-8") as stream:
            return _contents_of(stream.read())
    except (OSError, ValueError):
        return None


def _contents_of(text: str) -> Any:
    """Return the contents of a report without the time of its creation."""
    document = json.loads(text)
    return {name: value for name, value in document.items() if name != "generated"} if isinstance(document, dict) else None
