# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The description of an option, and what is derived from it: argument spec, payload, comparison, option path.

A platform is a tuple of L(Field)s. Only this file converts the options of a task (snake_case, or the API's spelling through
aliases) to the document of the API, and that document back to option paths for changes and diffs.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .._core.errors import OptionError
from .._core.names import nearest
from .._core.secrets import REDACTED, is_redacted, looks_secret, mask

#: the option of a typed dict that holds API keys for which the tables have no field yet
EXTRA = "extra"

#: names for which ansible-test requires an explicit no_log
_NEEDS_NO_LOG = re.compile(r"pass(?!ive)|secret|token|key", re.IGNORECASE)


@dataclass(frozen=True)
class Field:
    """An option of a platform and the API key it maps to."""

    option: str
    description: str
    type: str = "str"
    #: the API's key; by default the option in camelCase
    api: str = ""
    #: never shown, never compared unless the server shows it
    secret: bool = False
    #: not secret, but the server redacts or omits it (user names)
    hidden: bool = False
    #: it can change only through a new registration
    immutable: bool = False
    #: required for a registration; secret and hidden fields only when a request is really sent
    required: bool = False
    #: its value selects the branch, and so which of its sibling fields apply
    decides: bool = False
    #: the branches to which it belongs, as values of the deciding field; empty: all
    branch: tuple[Any, ...] = ()
    #: what the server assumes if it is missing
    default: Any = None
    #: a host name, compared without case, scheme, port and final dot
    host: bool = False
    #: a regular expression that the value must match
    pattern: str = ""
    #: an uploaded file, to which answers add keys that the server derived
    file: bool = False
    elements: str = ""
    fields: tuple[Field, ...] = ()

    @property
    def key(self) -> str:
        return self.api or camel_case(self.option)

    @property
    def write_only(self) -> bool:
        return self.secret or self.hidden

    @property
    def withheld(self) -> bool:
        """Whether answers may omit it although it is set: it is a credential, or it holds the credentials of a branch."""
        return self.write_only or (bool(self.branch) and any(part.withheld for part in self.fields))


@dataclass(frozen=True)
class Change:
    """A managed field that differs. field: its option path. A secret has no values."""

    field: str
    before: Any
    after: Any
    secret: bool = False

    def as_dict(self) -> dict[str, Any]:
        return {"field": self.field, "before": self.before, "after": self.after, "secret": self.secret}


@dataclass(frozen=True)
class Place:
    """The position of a key of the document among the options. option: its path. raw: the path below C(extra), for keys without a field."""

    option: str
    raw: str

    @staticmethod
    def of(option: str) -> Place:
        return Place(option, f"{option}.{EXTRA}")

    def __str__(self) -> str:
        return self.option

    def below(self, key: str, field: Field | None) -> Place:
        raw = f"{self.raw}.{key}"
        return Place(f"{self.option}.{field.option}", raw) if field else Place(raw, raw)


@lru_cache(maxsize=1024)
def camel_case(option: str) -> str:
    """Return the API spelling of an option: C(initialDatabase) for C(initial_database)."""
    head, *rest = option.split("_")
    return head + "".join(word.capitalize() for word in rest)


def normalise_host(value: Any) -> str:
    """Return the host in lower case, without scheme, path, port and final dot, to compare hosts."""
    host = re.sub(r"^[a-z][a-z0-9+.-]*://", "", str(value).strip().lower())
    host = host.split("/")[0]
    return re.sub(r":\d+$", "", host).rstrip(".")


# --- argument spec -----------------------------------------------------------------------------------------------


def merge_fields(tables: Iterable[Sequence[Field]]) -> list[Field]:
    """Return the union of several tables with one field per option, for the argument spec of a shared option. Raise ValueError if they conflict."""
    union: dict[str, list[Field]] = {}
    for table in tables:
        for field in table:
            union.setdefault(field.option, []).append(field)
    return [_merge_duplicates(same) for same in union.values()]


def _merge_duplicates(same: list[Field]) -> Field:
    first = same[0]
    if len({(field.type, field.key, field.elements) for field in same}) != 1:
        raise ValueError(f"the tables conflict about {first.option}")
    return Field(
        option=first.option,
        description=first.description,
        type=first.type,
        api=first.api,
        secret=any(field.secret for field in same),
        elements=first.elements,
        fields=tuple(merge_fields([field.fields for field in same])),
    )


def argument_spec(fields: Iterable[Field]) -> dict[str, Any]:
    """Return the argument spec of a dict with these fields. Every option accepts the API's spelling as an alias."""
    return {field.option: _option_spec(field) for field in fields}


def _option_spec(field: Field) -> dict[str, Any]:
    spec: dict[str, Any] = {"type": field.type}
    if field.key != field.option:
        spec["aliases"] = [field.key]
    if field.secret:
        spec["no_log"] = True
    elif _NEEDS_NO_LOG.search(field.option) or _NEEDS_NO_LOG.search(field.key):
        spec["no_log"] = False
    if field.elements:
        spec["elements"] = field.elements
    if field.fields:
        spec["options"] = argument_spec(field.fields)
    return spec


# --- options to document -----------------------------------------------------------------------------------------


def objects(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects in a value: the value itself, or those in a list."""
    return [item for item in (value if isinstance(value, (list, tuple)) else [value]) if isinstance(item, Mapping)]


def prune(value: Any) -> Any:
    """Return the value without nulls, at every depth: null means not set. Empty dicts and lists remain."""
    if isinstance(value, Mapping):
        return {name: prune(item) for name, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [prune(item) for item in value]
    return value


def to_document(options: Mapping[str, Any], fields: Sequence[Field], path: str) -> dict[str, Any]:
    """Return the API document for the options under C(path), with C(extra) merged in.

    Raise OptionError for an unknown option, for a value that does not match its pattern, and for a key in C(extra) that has a field.
    """
    document = _to_api(options, fields, path)
    extra = options.get(EXTRA) or {}
    _refuse_known(extra, fields, f"{path}.{EXTRA}")
    return deep_merge(document, prune(extra))


def _to_api(options: Mapping[str, Any], fields: Sequence[Field], path: str) -> dict[str, Any]:
    known = {field.option: field for field in fields}
    aliases = {field.key for field in fields}
    document: dict[str, Any] = {}
    for option, value in options.items():
        if option in known:
            document[known[option].key] = _value_to_api(value, known[option], f"{path}.{option}")
        elif option != EXTRA and option not in aliases:
            raise _does_not_belong(option, known, path)
    return document


def _does_not_belong(option: str, known: Iterable[str], path: str) -> OptionError:
    similar = nearest(option, known)
    hints = [
        f"Did you mean {path}.{similar}?" if similar else "",
        f"Valid options: {', '.join(sorted(known)) or 'none'}.",
        f"Put keys that have no option under {path.split('.', maxsplit=1)[0]}.{EXTRA}.",
    ]
    return OptionError(f"{path}.{option} does not belong here.", option=f"{path}.{option}", hint=" ".join(filter(None, hints)))


def _value_to_api(value: Any, field: Field, path: str) -> Any:
    if field.pattern and isinstance(value, str) and not re.search(field.pattern, value):
        raise OptionError(f"{path} must match {field.pattern}.", option=path)
    if not field.fields:
        return value
    if field.type == "list":
        return [_to_api(item, field.fields, path) for item in value]
    return _to_api(value, field.fields, path)


def _refuse_known(extra: Mapping[str, Any], fields: Sequence[Field], path: str) -> None:
    names = {name: field for field in fields for name in (field.option, field.key)}
    for name, value in extra.items():
        field = names.get(name)
        if field is None:
            continue
        if field.fields and isinstance(value, Mapping) and name == field.key:
            _refuse_known(value, field.fields, f"{path}.{name}")
            continue
        raise OptionError(
            f"{path}.{name} has an option of its own.",
            option=f"{path}.{name}",
            hint=f"Use {path.replace(f'.{EXTRA}', '', 1)}.{field.option}.",
        )


def deep_merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return both documents merged at every depth. Where both have a value, C(above) wins."""
    merged = dict(below)
    for name, value in above.items():
        if isinstance(value, Mapping) and isinstance(merged.get(name), Mapping):
            merged[name] = deep_merge(merged[name], value)
        else:
            merged[name] = value
    return merged


def drop_redacted(document: Any) -> Any:
    """Return the document without redacted values: they are unknown and must not be sent."""
    if isinstance(document, Mapping):
        kept = {name: drop_redacted(value) for name, value in document.items() if not is_redacted(value)}
        return {name: value for name, value in kept.items() if value != {} or document[name] == {}}
    if isinstance(document, list):
        return [drop_redacted(item) for item in document if not is_redacted(item)]
    return document


# --- documents to options ----------------------------------------------------------------------------------------


def to_options(document: Mapping[str, Any], fields: Sequence[Field]) -> dict[str, Any]:
    """Return the document as options, with secrets masked. Keys without a field are under C(extra)."""
    options, extra = _options_and_extra(document, fields)
    return {**options, EXTRA: extra} if extra else options


def _options_and_extra(document: Mapping[str, Any], fields: Sequence[Field]) -> tuple[dict[str, Any], dict[str, Any]]:
    known = {field.key: field for field in fields}
    options: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for key, value in document.items():
        field = known.get(key)
        if field is None:
            extra[key] = mask({key: value})[key]
        elif field.fields and isinstance(value, Mapping):
            options[field.option], below = _options_and_extra(value, field.fields)
            extra.update({key: below} if below else {})
        else:
            options[field.option] = _value_to_options(value, field)
    return options, extra


def _value_to_options(value: Any, field: Field) -> Any:
    if field.secret:
        return REDACTED
    if field.fields and isinstance(value, list):
        return [to_options(item, field.fields) if isinstance(item, Mapping) else mask(item) for item in value]
    return mask(value)


# --- comparison --------------------------------------------------------------------------------------------------


def compare(desired: Mapping[str, Any], observed: Mapping[str, Any], fields: Sequence[Field], place: Place, *, new: bool = False) -> Iterator[Change]:
    """Return the managed values that differ. Options that the task does not set are not managed; values that the server does not show are unknown.

    new: the document belongs to a branch that was not selected before, so a value that the server does not show does not exist.
    """
    known = {field.key: field for field in fields}
    switched = _switches_branch(desired, observed, fields)
    for key, value in desired.items():
        field = known.get(key)
        if field is None:
            yield from _compare_unknown_key(value, observed.get(key), str(place.below(key, None)), looks_secret(key))
        else:
            yield from _compare_field(value, observed.get(key), field, place.below(key, field), new=new or (switched and bool(field.branch)))


def _switches_branch(desired: Mapping[str, Any], observed: Mapping[str, Any], fields: Sequence[Field]) -> bool:
    """Return whether the desired branch differs from the branch that the server shows."""
    pairs = [(desired.get(field.key), observed.get(field.key), field) for field in fields if field.decides]
    return any(
        None not in (desired_value, current_value) and not is_redacted(current_value) and not same_value(desired_value, current_value, field)
        for desired_value, current_value, field in pairs
    )


def _compare_field(desired: Any, observed: Any, field: Field, place: Place, *, new: bool) -> Iterator[Change]:
    if is_redacted(desired) or _is_not_shown(observed, field, new=new):
        return
    current = field.default if observed is None else observed
    if field.type == "dict" and field.fields:
        yield from compare(desired, current if isinstance(current, Mapping) else {}, field.fields, place, new=new)
    elif not same_value(desired, current, field):
        yield Change(str(place), None, None, secret=True) if field.secret else Change(str(place), *_displayable(field, current, desired))


def _is_not_shown(observed: Any, field: Field, *, new: bool) -> bool:
    """Return whether the answer does not show the value: it is redacted, or the tenant may omit it."""
    return is_redacted(observed) or (observed is None and (field.immutable or (field.withheld and not new)))


def _displayable(field: Field, *values: Any) -> list[Any]:
    """Return the values for display. Objects in lists may hold secrets, which are masked."""
    return [_value_to_options(value, field) for value in values]


def _compare_unknown_key(desired: Any, observed: Any, path: str, secret: bool) -> Iterator[Change]:
    if is_redacted(observed) or (secret and observed is None):
        return
    if isinstance(desired, Mapping):
        below = observed if isinstance(observed, Mapping) else {}
        for key, value in desired.items():
            yield from _compare_unknown_key(value, below.get(key), f"{path}.{key}", secret or looks_secret(key))
    elif desired != observed:
        yield Change(path, None, None, secret=True) if secret else Change(path, mask(observed), mask(desired))


def same_value(desired: Any, observed: Any, field: Field) -> bool:
    """Return whether the server treats both values as equal."""
    if field.host:
        return normalise_host(desired) == normalise_host(observed)
    if field.type == "json":
        return bool(_parsed(desired) == _parsed(observed))
    if field.elements == "dict":
        return _same_objects(desired, observed, field)
    if field.type == "list":
        current = observed or []
        return isinstance(current, list) and sorted(map(str, desired)) == sorted(map(str, current))
    if field.type == "bool":
        return bool(desired) == (str(observed).lower() == "true")
    return str(desired) == str(observed)


def _same_objects(desired: list[Any], observed: Any, field: Field) -> bool:
    if not isinstance(observed, list) or len(desired) != len(observed):
        return not desired and not observed
    return all(any(_same_object(wanted, current, field) for current in objects(observed)) for wanted in desired)


def _same_object(desired: Mapping[str, Any], observed: Mapping[str, Any], field: Field) -> bool:
    if field.fields:
        return not list(compare(desired, observed, field.fields, Place.of(field.option)))
    # no table: every key of the task must match; the server may have further ones
    return all(str(value) == str(observed.get(key)) for key, value in desired.items())


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value.strip()
