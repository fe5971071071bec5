# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hides in a plain statement: another statement where an expression is expected, and functions that do something.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .rules import AFTER_NAMES, CLEANUP_EFFECTS, EFFECT_PREFIX, EFFECTS, HARMLESS, OPENERS, STATEMENTS
from .tokens import Token

Tokens = Sequence[Token]


def hidden(tokens: Tokens, dialect: str) -> Iterator[Tokens]:
    """The statements that begin within this one, each up to the parenthesis that closes it, or to the end."""
    if dialect == "tsql":
        return  # there each is a part of its own
    start = 1
    while start < len(tokens):
        place = next((place for place in range(start, len(tokens)) if _begins(tokens, place)), len(tokens))
        start = _end(tokens, place)
        if place < len(tokens):
            yield tokens[place:start]


def _begins(tokens: Tokens, place: int) -> bool:
    key, before = tokens[place].key, tokens[place - 1].key
    if key not in STATEMENTS or before not in OPENERS or place + 1 >= len(tokens):
        return False
    if before == "THEN" and key in ("INSERT", "UPDATE", "DELETE") and tokens[0].key == "MERGE":
        return False
    return _is_statement(key, tokens[place + 1])


def _is_statement(key: str, following: Token) -> bool:
    """Whether a word that could be a name begins a statement. EXECUTE of a text is looked for elsewhere."""
    if (key, following.key) in (("CREATE", "OR"), ("UNLOAD", "(")) or following.key == "@":
        return True
    return following.kind in ("word", "name", "string", "dollar") and following.key not in AFTER_NAMES and following.key != "IMMEDIATE"


def _end(tokens: Tokens, start: int) -> int:
    depth = 0
    for place in range(start, len(tokens)):
        depth += (tokens[place].key == "(") - (tokens[place].key == ")")
        if depth < 0:
            return place
    return len(tokens)


def calls_effects(tokens: Tokens, purpose: str) -> bool:
    """Whether a function is called that does something, or reaches what lies outside."""
    called = (token for token, behind in zip(tokens, tokens[1:]) if behind.key == "(" and token.kind in ("word", "name"))
    return any(_is_effect(token.text.strip('"`[]').upper(), purpose) for token in called)


def _is_effect(key: str, purpose: str) -> bool:
    if key.startswith(EFFECT_PREFIX):
        return key not in HARMLESS
    return key in EFFECTS or (key in CLEANUP_EFFECTS and purpose != "cleanup")
