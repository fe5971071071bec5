# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripts as data: steps with placeholders, and what turns them into statements and into text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True)
class Step:
    """One statement. sql holds {{names}}; when: conditions that must all hold, '!' negates; role: who runs it;
    note: a comment above it; same_line: it follows the statement before on its line."""

    sql: str
    when: str = ""
    role: str = ""
    note: str = ""
    same_line: bool = False

    def applies(self, conditions: Iterable[str]) -> bool:
        return all((word.lstrip("!") in conditions) != word.startswith("!") for word in self.when.split())

    def filled(self, names: Mapping[str, str]) -> Step:
        return replace(self, sql=PLACEHOLDER.sub(lambda match: names[match[1]], self.sql))


@dataclass(frozen=True)
class Dialect:
    identifier: Callable[[str], str]
    literal: Callable[[str], str]
    end: str = ";"
    use_role: str = ""  # the statement that switches to {{role}}, if there is one


def quoted(mark: str) -> Callable[[str], str]:
    """Quotes a text with a mark that is doubled inside."""
    return lambda text: mark + text.replace(mark, mark * 2) + mark


def backslashed(text: str) -> str:
    """A literal for dialects in which a backslash escapes: Redshift and Snowflake."""
    return quoted("'")(text.replace("\\", "\\\\"))


def chosen(steps: Iterable[Step], names: Mapping[str, str], conditions: Iterable[str]) -> list[Step]:
    """The steps that apply, filled in."""
    held = frozenset(conditions)
    return [step.filled(names) for step in steps if step.applies(held)]


def with_roles(steps: Iterable[Step], dialect: Dialect) -> list[Step]:
    """The steps with a statement that switches roles wherever the role changes."""
    result: list[Step] = []
    role = ""
    for step in steps:
        if dialect.use_role and step.role and step.role != role:
            role = step.role
            switch = Step(dialect.use_role, role=role)
            result.append(switch.filled({"role": dialect.identifier(role)}))
        result.append(step)
    return result


def as_text(title: str, steps: Iterable[Step], dialect: Dialect) -> str:
    """The script as a tenant hands it out: sections by role, comments, several statements on a line."""
    lines = [f"-- {title}", "/* Made by Immuta; don't edit. Run it as a whole. */"]
    role = ""
    for step in steps:
        if step.role and step.role != role:
            role = step.role
            lines += ["", f"-- ---- {role}; everything below needs this role ----"]
        if step.note:
            lines.append(f"-- {step.note}")
        text = step.sql + dialect.end
        if step.same_line and not step.note:
            lines[-1] += " " + text
        else:
            lines.append(text)
    return "\n".join(lines) + "\n"
