# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules of API keys do with their task: options in, a key in a file out. A key never gets into a result.

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
_LONGEST_NAME = 254


# --- the key of a connection -------------------------------------------------------------------------------------


def fetch_connection_key(task: Task) -> Result:
    """The module immuta_connection_api_key."""
    params = task.params
    dest, anew = params["dest"], params["regenerate"]
    if not params["scopes"]:
        raise OptionError("scopes is empty: a key needs a scope.", option="scopes")
    task.check_writable(dest)
    if os.path.exists(dest) and not anew:
        return {"changed": False, "dest": dest}
    _check_connection(task)
    if anew:
        task.warn(
            f"The key that the cluster of connection {params['connection_key']} uses is dead as soon as there is a new one. "
            "Stop the cluster before, give it the new key, and start it."
        )
    if task.check_mode:
        return {"changed": True, "dest": dest}
    key = _key_of_connection(task)
    task.register_secrets(key)
    return {"changed": task.write_file(dest, key + "\n") or anew, "dest": dest}


def _check_connection(task: Task) -> None:
    """Raise ImmutaError when there is no such connection; warn of one that can hardly be of Trino."""
    name = task.params["connection_key"]
    object = none_if_missing(lambda: Connections(task.session).object([name]))
    if object is None:
        raise ImmutaError(f"There is no connection {name}.", hint="Connections to Trino are made in Immuta.", option="connection_key")
    technology = str(object.get("technology") or "")
    if technology and _TRINO_SCOPE in task.params["scopes"] and not any(each in technology.lower() for each in _TRINO_NAMES):
        task.warn(f"Connection {name} is one of {technology}, and the scope {_TRINO_SCOPE} is for Trino.")


def _key_of_connection(task: Task) -> str:
    """The key that holds now. One whose answer was lost is asked for again: without regenerate, the request makes no second one."""
    anew = task.params["regenerate"]
    try:
        return _asked(task, regenerate=anew)
    except (AnswerLost, BadAnswer) as lost:
        try:
            key = _asked(task, regenerate=False)
        except ImmutaError as error:
            error.hint = "The key is not lost. Run this without regenerate and without the file, and it comes back: the old one, or the new one."
            raise
        if anew and _content(task.params["dest"]) == key:
            lost.hint = f"The key in {task.params['dest']} still holds: run this again."
            raise
        task.warn(f"{lost.message} So it was asked for again. The key that holds now is in the file, whether or not it is a new one.")
        return key


def _asked(task: Task, *, regenerate: bool) -> str:
    params = task.params
    try:
        return Keys(task.session).system(params["connection_key"], params["name"], params["scopes"], regenerate=regenerate).text
    except ApiError as error:
        if error.status == 400:
            error.hint = "Immuta refuses a name that a key of another connection or of other scopes has, and a scope or connection that it does not know."
        elif error.status == 404:
            error.hint = "This tenant may have no keys for connections. The key of a Trino integration is what immuta_integration_api_key makes."
        raise


# --- the key of the user -----------------------------------------------------------------------------------------


def rotate_own_key(task: Task) -> Result:
    """The module immuta_api_key."""
    params = task.params
    if params["state"] == "absent":
        return _remove(task, params["id"])
    dest, old = params["dest"], params.get("old_id", "")
    if len(params["name"]) > _LONGEST_NAME:
        raise OptionError(f"name must have at most {_LONGEST_NAME} characters.", option="name")
    task.check_writable(dest)
    if os.path.exists(dest) and not params["force"]:
        return {"changed": False, "dest": dest, "id": None, "removed": False}
    rights = _may_look(task.session)
    if task.check_mode:
        return {"changed": True, "dest": dest, "id": None, "removed": bool(old)}
    key = _make(task)
    task.register_secrets(key.text)
    with _taking_back(task, key):
        new = connect({**params, "api_key": key.text, "bearer_token": None}, given=["api_key"], read_only=False, warn=task.warn, secrets=task.session.secrets)
        if _may_look(new) != rights:
            raise ImmutaError("The new API key may not do what the one in use may.")
        task.write_file(dest, key.text + "\n")
    return {"changed": True, "dest": dest, "id": key.id or None, "removed": _remove_old(task, new, key, old)}


def _make(task: Task) -> Key:
    name = task.params["name"]
    try:
        return Keys(task.session).make(name, project_id=task.params.get("project_id"))
    except (AnswerLost, BadAnswer) as lost:
        lost.hint = (
            f"The key in use still holds. There may be a new one with the name {name}, which nobody has: remove it on the profile page in Immuta, "
            "and run this again."
        )
        raise


def _may_look(session: Session) -> bool:
    """Whether the key may list the integrations, which changes nothing. Raises Unauthorized for one that the tenant does not know."""
    try:
        Integrations(session).list()
    except Forbidden:
        return False
    return True


@contextmanager
def _taking_back(task: Task, key: Key) -> Iterator[None]:
    """Whatever fails in here fails with the new key removed again: nobody has it."""
    try:
        yield
    except Exception as error:
        failure = error if isinstance(error, ImmutaError) else ImmutaError(f"{task.params['dest']} cannot be written: {error}")
        removed, what = _taken_back(task, key)
        failure.hint = f"{what} The key in use still holds, and {task.params['dest']} is as it was."
        failure.facts = {**failure.facts, "changed": not removed, "id": None if removed else key.id or None}
        raise failure from error


def _taken_back(task: Task, key: Key) -> tuple[bool, str]:
    """Whether a key that was just made could be removed again, and what to say of it."""
    by_hand = f"remove the one with the name {task.params['name']} on the profile page in Immuta."
    if not key.id:
        return False, f"The new key is still there, since the tenant did not tell its id: {by_hand}"
    try:
        Keys(task.session).remove(key.id)
    except ImmutaError as error:
        return False, f"The new key, {key.id}, is still there ({error.message.rstrip('.')}): {by_hand}"
    return True, "The new key has been removed again."


def _remove_old(task: Task, new: Session, key: Key, old: str) -> bool:
    """Whether the key that was to be replaced has been removed. The new one does that, which is one more proof that it works."""
    if not old or old == key.id:
        return False
    try:
        Keys(new).remove(old)
    except NotFound:
        task.warn(f"There is no API key {old} that could be removed.")
        return False
    except ImmutaError as error:
        error.hint = f"The new key is in {task.params['dest']}, and it works. The old one may hold still: remove it with state=absent and id={old}."
        error.facts = {**error.facts, "changed": True, "dest": task.params["dest"], "id": key.id or None, "removed": False}
        raise
    return True


def _remove(task: Task, id: str) -> Result:
    if task.check_mode:
        return {"changed": True, "dest": None, "id": id, "removed": True}
    there = True
    try:
        Keys(task.session).remove(id)
    except NotFound:
        there = False
    return {"changed": there, "dest": None, "id": id, "removed": there}


def _content(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read().strip()
    except OSError:
        return ""
