# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions on an API document and its table of fields: the selected branch, missing options, secrets to send, and the diff for users.

A branch is one of several alternatives, such as the authentication types, each of which has fields of its own.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .._core.errors import OptionError
from .._core.secrets import REDACTED, is_redacted, looks_secret
from .fields import Change, Field, Place, compare, deep_merge, drop_redacted, objects, prune, same_value

# --- alternatives ------------------------------------------------------------------------------------------------


def branch_of(document: Mapping[str, Any], fields: Sequence[Field]) -> Any:
    """Return the branch (alternative) that a document selects, such as its authentication type; None if it selects none."""
    return next((document.get(option.key) for option in fields if option.decides), None)


def branches(fields: Sequence[Field]) -> set[Any]:
    """Return all branches that the tables know."""
    return {name for option in fields for name in option.branch}


def belongs_to_other_branch(option: Field, branch: Any) -> bool:
    """Return whether the option belongs only to branches other than this one."""
    return bool(option.branch) and branch not in option.branch


def refuse_other_branches(document: Mapping[str, Any], fields: Sequence[Field], path: str) -> None:
    """Raise OptionError if the document holds a field of a branch that it does not select."""
    branch = branch_of(document, fields)
    for option in fields:
        value, name = document.get(option.key), f"{path}.{option.option}"
        if value is not None and branch in branches(fields) and belongs_to_other_branch(option, branch):
            decider = next(each.option for each in fields if each.decides)
            raise OptionError(
                f"{name} belongs to {decider} {' or '.join(map(_to_text, option.branch))}, not to {_to_text(branch)}.",
                option=name,
                hint=f"Omit it, or change {path}.{decider}.",
            )
        for item in objects(value) if option.fields else ():
            refuse_other_branches(item, option.fields, name)


def whole_document(wanted: Mapping[str, Any], current: Mapping[str, Any], fields: Sequence[Field]) -> dict[str, Any]:
    """Return the document to send: the observed values, overridden by the desired ones, without fields of other branches.

    Redacted values are still in it: check_secrets reports them, and drop_redacted removes them. An observed null counts as
    missing. Immutable values keep the spelling of the tenant.
    """
    task_values, current = drop_redacted(wanted), prune(current)
    return _one_branch(deep_merge(current, task_values), task_values, current, fields)


def _one_branch(merged: Mapping[str, Any], wanted: Mapping[str, Any], current: Mapping[str, Any], fields: Sequence[Field]) -> dict[str, Any]:
    """Return the document without the fields of branches that are not selected, at every depth, except those that the task sets."""
    known = {option.key: option for option in fields}
    branch = branch_of(merged, fields)
    branch_is_known = branch in branches(fields) or branch != branch_of(current, fields)
    left_out = {option.key for option in fields if branch_is_known and option.key not in wanted and belongs_to_other_branch(option, branch)}
    return {key: _merged_value(value, wanted.get(key), current.get(key), known.get(key)) for key, value in merged.items() if key not in left_out}


def _merged_value(value: Any, wanted: Any, current: Any, option: Field | None) -> Any:
    """Return one value of such a document. wanted, current: the value of the task and of the tenant."""
    if option is None:
        return value
    if option.immutable and _is_same_value(value, current, option):
        value = current
    if not option.fields or not isinstance(value, Mapping):
        return value
    part = _one_branch(value, _as_mapping(wanted), _as_mapping(current), option.fields)
    return _without_server_keys(part, _as_mapping(wanted), option) if option.file else part


def _is_same_value(value: Any, current: Any, option: Field) -> bool:
    return current is not None and not is_redacted(current) and same_value(value, current, option)


def _without_server_keys(file: Mapping[str, Any], wanted: Mapping[str, Any], option: Field) -> dict[str, Any]:
    """Return a file without the keys that the server derived from the previous file, such as the hash of its content."""
    known = {part.key for part in option.fields}
    return {key: value for key, value in file.items() if key in known or key in wanted}


def _as_mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _to_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# --- missing and immutable options --------------------------------------------------------------------------------


def missing_required(document: Mapping[str, Any], fields: Sequence[Field], path: str) -> Iterator[str]:
    """Return the paths of missing options that are required in any case, regardless of the tenant's data and of the branch."""
    for option in fields:
        needed = option.required and not option.branch and (option.decides or not option.write_only)
        if needed and document.get(option.key) in (None, ""):
            yield f"{path}.{option.option}"


def options_are(paths: Sequence[str]) -> str:
    """Return the beginning of a sentence about options: C(config.host is), C(config.host and config.port are)."""
    return f"{' and '.join(paths)} {'is' if len(paths) == 1 else 'are'}"


def changed_immutables(wanted: Mapping[str, Any], current: Mapping[str, Any], fields: Sequence[Field], path: str) -> Iterator[Change]:
    """Return the immutable fields that differ."""
    for option in fields:
        desired_value, current_value = wanted.get(option.key), current.get(option.key)
        if (
            option.immutable
            and None not in (desired_value, current_value)
            and not is_redacted(current_value)
            and not same_value(desired_value, current_value, option)
        ):
            yield Change(f"{path}.{option.option}", current_value, desired_value)


def check_secrets(document: Mapping[str, Any], fields: Sequence[Field], place: Place, errand: str) -> None:
    """Raise OptionError for a missing credential that the request needs. errand: the purpose, such as C(register the integration)."""
    _check_no_placeholder(document, fields, place, errand)
    check_credentials(document, fields, place, errand)


def _check_no_placeholder(document: Mapping[str, Any], fields: Sequence[Field], place: Place, errand: str) -> None:
    """Raise OptionError for a value that is known only in redacted form, because the task has to supply it."""
    known = {option.key: option for option in fields}
    for key, value in document.items():
        option = known.get(key)
        if _is_placeholder(value, option, errand):
            raise _missing_secrets([str(place.below(key, option))], errand)
        for item in objects(value):
            _check_no_placeholder(item, option.fields if option else (), place.below(key, option), errand)


def _is_placeholder(value: Any, option: Field | None, errand: str) -> bool:
    """Return whether the value is a redaction. The vendor's registration example has the token REDACTED, which therefore counts as a real one."""
    is_vendor_example = _registers(errand) and value == "REDACTED" and option is not None and option.option == "token"
    return is_redacted(value) and not is_vendor_example


def check_credentials(document: Mapping[str, Any], fields: Sequence[Field], place: Place, errand: str) -> None:
    """Raise OptionError if a required credential of the selected branch is missing."""
    missing = list(_missing_credentials(document, fields, place))
    if missing:
        raise _missing_secrets(missing, errand)


def _missing_credentials(document: Mapping[str, Any], fields: Sequence[Field], place: Place) -> Iterator[str]:
    branch = branch_of(document, fields)
    for option in fields:
        value, position = document.get(option.key), place.below(option.key, option)
        needed = option.required and (option.write_only or option.branch) and not belongs_to_other_branch(option, branch)
        if needed and value in (None, "", {}):
            yield str(position)
        if option.fields and isinstance(value, Mapping):
            yield from _missing_credentials(value, option.fields, position)


def _missing_secrets(paths: Sequence[str], errand: str) -> OptionError:
    why = "" if _registers(errand) else f", because Immuta does not return {'it' if len(paths) == 1 else 'them'}"
    error = OptionError(f"{options_are(paths)} needed to {errand}{why}.", option=paths[0], hint=f"Set {' and '.join(paths)}.")
    error.is_missing_secret = True
    return error


def _registers(errand: str) -> bool:
    return errand.startswith("register ")


def secrets_sent(document: Mapping[str, Any], fields: Sequence[Field], place: Place) -> Iterator[Change]:
    """Return the secrets of the task as changes. An update sends them, but they are not compared."""
    known = {option.key: option for option in fields}
    for key, value in document.items():
        option, position = known.get(key), place.below(key, known.get(key))
        if option.secret if option else looks_secret(key):
            if value not in (None, "") and not is_redacted(value):
                yield Change(str(position), None, None, secret=True)
            continue
        for item in objects(value):
            yield from secrets_sent(item, option.fields if option else (), position)


# --- the diff for users ------------------------------------------------------------------------------------------


def managed_part(wanted: Mapping[str, Any], current: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of C(current), the observed document, that the task manages."""
    part: dict[str, Any] = {}
    for key, value in wanted.items():
        observed = current.get(key)
        if isinstance(value, Mapping) and isinstance(observed, Mapping):
            part[key] = managed_part(value, observed)
        elif key in current:
            part[key] = observed
    return part


def shown_part(wanted: Mapping[str, Any], current: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of the wanted document for which the tenant shows a value; the rest cannot be compared."""
    part: dict[str, Any] = {}
    for key, value in wanted.items():
        observed = current.get(key)
        if isinstance(value, Mapping) and isinstance(observed, Mapping):
            part[key] = shown_part(value, observed)
        elif observed is not None:
            part[key] = value
    return part


def expected_part(wanted: Mapping[str, Any], current: Mapping[str, Any], fields: Sequence[Field]) -> dict[str, Any]:
    """Return the managed part after the change. Values that mean the same keep their present spelling."""
    known = {option.key: option for option in fields}
    will_be: dict[str, Any] = {}
    for key, value in wanted.items():
        option, observed = known.get(key), current.get(key)
        if not any(compare({key: value}, current, fields, Place.of(""))):
            will_be.update({key: managed_part({key: value}, current)[key]} if key in current else {})
        elif isinstance(value, Mapping) and isinstance(observed, Mapping):
            will_be[key] = expected_part(value, observed, option.fields if option else ())
        else:
            will_be[key] = value
    return will_be


def all_as_changes(after: Mapping[str, Any]) -> Iterator[Change]:
    """Return every value of a new object as a change. after: the displayed values by option name."""
    for path, value in _leaves(after):
        yield Change(path, None, None, secret=True) if value == REDACTED else Change(path, None, value)


def removed_as_changes(before: Mapping[str, Any]) -> Iterator[Change]:
    """Return every value of a removed object as a change."""
    for change in all_as_changes(before):
        yield replace(change, before=change.after, after=None)


def _leaves(options: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in options.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value
