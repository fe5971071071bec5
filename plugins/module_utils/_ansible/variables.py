# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's variables, evaluated leaf by leaf, on the machine that Ansible runs on.

A dictionary that holds one undefined variable is undefined as a whole to Ansible's templates. Here only that leaf is.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._platform.variables import PREFIX, parse_variables
from .tenant import TENANT_SPEC

_ALIAS = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")
_MOST_ALIASES = 10


class Omitted(Exception):
    """The leaf counts as not given."""


class NotEvaluated(Exception):
    """The leaf cannot be evaluated, and why."""


@dataclass
class Evaluation:
    """What the variables hold. undefined: option path -> why. problems: what is wrong with them, in sentences."""

    values: dict[str, Any] = field(default_factory=dict)
    tenant: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    undefined: dict[str, str] = field(default_factory=dict)


def evaluated(variables: Mapping[str, Any], evaluate: Callable[[Any], Any]) -> Evaluation:
    """The role's variables among all that a host has. evaluate: templates one value; raises Omitted or NotEvaluated."""
    found = Evaluation()
    leaves = _Leaves(variables, evaluate, found.undefined)
    # Two underscores mark what is the role's own
    own = sorted(name for name in variables if name.startswith(PREFIX) and not name.startswith(f"{PREFIX}_"))
    given = {name[len(PREFIX) :]: leaves.of(variables[name], name[len(PREFIX) :]) for name in own}
    was_read = parse_variables({name: value for name, value in given.items() if name == name.strip()})
    found.values, found.problems = was_read.values, was_read.problems
    for option in TENANT_SPEC:
        value = leaves.of(variables.get(f"immuta_{option}"), f"immuta_{option}")
        if value not in (None, ""):
            found.tenant[option] = value
    reference = found.values.pop("change_reference", "").strip()
    if reference:  # one option of all modules, which the role's own variable sets before the tenant's
        found.tenant["change_reference"] = reference
    found.undefined = {path: why for path, why in found.undefined.items() if not path.startswith("immuta_")}
    return found


class _Leaves:
    """Evaluates values and leaves out what is not given."""

    def __init__(self, variables: Mapping[str, Any], evaluate: Callable[[Any], Any], undefined: dict[str, str]) -> None:
        self._variables = variables
        self._evaluate = evaluate
        self._undefined = undefined

    def of(self, raw: Any, path: str) -> Any:
        """The value; None where it is not given."""
        try:
            return self._value(raw, path)
        except Omitted:
            return None

    def _value(self, raw: Any, path: str) -> Any:
        raw = self._named(raw)
        if isinstance(raw, Mapping):
            return {str(name): value for name, value in ((name, self.of(item, f"{path}.{name}")) for name, item in raw.items()) if value is not None}
        if isinstance(raw, (list, tuple)):
            return [value for value in (self.of(item, f"{path}.{number}") for number, item in enumerate(raw, 1)) if value is not None]
        if raw is None or isinstance(raw, (bool, int, float)):
            return raw
        return self._leaf(raw, path)

    def _named(self, raw: Any) -> Any:
        """What a variable holds that only names another: it is evaluated leaf by leaf, too."""
        for _unused in range(_MOST_ALIASES):
            named = _ALIAS.fullmatch(raw.strip()) if isinstance(raw, str) else None
            if named is None or not isinstance(self._variables.get(named.group(1)), (Mapping, list, str)):
                break
            raw = self._variables[named.group(1)]
        return raw

    def _leaf(self, raw: Any, path: str) -> Any:
        try:
            value = self._evaluate(raw)
        except NotEvaluated as error:
            self._undefined[path] = str(error).strip().split("\n", maxsplit=1)[0][:200]
            raise Omitted from None
        if value is None or (isinstance(value, str) and value == self._variables.get("omit", object())):
            raise Omitted
        if value == "" and "{{" in str(raw):
            raise Omitted  # what null becomes before ansible-core 2.19
        return value if isinstance(value, (str, bool, int, float, Mapping, list)) else str(value)
