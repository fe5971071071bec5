# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code of the modules immuta_connection_api_key and immuta_api_key. A key is written to a file and never returned.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .._api.connections import Connections
from .._api.integrations import Integrations
from .._api.keys import Key, Keys
from .._core.errors import AnswerLost, ApiError, BadAnswer, Forbidden, ImmutaError, NotFound, OptionError
from .._http.session import Session
from .._reconcile.base import none_if_missing
from .runtime import Task
from .tenant import connect

Result = dict[str, Any]

_TRINO_SCOPE = "plugin:trino"
_TRINO_NAMES = ("trino", "starburst")
_MAX_NAME = 254


# --- the key of a connection -------------------------------------------------------------------------------------


def fetch_connection_key(task: Task) -> Result:
    """Return the result of immuta_connection_api_key. Write the key to dest, unless the file exists and regenerate is not set."""
    params = task.params
    dest, regenerate = params["dest"], params["regenerate"]
    if not params["scopes"]:
        raise OptionError("scopes is empty. A key needs at least one scope.", option="scopes")
    task.check_writable(dest)
    if os.path.exists(dest) and not regenerate:
        return {"changed": False, "dest": dest}
    _check_connection(task)
    if regenerate:
        task.warn(
            f"The present key of the cluster of connection {params['connection_key']} stops working as soon as the new key exists. "
            "Stop the cluster beforehand, install the new key, and start it again."
        )
    if task.check_mode:
        return {"changed": True, "dest": dest}
    key = _key_of_connection(task)
    task.register_secrets(key)
    return {"changed": task.write_file(dest, key + "\n") or regenerate, "dest": dest}


def _check_connection(task: Task) -> None:
    """Raise ImmutaError if the connection does not exist. Warn if it does not appear to be a Trino connection."""
    name = task.params["connection_key"]
    object = none_if_missing(lambda: Connections(task.session).object([name]))
    if object is None:
        raise ImmutaError(
            f"There is no connection {name}.",
            hint="Correct connection_key, or create the connection in Immuta.",
            option="connection_key",
        )
    technology = str(object.get("technology") or "")
    if technology and _TRINO_SCOPE in task.params["scopes"] and not any(each in technology.lower() for each in _TRINO_NAMES):
        task.warn(f"Connection {name} uses the technology {technology}, but the scope {_TRINO_SCOPE} is for Trino.")


def _key_of_connection(task: Task) -> str:
    """Return the present key. If the answer was lost, request the key again without regenerate, which does not create a second key."""
    regenerate = task.params["regenerate"]
    try:
        return _request_key(task, regenerate=regenerate)
    except (AnswerLost, BadAnswer) as lost:
        try:
            key = _request_key(task, regenerate=False)
        except ImmutaError as error:
            error.hint = "The key is not lost. Remove the file and run the task without regenerate to get the valid key, old or new."
            raise
        if regenerate and _read_key(task.params["dest"]) == key:
            lost.hint = f"The key in {task.params['dest']} is still valid. Run the task again."
            raise
        task.warn(f"{lost.message} The key was therefore requested again. The file holds the valid key, whether or not it is a new one.")
        return key


def _request_key(task: Task, *, regenerate: bool) -> str:
    params = task.params
    try:
        return Keys(task.session).system(params["connection_key"], params["name"], params["scopes"], regenerate=regenerate).text
    except ApiError as error:
        if error.status == 400:
            error.hint = "Immuta rejects an unknown scope or connection, and a name that a key of another connection or with other scopes already has."
        elif error.status == 404:
            error.hint = "This tenant may not support keys for connections. For the key of a Trino integration, use immuta_integration_api_key."
        raise


# --- the key of the user -----------------------------------------------------------------------------------------


def rotate_own_key(task: Task) -> Result:
    """Return the result of immuta_api_key: create a key in dest and remove the old one, or remove a key."""
    params = task.params
    if params["state"] == "absent":
        return _remove(task, params["id"])
    dest, old = params["dest"], params.get("old_id", "")
    if len(params["name"]) > _MAX_NAME:
        raise OptionError(f"name must have at most {_MAX_NAME} characters.", option="name")
    task.check_writable(dest)
    if os.path.exists(dest) and not params["force"]:
        return {"changed": False, "dest": dest, "id": None, "removed": False}
    can_list = _can_list_integrations(task.session)
    if task.check_mode:
        return {"changed": True, "dest": dest, "id": None, "removed": bool(old)}
    key = _create_key(task)
    task.register_secrets(key.text)
    with _removing_key_on_failure(task, key):
        new = connect(
            {**params, "api_key": key.text, "bearer_token": None}, task_options=["api_key"], read_only=False, warn=task.warn, secrets=task.session.secrets
        )
        if _can_list_integrations(new) != can_list:
            raise ImmutaError("The new API key does not have the permissions of the present one.")
        task.write_file(dest, key.text + "\n")
    return {"changed": True, "dest": dest, "id": key.id or None, "removed": _remove_old(task, new, key, old)}


def _create_key(task: Task) -> Key:
    name = task.params["name"]
    try:
        return Keys(task.session).make(name, project_id=task.params.get("project_id"))
    except (AnswerLost, BadAnswer) as lost:
        lost.hint = (
            f"The present key is still valid. There may be a new key with the name {name}, whose text is lost. Remove it on the profile page in Immuta, "
            "and run the task again."
        )
        raise


def _can_list_integrations(session: Session) -> bool:
    """Return whether the key has the permission to list integrations. Raise Unauthorized if the tenant rejects the key."""
    try:
        Integrations(session).list()
    except Forbidden:
        return False
    return True


@contextmanager
def _removing_key_on_failure(task: Task, key: Key) -> Iterator[None]:
    """If the block fails, remove the new key, whose text would be lost, and raise an ImmutaError."""
    try:
        yield
    except Exception as error:
        failure = error if isinstance(error, ImmutaError) else ImmutaError(f"{task.params['dest']} cannot be written: {error}")
        removed, what = _remove_new_key(task, key)
        failure.hint = f"{what} The present key is still valid, and {task.params['dest']} is unchanged."
        failure.facts = {**failure.facts, "changed": not removed, "id": None if removed else key.id or None}
        raise failure from error


def _remove_new_key(task: Task, key: Key) -> tuple[bool, str]:
    """Remove the new key. Return whether that succeeded, and a sentence about it for the user."""
    manual_step = f"Remove the key with the name {task.params['name']} on the profile page in Immuta."
    if not key.id:
        return False, f"The new key still exists, because the tenant did not return its id. {manual_step}"
    try:
        Keys(task.session).remove(key.id)
    except ImmutaError as error:
        return False, f"The new key, {key.id}, still exists ({error.message.rstrip('.')}). {manual_step}"
    return True, "The new key was removed again."


def _remove_old(task: Task, new: Session, key: Key, old: str) -> bool:
    """Remove the old key in a session that uses the new key, and return whether it was removed."""
    if not old or old == key.id:
        return False
    try:
        Keys(new).remove(old)
    except NotFound:
        task.warn(f"There is no API key {old} to remove.")
        return False
    except ImmutaError as error:
        error.hint = f"The new key is in {task.params['dest']}, and it works. The old key may still be valid. Remove it with state=absent and id={old}."
        error.facts = {**error.facts, "changed": True, "dest": task.params["dest"], "id": key.id or None, "removed": False}
        raise
    return True


def _remove(task: Task, id: str) -> Result:
    """Remove a key, and return the result of the module. A missing key is not an error."""
    if task.check_mode:
        return {"changed": True, "dest": None, "id": id, "removed": True}
    existed = True
    try:
        Keys(task.session).remove(id)
    except NotFound:
        existed = False
    return {"changed": existed, "dest": None, "id": id, "removed": existed}


def _read_key(path: str) -> str:
    """Return the key in the file, or an empty string if the file cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read().strip()
    except OSError:
        return ""
