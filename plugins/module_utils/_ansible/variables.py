# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluates the role's variables value by value, on the controller.

In Ansible's templates, a dictionary with one undefined value is undefined as a whole. Here only that value is.

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
_MAX_ALIASES = 10


class Omitted(Exception):
    """The value counts as not set."""


class NotEvaluated(Exception):
    """The value cannot be evaluated. str() says why."""


@dataclass
class Evaluation:
    """The evaluated variables. undefined: option path -> reason. problems: sentences about invalid variables."""

    values: dict[str, Any] = field(default_factory=dict)
    tenant: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    undefined: dict[str, str] = field(default_factory=dict)


def evaluate_variables(variables: Mapping[str, Any], evaluate: Callable[[Any], Any]) -> Evaluation:
    """Return the role's variables among all variables of a host. evaluate: templates one value; raises Omitted or NotEvaluated."""
    found = Evaluation()
    evaluator = _LeafEvaluator(variables, evaluate, found.undefined)
    # Names with two underscores are internal variables of the role
    own = sorted(name for name in variables if name.startswith(PREFIX) and not name.startswith(f"{PREFIX}_"))
    given = {name[len(PREFIX) :]: evaluator.of(variables[name], name[len(PREFIX) :]) for name in own}
    result = parse_variables({name: value for name, value in given.items() if name == name.strip()})
    found.values, found.problems = result.values, result.problems
    for option in TENANT_SPEC:
        value = evaluator.of(variables.get(f"immuta_{option}"), f"immuta_{option}")
        if value not in (None, ""):
            found.tenant[option] = value
    reference = found.values.pop("change_reference", "").strip()
    if reference:  # an option of all modules; the variable of the role precedes that of the tenant
        found.tenant["change_reference"] = reference
    found.undefined = {path: why for path, why in found.undefined.items() if not path.startswith("immuta_")}
    return found


class _LeafEvaluator:
    """Evaluates values and omits those that are not set."""

    def __init__(self, variables: Mapping[str, Any], evaluate: Callable[[Any], Any], undefined: dict[str, str]) -> None:
        self._variables = variables
        self._evaluate = evaluate
        self._undefined = undefined

    def of(self, raw: Any, path: str) -> Any:
        """Return the evaluated value, or None if it is not set."""
        try:
            return self._value(raw, path)
        except Omitted:
            return None

    def _value(self, raw: Any, path: str) -> Any:
        raw = self._follow_aliases(raw)
        if isinstance(raw, Mapping):
            return {str(name): value for name, value in ((name, self.of(item, f"{path}.{name}")) for name, item in raw.items()) if value is not None}
        if isinstance(raw, (list, tuple)):
            return [value for value in (self.of(item, f"{path}.{number}") for number, item in enumerate(raw, 1)) if value is not None]
        if raw is None or isinstance(raw, (bool, int, float)):
            return raw
        return self._leaf(raw, path)

    def _follow_aliases(self, raw: Any) -> Any:
        """Return the content of the variable that the value refers to, so that it is also evaluated value by value."""
        for _unused in range(_MAX_ALIASES):
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
            raise Omitted  # before ansible-core 2.19, null becomes an empty string
        return value if isinstance(value, (str, bool, int, float, Mapping, list)) else str(value)
