# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of work on a warehouse, and which of them goes with what the tenant plans. Pure: tables first.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """One kind of work: its scripts, in order, and the list of statements that they may hold."""

    name: str
    scripts: tuple[str, ...] = ()
    purpose: str = "any"
    #: what the work is called when the role announces it
    noun: str = ""


NOTHING = Work("")
SETUP = Work("setup", ("initial-create", "create"), "setup", "set-up")
EDIT = Work("edit", ("edit",), "edit", "edit")
DELETE = Work("delete", ("delete",), "cleanup", "removal")
CLEANUP = Work("cleanup", ("cleanup", "post-cleanup"), "cleanup", "clean-up")
#: Immuta forgets the platform by force: the script is made, to tell what stays behind, and it is not run
FORGET = Work("forget", ("delete",), "cleanup", "removal")
ROTATE = Work("rotate", (), "any", "rotation")

WORKS = {work.name: work for work in (NOTHING, SETUP, EDIT, DELETE, CLEANUP, FORGET, ROTATE)}

_CREATE_ERROR = "status is createError"


@dataclass(frozen=True)
class Situation:
    """All that decides about the work. action: what the tenant plans (created, updated, deleted, unchanged), and reason: why."""

    action: str
    kind: str = "integration"
    reason: str = ""
    state: str = "present"
    #: the platform is set up by scripts, not by Immuta itself
    uses_scripts: bool = True
    force: bool = False
    repair: bool = False
    #: Immuta has forgotten the platform in an earlier run, and its clean-up script has not run to its end
    cleanup_due: bool = False
    #: an earlier run began a set-up, which made its database, and did not finish it
    setup_incomplete: bool = False


def work_for(situation: Situation) -> Work:
    """The work on the warehouse that goes with what the tenant plans."""
    if not situation.uses_scripts:
        return NOTHING
    if situation.action == "unchanged":
        return _other_work(situation)
    broken = situation.kind == "integration" and _CREATE_ERROR in situation.reason
    if situation.action == "deleted":
        return _removal(situation, broken=broken)
    if situation.action == "created" or broken:
        return SETUP
    # nothing edits the integration behind a connection, so an edit of the connection has no script
    return EDIT if situation.kind == "integration" else NOTHING


def _removal(situation: Situation, *, broken: bool) -> Work:
    """What was never created has no delete script."""
    if situation.force and situation.kind == "integration":
        return FORGET
    return CLEANUP if broken else DELETE


def _other_work(situation: Situation) -> Work:
    """The tenant has nothing to do. A clean-up may be due, a set-up may be situation up, and an edit may be asked for."""
    if situation.cleanup_due:
        return DELETE
    if situation.state == "absent":
        return CLEANUP if situation.setup_incomplete else NOTHING
    return EDIT if situation.repair and situation.kind == "integration" else NOTHING
