# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a statement does: the ledger for what DuckDB does not know, DuckDB for the rest. Every call is a session of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from ..duck import QueryFailed, Result, Tables, Unreadable
from ..words import Grammar, Reader, Unclosed, Unexpected, Word
from . import errors
from .queries import query
from .unity import PRIVILEGES, RELATIONS, Grant, Metastore, Name

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_CONTROLS = {"b": "\b", "n": "\n", "r": "\r", "t": "\t", "0": "\0", "Z": "\x1a"}


def _text(raw: str) -> str:
    """The text of a literal: quoted, raw (r'...'), or between dollars."""
    if raw[0] == "$":
        fence = raw[: raw.index("$", 1) + 1]
        return raw[len(fence) : -len(fence)]
    if raw[0] in "rR":
        return raw[2:-1]
    return _ESCAPE.sub(lambda match: _CONTROLS.get(match[1], match[1]), raw[1:-1].replace(raw[0] * 2, raw[0]))


GRAMMAR = Grammar(
    string=r"[rR]'[^']*'|[rR]\"[^\"]*\"|'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|(?P<fence>\$(?:[^\W\d]\w*)?\$).*?(?P=fence)",
    quoted="`(?:[^`]|``)*`",
    unquote=_text,
    unname=lambda raw: raw[1:-1].replace("``", "`"),
)


@dataclass
class Session:
    """One call: who asks, and what names without a catalog or schema mean."""

    metastore: Metastore
    tables: Tables
    user: str
    catalog: str
    schema: str

    def resolve(self, kind: str, name: Name) -> Name:
        """A full name, in lower case: Unity Catalog keeps no other."""
        depth = {"METASTORE": 0, "CATALOG": 1, "SCHEMA": 2}.get(kind, 3)
        return tuple(part.lower() for part in (self.catalog, self.schema)[: max(depth - len(name), 0)] + name)


Handler = Callable[[Session, Reader], Result]
# Words of a statement that mean the same.
SCHEMAS = ("SCHEMA", "DATABASE")
KINDS = ("CATALOG", *SCHEMAS, "TABLE", "VIEW", "FUNCTION")


def run(session: Session, sql: str) -> Result:
    """Carry out the one statement in this text. SqlFailed with the service's words."""
    try:
        words = GRAMMAR.words(sql)
    except Unclosed as unclosed:
        raise errors.syntax_error(sql, unclosed.start, f"'{sql[unclosed.start]}'") from None
    while words and words[-1].key == ";":
        words.pop()
    if not words:
        raise errors.syntax_error(sql, len(sql), "end of input")
    second = next((word for word, before in zip(words[1:], words, strict=False) if before.key == ";"), None)
    if second and words[0].key != "BEGIN":
        near = _shown(sql, second)
        raise errors.syntax_error(sql, second.start, near, f": extra input {near}")
    reader = Reader(sql, words)
    try:
        return _handler(reader)(session, reader)
    except Unexpected as unexpected:
        word = unexpected.word
        raise errors.syntax_error(sql, word.start if word else len(sql), _shown(sql, word) if word else "end of input") from None
    except Unreadable:
        raise errors.syntax_error(sql, words[0].start, _shown(sql, words[0])) from None
    except QueryFailed as failed:
        raise errors.translated(str(failed)) from None


def _shown(sql: str, word: Word) -> str:
    return f"'{sql[word.start : word.end]}'"


def _handler(reader: Reader) -> Handler:
    for words in (2, 1):
        found = HANDLERS.get(" ".join(reader.key(ahead) for ahead in range(words)).strip())
        if found:
            return found
    raise reader.unexpected()


def _kind(reader: Reader, kinds: Collection[str]) -> str:
    found = reader.expect_one(kinds)
    return "SCHEMA" if found in SCHEMAS else found


# --- CREATE, ALTER, DROP, COMMENT ---


def create(session: Session, reader: Reader) -> Result:
    reader.expect("CREATE")
    replace = reader.accept("OR REPLACE")
    if reader.accept_one(("TEMPORARY", "TEMP", "EXTERNAL", "FOREIGN", "MATERIALIZED", "STREAMING")):
        raise errors.unsupported(f"CREATE {reader.key(-1)}")
    kind = _kind(reader, KINDS)
    tolerant = reader.accept("IF NOT EXISTS")
    name = session.resolve(kind, reader.name())
    existing = session.metastore.get(kind, name)
    if existing and tolerant:
        return Result()
    if existing and not (replace and existing.kind == kind):
        raise errors.already_exists(existing.kind, name)
    parent, privilege = {"CATALOG": ("METASTORE", "CREATE CATALOG"), "SCHEMA": ("CATALOG", "CREATE SCHEMA"), "FUNCTION": ("SCHEMA", "CREATE FUNCTION")}.get(
        kind, ("SCHEMA", "CREATE TABLE")
    )
    if name[:-1]:
        session.metastore.need(parent, name[:-1])
    session.metastore.must(session.user, privilege, parent, name[:-1])
    _MAKERS[kind](session, reader, kind, name)
    return Result()


def _make_catalog(session: Session, reader: Reader, kind: str, name: Name) -> None:
    properties = _properties(reader)
    session.tables.create_database(name[0])
    session.metastore.add("CATALOG", name, session.user, **properties)
    for schema in ("default", "information_schema"):
        session.metastore.add("SCHEMA", (*name, schema), session.user if schema == "default" else "System user")
    session.tables.create_schema(name[0], "default")


def _make_schema(session: Session, reader: Reader, kind: str, name: Name) -> None:
    properties = _properties(reader)
    session.tables.create_schema(*name)
    session.metastore.add("SCHEMA", name, session.user, **properties)


def _make_relation(session: Session, reader: Reader, kind: str, name: Name) -> None:
    query(session, reader)
    session.metastore.add(kind, name, session.user)


def _make_function(session: Session, reader: Reader, kind: str, name: Name) -> None:
    """Kept, never called: its body is not looked at, as long as it is one."""
    reader.parenthesis()
    language = "SQL"
    while not (reader.comes("RETURN") or reader.comes("AS")):
        if reader.next().key == "LANGUAGE":
            language = reader.next().key
    if reader.accept("AS"):
        body = reader.string()
        reader.end()
    else:
        reader.expect("RETURN")
        if reader.done:
            raise reader.unexpected()
        body = reader.rest()
    session.metastore.add("FUNCTION", name, session.user, language=language, definition=body)


def _properties(reader: Reader) -> dict[str, str]:
    """COMMENT '...' and MANAGED LOCATION '...', to the end."""
    found = {}
    while not reader.done:
        clause = reader.expect_one(("COMMENT", "MANAGED LOCATION"))
        found[clause.lower().replace(" ", "_")] = reader.string()
    return found


_MAKERS: dict[str, Callable[[Session, Reader, str, Name], None]] = {
    "CATALOG": _make_catalog,
    "SCHEMA": _make_schema,
    "TABLE": _make_relation,
    "VIEW": _make_relation,
    "FUNCTION": _make_function,
}


def alter(session: Session, reader: Reader) -> Result:
    """ALTER ... [SET] OWNER TO principal; whatever else of a table is DuckDB's."""
    reader.expect("ALTER")
    kind = _kind(reader, KINDS)
    name = session.resolve(kind, reader.name())
    found = session.metastore.need(kind, name)
    if not session.metastore.owns(session.user, name):
        raise errors.no_privilege("MANAGE", kind, name)
    reader.accept("SET")
    if reader.accept("OWNER TO"):
        owner = reader.identifier()
        reader.end()
        found.owner = session.metastore.principal(owner).name
        return Result()
    if kind not in RELATIONS:
        raise reader.unexpected()
    return query(session, reader)


def drop(session: Session, reader: Reader) -> Result:
    reader.expect("DROP")
    kind = _kind(reader, KINDS)
    tolerant = reader.accept("IF EXISTS")
    name = session.resolve(kind, reader.name())
    cascade = reader.accept_one(("CASCADE", "RESTRICT")) == "CASCADE"
    reader.end()
    found = session.metastore.get(kind, name)
    if tolerant and found is None:
        return Result()
    found = session.metastore.need(kind, name)
    if not session.metastore.owns(session.user, name):
        raise errors.no_privilege("MANAGE", kind, name)
    inside = [each for each in session.metastore.all("SCHEMA", *RELATIONS, "FUNCTION", inside=name) if each is not found]
    if not cascade and any(each.name[1:] not in (("default",), ("information_schema",)) for each in inside):
        raise errors.not_empty(kind, name)
    if kind == "CATALOG":
        session.tables.drop_database(name[0])
    elif kind == "SCHEMA":
        session.tables.drop_schema(*name)
    elif kind in RELATIONS:
        session.tables.drop(found.kind, (name[0], name[1], name[2]))
    session.metastore.remove(kind, name)
    return Result()


def comment(session: Session, reader: Reader) -> Result:
    reader.expect("COMMENT ON")
    kind = _kind(reader, KINDS)
    found = session.metastore.need(kind, session.resolve(kind, reader.name()))
    reader.expect("IS")
    found.properties["comment"] = None if reader.accept("NULL") else reader.string()
    reader.end()
    return Result()


# --- GRANT, REVOKE ---


def grant(session: Session, reader: Reader) -> Result:
    return _change_grants(session, reader, "GRANT", "TO", session.metastore.grant)


def revoke(session: Session, reader: Reader) -> Result:
    return _change_grants(session, reader, "REVOKE", "FROM", session.metastore.revoke)


def _change_grants(session: Session, reader: Reader, verb: str, word: str, change: Callable[[Grant], None]) -> Result:
    reader.expect(verb)
    known = {privilege for privileges in PRIVILEGES.values() for privilege in privileges}
    wanted = [reader.expect_one(known)]
    while reader.accept(","):
        wanted.append(reader.expect_one(known))
    reader.expect("ON")
    kind, name = _securable(session, reader)
    reader.expect(word)
    principal = session.metastore.principal(reader.identifier()).name
    reader.end()
    if not (session.metastore.owns(session.user, name) or (name and session.metastore.may(session.user, "MANAGE", name))):
        raise errors.no_privilege("MANAGE", kind, name)
    for privilege in wanted:
        if privilege not in PRIVILEGES[kind]:
            raise errors.wrong_privilege(privilege, kind)
        change(Grant(privilege, kind, name, principal))
    return Result()


def _securable(session: Session, reader: Reader) -> tuple[str, Name]:
    """What comes after ON: a kind and a name, a bare name being a table's."""
    kind = reader.accept_one(("METASTORE", *KINDS)) or "TABLE"
    kind = "SCHEMA" if kind in SCHEMAS else kind
    if kind == "METASTORE":
        return kind, ()
    name = session.resolve(kind, reader.name())
    return session.metastore.need(kind, name).kind, name


# --- SHOW, DESCRIBE, USE, SET ---


# SHOW what -> its columns, the kinds that it lists, and how many parts their names have.
LISTS: dict[str, tuple[tuple[str, ...], tuple[str, ...], int]] = {
    "CATALOGS": (("catalog",), ("CATALOG",), 1),
    "SCHEMAS": (("databaseName",), ("SCHEMA",), 2),
    "DATABASES": (("databaseName",), ("SCHEMA",), 2),
    "TABLES": (("database", "tableName", "isTemporary"), RELATIONS, 3),
    "VIEWS": (("namespace", "viewName", "isTemporary"), ("VIEW",), 3),
    "FUNCTIONS": (("function",), ("FUNCTION",), 3),
}


def show(session: Session, reader: Reader) -> Result:
    """SHOW what [IN container] [[LIKE] pattern], where * is anything and | is or."""
    reader.expect("SHOW")
    what = reader.expect_one((*LISTS, "GRANTS", "GRANT"))
    if what.startswith("GRANT"):
        return _show_grants(session, reader)
    columns, kinds, depth = LISTS[what]
    inside = (session.catalog, session.schema)[: depth - 1]
    if reader.accept_one(("IN", "FROM")):
        container = "CATALOG" if depth == 2 else "SCHEMA"
        inside = session.metastore.need(container, session.resolve(container, reader.name())).name
    reader.accept("LIKE")
    pattern = "*" if reader.done else reader.string()
    reader.end()
    like = re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\|", "|"), re.IGNORECASE)
    found = [each.name for each in session.metastore.all(*kinds, inside=inside) if like.fullmatch(each.name[-1])]
    names = [name for name in found if session.metastore.sees(session.user, name)]
    rows = tuple((name[-2], name[-1], False) if len(columns) == 3 else (name[-1],) for name in names)
    return _listed(columns, rows)


def _listed(columns: tuple[str, ...], rows: tuple[tuple[Any, ...], ...]) -> Result:
    return Result(tuple((column, "VARCHAR") for column in columns), rows, len(rows))


def _show_grants(session: Session, reader: Reader) -> Result:
    """What comes after SHOW GRANTS: [principal] ON securable; what it inherits is shown, too."""
    principal = None if reader.comes("ON") else session.metastore.principal(reader.identifier()).name
    reader.expect("ON")
    _kind_of, name = _securable(session, reader)
    reader.end()
    found = [each for each in session.metastore.grants() if name[: len(each.name)] == each.name and (each.name or not name)]
    rows = tuple((each.principal, each.privilege, each.kind, ".".join(each.name)) for each in found if principal in (None, each.principal))
    return _listed(("Principal", "ActionType", "ObjectType", "ObjectKey"), rows)


def use(session: Session, reader: Reader) -> Result:
    """It is checked, and forgotten with the call: the next one names its catalog and schema itself."""
    reader.next()
    kind = "CATALOG" if reader.accept("CATALOG") else "SCHEMA"
    reader.accept_one(SCHEMAS)
    name = session.resolve(kind, (reader.string(),) if reader.peek() and reader.words[reader.at].kind == "string" else reader.name())
    reader.end()
    session.metastore.need(kind, name)
    session.metastore.must(session.user, f"USE {kind}", kind, name)
    return Result()


def nothing(session: Session, reader: Reader) -> Result:
    """What would change the session, which ends with the call."""
    reader.rest()
    return Result()


def compound(session: Session, reader: Reader) -> Result:
    raise errors.unsupported("SQL scripting")


HANDLERS: dict[str, Handler] = {
    "CREATE": create,
    "ALTER": alter,
    "DROP": drop,
    "COMMENT ON": comment,
    "GRANT": grant,
    "REVOKE": revoke,
    "SHOW": show,
    "USE": use,
    "SET CATALOG": use,
    "SET": nothing,
    "RESET": nothing,
    "BEGIN": compound,
    **dict.fromkeys(("SELECT", "WITH", "VALUES", "(", "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE"), query),
}
