# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the steps that the role carries out: the title of each task and the options of its module. Without I/O and secrets.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from typing import Any

from .desired import DesiredState
from .flow import Flow, is_last_cleanup_script, may_be_pending, merged_scope, on_error, start_at
from .folder import Folder
from .rotation import Rotation
from .summary import RECOVERY
from .works import DELETE

Step = dict[str, Any]


def generate_step(flow: Flow, key: str, folder: Folder) -> Step:
    """Return the step that gets a script. Its C(request) has the script's own options of M(community.immuta.immuta_integration_script)."""
    script = flow.summary.scripts[key]
    return {"key": key, "make_title": f"Get the script {script.script} from the tenant", "request": _request(flow, key, folder), "kept": flow.keeps_scripts}


def _request(flow: Flow, key: str, folder: Folder, *, late: bool = False) -> dict[str, Any]:
    """Return the options of the request. A C(late) script is requested right before it runs, so the tenant must provide it then."""
    behind_connection = flow.desired.kind == "connection" and flow.work is DELETE
    return {
        "action": flow.summary.scripts[key].script,
        "dest": folder.script_path(key),
        "review_dest": folder.review_path(key),
        "pending_ok": not late and may_be_pending(flow, key),
        **({"id": flow.summary.id} if behind_connection else {}),
    }


def script_step(flow: Flow, key: str, folder: Folder) -> Step:
    """Return the step that runs a script. If the tenant has not generated the script yet, the step gets it first."""
    script = flow.summary.scripts[key]
    options: dict[str, Any] = {
        "type": flow.desired.place.type,
        "path": folder.script_path(key),
        "purpose": "any" if flow.desired.any_statement else script.purpose,
        "on_error": on_error(flow, key),
    }
    scope = flow.summary.scope or merged_scope(flow.desired.scope, {})
    further = {
        "scope": dict(scope) if options["purpose"] != "any" else {},
        "expected_sha256": script.sha256,
        "ledger": folder.ledger_path(key) if script.part != RECOVERY else "",
        "report": folder.report_path(key) if flow.desired.has_audit_log else "",
        "start_at": start_at(flow, key),
        "must_be_gone": _must_be_gone(flow, key),
    }
    options.update({name: value for name, value in further.items() if value})
    step = _sql(flow.desired, f"Run the script {script.script}", options, database=script.database)
    late = script.sha256 is None
    making = {**generate_step(flow, key, folder), "request": _request(flow, key, folder, late=True)}
    return {**step, **making, "sql_file": step["file"], "file": "late" if late else step["file"]}


def _must_be_gone(flow: Flow, key: str) -> dict[str, str]:
    presence = flow.desired.place.presence
    return {"what": presence.what, "query": presence.query} if presence is not None and is_last_cleanup_script(flow, key) else {}


def presence_step(flow: Flow) -> Step:
    """Return the step that asks the warehouse for an existing setup."""
    presence = flow.desired.place.presence
    if presence is None:
        raise AssertionError("a platform without scripts has no setup on the warehouse")
    options = {"type": flow.desired.place.type, "script": "SELECT 1", "unless": presence.query, "purpose": "any"}
    return _sql(flow.desired, f"Ask {flow.desired.place.host} for {presence.what}", options, database=presence.database, changes=False)


def rotation_steps(rotation: Rotation, desired: DesiredState, folder: Folder, step: str, *, check_mode: bool) -> list[Step]:
    """Return the tasks for one step of a rotation (set, settle or back), followed by a sign-in as the system account.

    In check mode, there is no sign-in, because the warehouse does not know the new secret.
    """
    if not rotation.statements.get(step):
        return []
    title = {
        "set": f"Set the new secret of {rotation.account} on {desired.place.host}",
        "settle": f"Remove the old secret of {rotation.account}",
        "back": f"Restore the current secret of {rotation.account}",
    }[step]
    options: dict[str, Any] = {"type": desired.place.type, "purpose": "any"}
    ledger = {} if step == "back" else {"ledger": folder.ledger_path(step)}
    report = {"report": folder.report_path(step)} if desired.has_audit_log else {}
    steps = [_sql(desired, title, {**options, **ledger, **report}, database=rotation.database, statement=step)]
    if step == "back" or check_mode:
        return steps
    query = {**options, "script": "SELECT 1", "unless": "SELECT 1"}
    title = f"Sign in as {rotation.account} with the new secret"
    return [*steps, _sql(desired, title, query, database=rotation.sign_in, changes=False, login_as="system")]


def _sql(
    desired: DesiredState, title: str, options: dict[str, Any], *, database: str, changes: bool = True, statement: str = "", login_as: str = "admin"
) -> Step:
    """Return a step for tasks/sql.yml. C(statement) and C(login_as) are only names, because the values can be secret."""
    if desired.change_reference:
        options = {**options, "change_reference": desired.change_reference}
    step = {
        "title": title,
        "file": "sql",
        "options": options,
        "login": {"database": database} if database else {},
        "login_as": login_as,
        "statement": statement,
        "changes": changes,
    }
    return {**step, **_remote_files(options, desired.remote_folder)} if desired.sql_host else step


def _remote_files(options: dict[str, Any], there: str) -> Step:
    """Return what tasks/sql_elsewhere.yml also needs: the files to copy to the SQL host, and those to copy back."""
    names = {"path": f"{there}/script.sql", "ledger": f"{there}/ledger", "report": f"{there}/report"}
    here = {name: options[name] for name in names if name in options}
    return {
        "file": "sql_elsewhere",
        "there": there,
        "options": {**options, **{name: names[name] for name in here}},
        "takes": [{"src": path, "dest": names[name]} for name, path in here.items()],
        "brings": [{"src": names[name], "dest": path} for name, path in here.items() if name != "path"],
    }
