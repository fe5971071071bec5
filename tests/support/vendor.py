# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of the vendor's pages, read from the copies in tests/module/vendor."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

PAGES = Path(__file__).resolve().parents[1] / "module" / "vendor"
_COMMAND = re.compile(r"curl -X '(?P<method>\w+)' \\\n\s+'(?P<url>[^']+)'(?P<rest>.*?)(?=\n\n|\Z)", re.DOTALL)
_BODY = re.compile(r"-d '(?P<body>[^']*)'", re.DOTALL)


@dataclass(frozen=True)
class Command:
    """A request as the vendor's page shows it. body: verbatim, empty when there is none."""

    page: str
    number: int
    method: str
    path: str
    body: str

    @property
    def payload(self) -> dict[str, Any]:
        """The body as a person's YAML file holds it after pasting it."""
        payload: dict[str, Any] = yaml.safe_load(self.body)
        return payload

    @property
    def type(self) -> str:
        return str(self.payload.get("type", ""))

    def __str__(self) -> str:
        return f"{self.page.partition('-')[0]}-{self.number}-{self.method}-{self.path}" + (f"-{self.type}" if self.body else "")


def commands() -> list[Command]:
    """Every command of every page, in the order of the pages."""
    found = []
    for page in sorted(PAGES.glob("*.txt")):
        for number, match in enumerate(_COMMAND.finditer(page.read_text(encoding="utf-8")), 1):
            body = _BODY.search(match["rest"])
            found.append(Command(page.stem, number, match["method"], urlsplit(match["url"]).path, body["body"] if body else ""))
    return found


def with_body(method: str, path: str) -> list[Command]:
    """The commands with a body, by method and the end of their path (a regular expression)."""
    return [each for each in commands() if each.body and each.method == method and re.search(f"{path}$", each.path)]
