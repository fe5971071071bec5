# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The procedures that every database has; those that begin with engine_ are for tests, and for the administrator."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from . import replies
from .catalog import catalog
from .ledger import Fault
from .queries import Session
from .replies import Reply, Rows


def _add_role_member(session: Session, role: str, member: str) -> Iterator[Reply]:
    session.database.principal(role, "alter", "role").members.add(session.database.principal(member).name.lower())
    yield from ()


def _drop_role_member(session: Session, role: str, member: str) -> Iterator[Reply]:
    session.database.principal(role, "alter", "role").members.discard(member.lower())
    yield from ()


def _catalog(session: Session) -> Iterator[Reply]:
    _must_be_admin(session)
    yield Rows(("catalog",), ((json.dumps(catalog(session.server)),),))


def _fault(session: Session, pattern: str, when: str = "before", times: int = 1) -> Iterator[Reply]:
    """The next so many batches that match are not answered: the connection is reset, before or after they ran."""
    _must_be_admin(session)
    if when not in ("before", "after"):
        raise replies.SqlFailed(50000, "A fault is before or after.")
    session.server.faults.append(Fault(re.compile(pattern), when, int(times)))
    yield from ()


def _must_be_admin(session: Session) -> None:
    if not session.is_admin:
        raise replies.not_allowed()


PROCEDURES: dict[str, Callable[..., Iterator[Reply]]] = {
    "sp_addrolemember": _add_role_member,
    "sp_droprolemember": _drop_role_member,
    "engine_catalog": _catalog,
    "engine_fault": _fault,
}
