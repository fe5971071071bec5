# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of the role's variables, and the functions that convert their values to the right type. Without I/O.

A survey of AWX returns everything as text. A list can therefore be JSON or separated by commas, a dictionary can be JSON, and a number or Boolean
can be quoted.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from .._core.names import nearest

PREFIX = "immuta_platform_"
STAGES = ("generate", "run", "register")
SCRIPTS = ("initial-create", "create", "edit", "delete", "cleanup", "post-cleanup")

_TRUE, _FALSE = ("true", "yes", "on", "1", "y", "t"), ("false", "no", "off", "0", "n", "f")


@dataclass(frozen=True)
class Variable:
    """One variable of the role. C(type) is a type of Ansible, or C(statements) for one script or a list of statements."""

    type: str = "str"
    default: Any = None
    choices: tuple[str, ...] = ()
    elements: str = "str"

    @property
    def spec(self) -> dict[str, Any]:
        """The argument spec of the option with the same name of M(community.immuta.immuta_platform_plan)."""
        spec: dict[str, Any] = {"type": "list" if self.type == "statements" else self.type}
        if spec["type"] == "list":
            spec["elements"] = self.elements
        if self.choices:
            spec["choices"] = list(self.choices)
        if self.default is not None:
            spec["default"] = list(self.default) if isinstance(self.default, tuple) else self.default
        return spec


_STEP: dict[str, dict[str, Any]] = {
    "script": {"type": "str", "choices": list(SCRIPTS), "required": True},
    "database": {"type": "str"},
}

#: the variables, without their prefix
VARIABLES: dict[str, Variable] = {
    "integration": Variable("dict"),
    "connection": Variable("dict"),
    "state": Variable(default="present", choices=("present", "absent")),
    "login": Variable("dict"),
    "sql_host": Variable(),
    "stages": Variable("list", list(STAGES), STAGES),
    "artifacts": Variable("path"),
    "artifacts_mode": Variable(),
    "artifacts_group": Variable(),
    "approved_sha256": Variable("list"),
    "require_approval": Variable("bool", False),
    "steps": Variable("list", elements="dict"),
    "leftovers": Variable(default="fail", choices=("fail", "cleanup", "adopt")),
    "on_failure": Variable(default="keep", choices=("keep", "cleanup")),
    "sql_before": Variable("statements"),
    "sql_after": Variable("statements"),
    "any_statement": Variable("bool", False),
    "start_at": Variable("int", 0),
    "repair": Variable("bool", False),
    "server_validation": Variable("bool", True),
    "update_secrets": Variable(default="on_create", choices=("on_create", "always")),
    "force_disable": Variable("bool", False),
    "wait": Variable("bool", True),
    "wait_timeout": Variable("float"),
    "wait_interval": Variable("float"),
    "new_secrets": Variable("dict"),
    "new_public_key": Variable(),
    "sync_path": Variable("list"),
    "break_lock": Variable(),
    "audit_log": Variable("path"),
    "change_reference": Variable(),
}
#: the fact that the role sets
RESULT = "result"


@dataclass
class ParsedVariables:
    """The given variables with the right types, and the errors in the others, as sentences."""

    values: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def parse_variables(given: Mapping[str, Any]) -> ParsedVariables:
    """Return the variables in C(given), whose names have no prefix, with the right types. A null counts as not given."""
    found = ParsedVariables()
    for name in given:
        if name not in VARIABLES and name != RESULT:
            found.problems.append(_unknown(name))
    for name, variable in VARIABLES.items():
        value = given.get(name)
        if value is None or _is_blank_choice(value, variable):
            continue
        try:
            found.values[name] = _typed(value, variable)
        except ValueError as error:
            found.problems.append(f"{PREFIX}{name} {error}.")
    return found


def _is_blank_choice(value: Any, variable: Variable) -> bool:
    """Return whether nobody chose one of the values. A blank state is an error instead, because no state is harmless."""
    return value == "" and variable.type == "str" and bool(variable.choices) and variable is not VARIABLES["state"]


def parse_list(value: Any) -> Any:
    """Return the list in a text, which is JSON or separated by commas or line breaks, and every other value unchanged. Raises ValueError for invalid JSON."""
    return _list(value, Variable("list")) if isinstance(value, str) else value


def _unknown(name: str) -> str:
    near = nearest(name, VARIABLES)
    guess = f" Did you mean {PREFIX}{near}?" if near else ""
    return f"{PREFIX}{name} is not a variable of the role.{guess} Remove it, or give it another name."


# --- one value ---------------------------------------------------------------------------------------------------


def _typed(value: Any, variable: Variable) -> Any:
    """Return the value with the variable's type. Raises ValueError with the rest of a sentence that begins with the variable's name."""
    typed = _READERS[variable.type](value, variable)
    for item in typed if isinstance(typed, list) else [typed]:
        if variable.choices and item not in variable.choices:
            raise ValueError(f"must be {' or '.join(variable.choices)}, but is {item!r}")
    return typed


def _text(value: Any, variable: Variable) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        raise ValueError(f"must be a text, but is a {_kind(value)}")
    return str(value)


def _switch(value: Any, variable: Variable) -> bool:
    word = str(value).strip().lower()
    if word not in (*_TRUE, *_FALSE, ""):
        raise ValueError("must be true or false")
    return word in _TRUE if word else bool(variable.default)


def _whole(value: Any, variable: Variable) -> int | None:
    number = _number(value, variable)
    if number is not None and not number.is_integer():
        raise ValueError("must be a whole number")
    return variable.default if number is None else int(number)


def _number(value: Any, variable: Variable) -> float | None:
    if str(value).strip() == "":
        return None
    with suppress(TypeError, ValueError):
        if math.isfinite(float(value)):
            return float(value)
    raise ValueError("must be a number")


def _dictionary(value: Any, variable: Variable) -> dict[str, Any]:
    parsed = _from_json(value, "{") if isinstance(value, str) else value
    if parsed == "":
        return {}
    if not isinstance(parsed, Mapping):
        raise ValueError(f'must be a dictionary, but is a {_kind(value)}. Text must be JSON, such as {{"type": "Snowflake"}}')
    return dict(parsed)


def _list(value: Any, variable: Variable) -> list[Any]:
    parsed = _from_json(value, "[") if isinstance(value, str) else value
    if isinstance(parsed, str) and (variable.elements == "str" or not parsed):
        return [part.strip() for part in parsed.replace("\n", ",").split(",") if part.strip()]
    if isinstance(parsed, Mapping) or not isinstance(parsed, (list, tuple)):
        raise ValueError(f'must be a list, but is a {_kind(value)}. Text must be JSON, such as ["one", "two"]')
    if variable.elements == "dict":
        return [_step(item) for item in parsed]
    return [str(item) for item in _flat(parsed)]


def _statements(value: Any, variable: Variable) -> list[str]:
    parsed = _from_json(value, "[") if isinstance(value, str) else value
    if isinstance(parsed, str):
        return [parsed] if parsed.strip() else []
    return _list(parsed, variable)


def _step(item: Any) -> dict[str, str]:
    if not isinstance(item, Mapping) or set(item) - set(_STEP) or item.get("script") not in SCRIPTS:
        raise ValueError(f"must contain dictionaries with script (one of {', '.join(SCRIPTS)}) and database")
    return {name: str(value) for name, value in item.items() if value is not None}


def _flat(items: Iterable[Any]) -> list[Any]:
    return [part for item in items if item is not None for part in (_flat(item) if isinstance(item, (list, tuple)) else [item])]


def _from_json(text: str, opening: str) -> Any:
    """Return the parsed JSON if the text begins with C(opening), otherwise the stripped text. Raises ValueError for invalid JSON."""
    if not text.strip().startswith(opening):
        return text if "\n" in text.strip() else text.strip()
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError("begins like JSON, but is not valid JSON") from None


def _kind(value: Any) -> str:
    kinds = ((Mapping, "dictionary"), ((list, tuple), "list"), (str, "text"), (bool, "Boolean"))
    return next((word for kind, word in kinds if isinstance(value, kind)), "number")


_READERS: dict[str, Any] = {
    "str": _text,
    "path": _text,
    "bool": _switch,
    "int": _whole,
    "float": _number,
    "dict": _dictionary,
    "list": _list,
    "statements": _statements,
}


def argument_spec() -> dict[str, Any]:
    """Return the argument spec of those options of M(community.immuta.immuta_platform_plan) that are variables of the role."""
    spec = {name: variable.spec for name, variable in VARIABLES.items()}
    spec["steps"]["options"] = _STEP
    # no_log on a dictionary would hide every ID and host in it. The secrets in these are masked by name
    spec["new_secrets"]["no_log"] = spec["update_secrets"]["no_log"] = False
    return spec
