# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of work on a warehouse, and which one a planned action needs. Without I/O.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """One kind of work: its scripts in order, and the purpose that limits their statements."""

    name: str
    scripts: tuple[str, ...] = ()
    purpose: str = "any"
    #: the name of the work in messages
    noun: str = ""


NOTHING = Work("")
SETUP = Work("setup", ("initial-create", "create"), "setup", "setup")
EDIT = Work("edit", ("edit",), "edit", "edit")
DELETE = Work("delete", ("delete",), "cleanup", "removal")
CLEANUP = Work("cleanup", ("cleanup", "post-cleanup"), "cleanup", "cleanup")
#: a forced removal: the script is generated to list what stays on the warehouse, but does not run
FORGET = Work("forget", ("delete",), "cleanup", "removal")
ROTATE = Work("rotate", (), "any", "rotation")

WORKS = {work.name: work for work in (NOTHING, SETUP, EDIT, DELETE, CLEANUP, FORGET, ROTATE)}

_CREATE_ERROR = "status is createError"


@dataclass(frozen=True)
class Situation:
    """Everything that determines the work. C(action) is the planned action (created, updated, deleted, unchanged), C(reason) says why."""

    action: str
    kind: str = "integration"
    reason: str = ""
    state: str = "present"
    #: scripts set up the platform, not Immuta itself
    uses_scripts: bool = True
    force: bool = False
    repair: bool = False
    #: an earlier run removed the platform from Immuta, but did not finish its cleanup script
    cleanup_due: bool = False
    #: an earlier run began a setup and created the database, but did not finish
    setup_incomplete: bool = False


def work_for(situation: Situation) -> Work:
    """Return the work on the warehouse that the planned action needs."""
    if not situation.uses_scripts:
        return NOTHING
    if situation.action == "unchanged":
        return _other_work(situation)
    broken = situation.kind == "integration" and _CREATE_ERROR in situation.reason
    if situation.action == "deleted":
        return _removal(situation, broken=broken)
    if situation.action == "created" or broken:
        return SETUP
    # the integration of a connection cannot be edited, so an edit of the connection has no script
    return EDIT if situation.kind == "integration" else NOTHING


def _removal(situation: Situation, *, broken: bool) -> Work:
    """Return the work of a removal. An integration that was never created has no delete script."""
    if situation.force and situation.kind == "integration":
        return FORGET
    return CLEANUP if broken else DELETE


def _other_work(situation: Situation) -> Work:
    """Return the work if the tenant has nothing to do: an unfinished cleanup, a setup that is given up, or a repair."""
    if situation.cleanup_due:
        return DELETE
    if situation.state == "absent":
        return CLEANUP if situation.setup_incomplete else NOTHING
    return EDIT if situation.repair and situation.kind == "integration" else NOTHING
