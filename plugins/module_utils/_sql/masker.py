# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The masker: finds the literals and the secrets of a script, and hides them in copies of the script and in messages.

The modules mask a script before they show it. The drivers mask what a database says about a statement.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .._core.errors import ScriptRefused
from .._core.secrets import looks_secret
from .dynamic_sql import LITERALS, Char, content_bounds, decode, executed_expressions, text_of
from .splitter import token_runs
from .tokenizer import Token

# Replaces each literal in a masked copy
MASK = "***"
# From a match on, a comment may contain a disabled statement or another comment, so the rest of the comment is masked.
_MAY_HIDE_LITERAL = re.compile(r"['\"`]|\$\w*\$|/\*|passw|pwd|secret|token|credential", re.IGNORECASE)
# Properties whose double-quoted value is the name of an object. Any other double-quoted value is a literal: password="…"
_VALUE_IS_NAME = re.compile(r"(ROLE|WAREHOUSE|NAMESPACE|DATABASE|SCHEMA|_NAME)$")
# Unquoted values that are not literals: must_change_password=false
_KEYWORD_VALUES = frozenset({"TRUE", "FALSE", "NULL"})
# A part of a script, and whether it is a literal, without its quotes
Marked = tuple[str, bool]
# Stands in for the expressions between the literals of dynamic SQL, so that the joined text can be tokenized
_PLACEHOLDER = "h"
_ROUTINES = frozenset({"PROCEDURE", "FUNCTION", "TASK", "DO"})
_CODE_LANGUAGES = frozenset({"", "SQL", "PLPGSQL"})


def mask_literals(script: str, dialect: str) -> str:
    """Return the script for people to read, with C(***) in place of every literal. Lines and statements stay the same.

    Code inside literals stays readable, with its own literals masked: routine bodies in SQL, and dynamic SQL. Bodies in other
    languages and quoted text in comments are masked as a whole.
    """
    return "".join(MASK + re.sub(r"[^\r\n]+", "", text) if is_literal else text for text, is_literal in marked_parts(script, dialect))


def mask_message(message: str, statement: str, dialect: str, names: Iterable[str] = ()) -> str:
    """Return a database's message about a statement, without the statement's literals.

    Text that the message quotes stays only if it is a name that the statement uses, or one of C(names).
    """
    known = {name.lower() for name in (*_literals_and_names(statement, dialect)[1], *names)}

    def mask_unknown(quoted: re.Match[str]) -> str:
        quoted_text = quoted["inside"].lower()
        parts = re.split(r"[\s.\"`()\[\],]+", quoted_text)
        return quoted[0] if quoted_text in known or all(part in known for part in parts if part) else quoted["quote"] + MASK + quoted["quote"]

    without_literals = hide_literals(message, statement, dialect)
    return re.sub(r"(?<!\w)(?P<quote>['\"`])(?P<inside>.*?)(?P=quote)(?!\w)", mask_unknown, without_literals, flags=re.DOTALL)


def hide_literals(message: str, statement: str, dialect: str) -> str:
    """Return a message about a statement, with the statement's literals masked that have at least four characters."""
    for literal in sorted(_literals_and_names(statement, dialect)[0], key=len, reverse=True):
        message = message.replace(literal, MASK)
    return message


def secrets_in(script: str, dialect: str) -> set[str]:
    """Return the secrets in a script: literals of at least four characters that follow C(PASSWORD), C(SECRET) or a similar word.

    Each is returned as written and as the database may read it. Raise ScriptRefused as C(split) does.
    """
    secrets: set[str] = set()
    words: list[str] = []
    for text, is_literal in marked_parts(script, dialect):
        if is_literal and words and looks_secret(words[-1]) and len(text) >= 4:
            secrets |= _spellings(text)
        elif not is_literal and re.fullmatch(r"\w+", text):
            words.append(text)
    return secrets


def marked_parts(script: str, dialect: str) -> Iterator[Marked]:
    """Yield the parts of a script, each with whether it is a literal (without its quotes). Joined, they equal the script."""
    for tokens, _repeat in token_runs(script, dialect):
        code_literals = _code_literals(tokens, dialect)
        last, before = "", ""
        for index, token in enumerate(tokens):
            yield from code_literals[index] if index in code_literals else _mark_token(token, last, before)
            if token.kind not in ("space", "comment"):
                last, before = token.text.upper(), last


def _mark_token(token: Token, last: str, before: str) -> Iterator[Marked]:
    """Yield the parts of a token that contains no code. last and before: the texts of the two tokens before it."""
    if token.kind == "comment":
        yield from _mark_comment(token.text)
    elif token.kind in LITERALS:
        opening, closing = content_bounds(token)
        yield from ((token.text[:opening], False), (token.text[opening:closing], True), (token.text[closing:], False))
    elif _is_secret_value(token, last, before):
        yield from _mark_quoted(token.text, 1) if token.kind == "name" else [(token.text, True)]
    else:
        yield token.text, False


def _code_literals(tokens: list[Token], dialect: str) -> dict[int, list[Marked]]:
    """Return index -> parts, for the literals among the tokens that contain code."""
    significant_indexes = [index for index, token in enumerate(tokens) if token.kind not in ("space", "comment")]
    significant_tokens = [tokens[index] for index in significant_indexes]
    result: dict[int, list[Marked]] = {}
    for indexes in (*_dynamic_sql_literals(significant_tokens, dialect), *_body_literals(significant_tokens)):
        literals = [None if index is None else significant_tokens[index] for index in indexes]
        marked_literals = _mark_code(literals, dialect)
        result.update((significant_indexes[index], parts) for index, parts in zip(indexes, marked_literals) if index is not None)
    return result


def _dynamic_sql_literals(tokens: list[Token], dialect: str) -> Iterator[list[int | None]]:
    """Yield the indexes of the literals of each piece of dynamic SQL, in order. None stands for an expression between them."""
    for expression in executed_expressions(tokens, dialect):
        indexes: list[int | None] = []
        for index in range(expression.start, expression.stop):
            if index in expression.literals:
                indexes.append(index)
            elif tokens[index].key not in ("|", "+") and indexes[-1:] != [None]:
                indexes.append(None)
        if expression.literals:
            yield indexes


def _body_literals(tokens: list[Token]) -> Iterator[list[int | None]]:
    """Yield the index of each literal that is a routine body in SQL."""
    language = _language(tokens)
    if language not in _CODE_LANGUAGES:
        return
    keys = [token.key for token in tokens]
    # In other statements, AS 'text' names a column.
    makes_routine = keys[:1] in (["CREATE"], ["ALTER"], ["DO"]) and bool(_ROUTINES & set(keys))
    for index, (before, token) in enumerate(zip(keys, tokens[1:]), 1):
        if (before in ("AS", "DO") or before == language != "") and token.kind in ("dollar", "string" if makes_routine else "dollar"):
            yield [index]


def _mark_code(literals: list[Token | None], dialect: str) -> list[list[Marked]]:
    """Return the parts of each of these literals, whose joined texts are code. If that is not SQL, each literal is masked as a whole."""
    decoded = [[Char("", _PLACEHOLDER)] if literal is None else decode(literal, dialect) for literal in literals]
    parts = _part_lengths(decoded, dialect)
    if parts is None:
        return [[] if literal is None else list(_mark_token(literal, "", "")) for literal in literals]
    return [list(_literal_parts(literal, chars or [], parts)) for literal, chars in zip(literals, decoded)]


def _part_lengths(decoded: list[list[Char] | None], dialect: str) -> list[tuple[int, bool]] | None:
    """Return the length of each part of the joined code, the last part first, and whether it is a literal. Return None if it is not SQL."""
    if None in decoded:
        return None
    text = "".join(text_of(chars or ()) for chars in decoded)
    try:
        return [(len(part), is_literal) for part, is_literal in marked_parts(text, dialect) if part][::-1]
    except (ScriptRefused, RecursionError):
        return None


def _literal_parts(literal: Token | None, chars: list[Char], parts: list[tuple[int, bool]]) -> Iterator[Marked]:
    """Yield the parts of one literal as written, with its quotes. Remove the lengths of these parts from the list."""
    inside = list(_source_parts(chars, parts))
    if literal is not None:
        opening, closing = content_bounds(literal)
        yield from [(literal.text[:opening], False), *inside, (literal.text[closing:], False)]


def _source_parts(chars: list[Char], parts: list[tuple[int, bool]]) -> Iterator[Marked]:
    """Yield the source text of each part. It may be longer than the part, because characters may be escaped in the source."""
    piece: list[str] = []
    for char in chars:
        offset = 0
        while offset < len(char.meaning):
            length, is_literal = parts.pop()
            taken = min(length, len(char.meaning) - offset)
            piece.append(char.source[offset : offset + taken] if char.source == char.meaning else char.source)
            offset += taken
            if taken < length:
                parts.append((length - taken, is_literal))
            else:
                yield "".join(piece), is_literal
                piece = []
    if piece:
        yield "".join(piece), parts[-1][1]


def _language(tokens: list[Token]) -> str:
    """Return the word after LANGUAGE, or "" if there is none."""
    words = [token.text.strip("\"'").upper() for token in tokens if token.kind in ("word", "string", "name")]
    return words[words.index("LANGUAGE") + 1] if "LANGUAGE" in words[:-1] else ""


def _is_secret_value(token: Token, last: str, before: str) -> bool:
    """Whether a name, word or number is a value that may be a secret: password="…", or PASSWORD "…"."""
    if token.kind == "name":
        # An AUTHORIZATION header contains a secret. In SQL, the owner of an object follows this word.
        return (looks_secret(last) and last != "AUTHORIZATION") or (last == "=" and not _VALUE_IS_NAME.search(before))
    return token.kind in ("word", "number") and token.key not in _KEYWORD_VALUES and last == "=" and looks_secret(before)


def _mark_comment(text: str) -> Iterator[Marked]:
    end = len(text) - (2 if text.startswith("/*") else 0)
    match = _MAY_HIDE_LITERAL.search(text, 2, end)
    start = match.start() if match else end
    yield text[:start], False
    if start < end:
        yield text[start:end], True
    yield text[end:], False


def _mark_quoted(text: str, opening: int) -> Iterator[Marked]:
    yield text[:opening], False
    yield text[opening:-1], True
    yield text[-1:], False


def _literals_and_names(statement: str, dialect: str) -> tuple[set[str], set[str]]:
    """Return the literals of a statement (at least four characters, as written and as read by the database) and the names that it uses."""
    literals: set[str] = set()
    names: set[str] = set()
    parts = [("", False), *marked_parts(statement, dialect), ("", False)]
    for (left, _l), (text, is_literal), (right, _r) in zip(parts, parts[1:], parts[2:]):
        if is_literal:
            literals |= {*_spellings(text), *text.splitlines()}
        # A word next to a quote may be half of a literal that was quoted badly.
        elif left[-1:] not in ("'", "$") and right[-1:] != "'":
            names |= {text, text.strip('"`[]')}
    return {text for text in literals if len(text.strip()) >= 4}, {text for text in names if text.strip()}


def _spellings(literal: str) -> set[str]:
    """Return a literal as written, and as the database may read it: quotes doubled once or twice, or backslash escapes."""
    return {literal, literal.replace("''", "'"), literal.replace("''''", "'"), re.sub(r"\\(.)", r"\1", literal, flags=re.DOTALL).replace("''", "'")}
