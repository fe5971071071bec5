# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GRANT, REVOKE and SHOW GRANTS: privileges, ownership, roles, all and future objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from ..words import Name
from .answers import SHOW, Answer, success
from .errors import SnowflakeError, insufficient_privileges, not_found, unsupported
from .ledger import ACCOUNT, GRANTEES, Grant, Membership, Thing, role_name
from .privileges import ALL_PRIVILEGES, KINDS, privileges_of
from .procedures import signature, types
from .session import Session
from .words import Reader, shown

IMPORTED = "IMPORTED PRIVILEGES"
PLURALS = {plural: name for name, kind in KINDS.items() for plural in (name + "S", kind.plural or name + "S")} | {
    name.replace("POLICY", "POLICIES"): name for name in KINDS if name.endswith("POLICY")
}


@dataclass(frozen=True)
class Target:
    """What a privilege is on: one thing, or all or the future ones of a kind in a container."""

    kind: str
    name: Name
    future: str = ""


def grant(session: Session, reader: Reader) -> Answer:
    """GRANT ROLE ... or GRANT privileges ON ... TO [ROLE] ... [WITH GRANT OPTION | COPY CURRENT GRANTS ...]."""
    reader.expect("GRANT")
    if _comes_role(reader):
        return _membership(session, reader, "TO", session.ledger.join)
    privileges = _privileges(reader)
    targets = list(_targets(session, reader))
    reader.expect("TO")
    role = _grantee(session, reader)
    outcome = reader.accept_one(("COPY CURRENT GRANTS", "REVOKE CURRENT GRANTS"))
    option = reader.accept("WITH GRANT OPTION")
    reader.end()
    for target in targets:
        if privileges == ["OWNERSHIP"]:
            _transfer(session, target, role, outcome)
        else:
            for privilege in _expanded(session, privileges, target):
                session.ledger.grant(_as_grant(session, privilege, target, role, option))
    return success()


def revoke(session: Session, reader: Reader) -> Answer:
    """REVOKE ROLE ... or REVOKE [GRANT OPTION FOR] privileges ON ... FROM [ROLE] ..."""
    reader.expect("REVOKE")
    only_option = reader.accept("GRANT OPTION FOR")
    if not only_option and _comes_role(reader):
        return _membership(session, reader, "FROM", session.ledger.leave)
    privileges = _privileges(reader)
    targets = list(_targets(session, reader))
    reader.expect("FROM")
    role = _grantee(session, reader)
    reader.accept_one(("CASCADE", "RESTRICT"))
    reader.end()
    for target in targets:
        for privilege in _expanded(session, privileges, target):
            session.ledger.revoke(_as_grant(session, privilege, target, role), only_option)
    return success()


# Roles


def _comes_role(reader: Reader) -> bool:
    """GRANT ROLE r, GRANT DATABASE ROLE d.r: a name follows, not ON."""
    return reader.key() in ("ROLE", "DATABASE") and reader.key(1) != "ON"


def _membership(session: Session, reader: Reader, word: str, change: Callable[[Membership], None]) -> Answer:
    kind = reader.expect_one(("ROLE", "DATABASE ROLE"))
    roles = [_named(session, kind, reader)]
    while reader.accept(","):
        roles.append(_named(session, kind, reader))
    reader.expect(word)
    to = reader.expect_one(GRANTEES)
    grantee = _named(session, to, reader)
    reader.end()
    for role in roles:
        if not _manages_grants(session):
            session.must_own(role)
        change(Membership(role_name(role.name), GRANTEES[to], role_name(grantee.name), session.role))
    return success()


def _named(session: Session, kind: str, reader: Reader) -> Thing:
    """The role or user that is named next."""
    return session.ledger.need(kind, session.resolve(kind, reader.name(), "GRANT"))


def _manages_grants(session: Session) -> bool:
    return session.ledger.may(session.role, "MANAGE GRANTS", "ACCOUNT", ACCOUNT)


# Privileges


def _privileges(reader: Reader) -> list[str]:
    found = [reader.expect_one(ALL_PRIVILEGES)]
    while reader.accept(","):
        found.append(reader.expect_one(ALL_PRIVILEGES))
    if reader.key() == "(":  # columns
        reader.parenthesis()
    reader.expect("ON")
    return ["ALL" if privilege == "ALL PRIVILEGES" else privilege for privilege in found]


def _targets(session: Session, reader: Reader) -> Iterator[Target]:
    if reader.accept("ACCOUNT"):
        yield Target("ACCOUNT", ACCOUNT)
        return
    scope = reader.accept_one(("ALL", "FUTURE"))
    if not scope:
        yield _one_target(session, reader)
        return
    kind = PLURALS[reader.expect_one(PLURALS)]
    reader.expect("IN")
    container = reader.expect_one(("SCHEMA", "DATABASE"))
    inside = session.resolve(container, reader.name(), "GRANT")
    session.find(container, inside)
    if scope == "FUTURE":
        yield Target(container, inside, future=kind)
    else:
        yield from (Target(kind, thing.name) for thing in session.ledger.all(kind, inside))


def _one_target(session: Session, reader: Reader) -> Target:
    kind = reader.expect_one(KINDS)
    name = session.resolve(kind, reader.name(), "GRANT")
    if KINDS[kind].signature:
        name = (*name[:-1], name[-1] + signature(types(reader)))
    if kind == "TABLE" and session.ledger.get("VIEW", name):
        kind = "VIEW"  # GRANT ... ON TABLE takes a view, too
    thing = session.ledger.need(kind, name)
    if not session.ledger.sees(session.role, thing):
        raise not_found(kind, shown(name))
    return Target(kind, name)


def _grantee(session: Session, reader: Reader) -> str:
    kind = reader.accept_one(("ROLE", "DATABASE ROLE", "USER", "SHARE")) or "ROLE"
    if kind in ("USER", "SHARE"):
        raise unsupported(f"GRANT privileges TO {kind}")
    return role_name(_named(session, kind, reader).name)


def _expanded(session: Session, privileges: Iterable[str], target: Target) -> Iterator[str]:
    """The privileges one by one, each checked: it fits the kind, and the role may give it."""
    kind = target.future or target.kind
    for privilege in privileges:
        if privilege == "ALL":
            yield from (p for p in privileges_of(kind) if _may_give(session, p, target))
            continue
        if privilege == IMPORTED and target.kind == "DATABASE":
            _check_imported(session, target)
        elif privilege not in privileges_of(kind) and privilege != "OWNERSHIP":
            text = f"SQL compilation error:\ninvalid privilege '{privilege}' for object type '{kind}'."
            raise SnowflakeError(3023, "42601", text)
        elif _is_imported(session, target):
            text = "Granting individual privileges on imported database is not allowed. Use 'GRANT IMPORTED PRIVILEGES' instead."
            raise SnowflakeError(3011, "42501", f"SQL access control error:\n{text}")
        if not _may_give(session, privilege, target):
            raise insufficient_privileges(target.kind, shown(target.name[-1]))
        yield privilege


def _is_imported(session: Session, target: Target) -> bool:
    thing = session.ledger.get(target.kind, target.name)
    return bool(thing and thing.kind == "DATABASE" and thing.properties.get("ORIGIN"))


def _check_imported(session: Session, target: Target) -> None:
    if not _is_imported(session, target):
        text = "Granting imported privileges is only allowed on imported databases."
        raise SnowflakeError(3012, "42501", f"SQL access control error:\n{text}")


def _may_give(session: Session, privilege: str, target: Target) -> bool:
    ledger = session.ledger
    return _manages_grants(session) or ledger.may(session.role, privilege, target.kind, target.name, option=True)


def _transfer(session: Session, target: Target, role: str, outcome: str) -> None:
    """GRANT OWNERSHIP: refused while others have grants, unless it says what becomes of them."""
    if target.future:
        session.ledger.grant(_as_grant(session, "OWNERSHIP", target, role))
        return
    thing = session.ledger.need(target.kind, target.name)
    if not _manages_grants(session):
        session.must_own(thing)
    others = [g for g in session.ledger.grants_on(target.kind, target.name) if g.privilege != "OWNERSHIP"]
    if others and not outcome:
        text = f"Dependent grant of privilege '{others[0].privilege}' on securable '{shown(target.name)}' to role "
        text += f"'{shown(others[0].role)}' exists. It must be revoked first. More than one dependent grant may exist: "
        text += "use 'SHOW GRANTS' command to view them. To revoke all dependent grants while transferring object "
        text += "ownership, use convenience command 'GRANT OWNERSHIP ON <target_objects> TO <target_role> REVOKE CURRENT GRANTS'."
        raise SnowflakeError(3040, "0LP01", f"SQL execution error:\n{text}")
    if outcome.startswith("REVOKE"):
        for held in others:
            session.ledger.revoke(held)
    thing.owner = role


def _as_grant(session: Session, privilege: str, target: Target, role: str, option: bool = False) -> Grant:
    return Grant(privilege, target.kind, target.name, role, option, session.role, target.future)


# SHOW GRANTS

GRANT_COLUMNS = ("created_on", "privilege", "granted_on", "name", "granted_to", "grantee_name", "grant_option", "granted_by")
MEMBER_COLUMNS = ("created_on", "role", "granted_to", "grantee_name", "granted_by")


def moment(time: datetime) -> str:
    """A time as SHOW gives it."""
    return time.isoformat(sep=" ", timespec="milliseconds")


def show_grants(session: Session, reader: Reader) -> Answer:
    """What comes after SHOW GRANTS: nothing, TO ROLE r, TO USER u, OF ROLE r, ON kind name, ON ACCOUNT."""
    which = reader.accept_one(("TO ROLE", "TO DATABASE ROLE", "TO USER", "OF ROLE", "ON ACCOUNT", "ON"))
    if which in ("OF ROLE", "TO USER"):
        return _show_members(session, reader, which)
    if which == "ON":
        target = _one_target(session, reader)
        found = session.ledger.grants_on(target.kind, target.name)
    elif which == "ON ACCOUNT":
        found = session.ledger.grants_on("ACCOUNT", ACCOUNT)
    elif which:
        found = session.ledger.grants_to(role_name(_named(session, which[3:], reader).name))
    else:
        found = session.ledger.grants_to(session.role)
    reader.end()
    rows = [(moment(g.created), g.privilege, g.kind.replace(" ", "_"), shown(g.name), "ROLE", g.role, str(g.option).lower(), g.by) for g in found]
    return Answer(GRANT_COLUMNS, rows, SHOW)


def _show_members(session: Session, reader: Reader, which: str) -> Answer:
    name = role_name(_named(session, which.split()[1], reader).name)
    reader.end()
    wanted = [m for m in session.ledger.members() if name == (m.role if which == "OF ROLE" else m.to == "USER" and m.grantee)]
    return Answer(MEMBER_COLUMNS, [(moment(m.created), m.role, m.to, m.grantee, m.by) for m in wanted], SHOW)
