# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate's search inside a plain statement: nested statements where an expression is expected, and functions with side effects.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .gate_rules import AFTER_NAME, BEFORE_NESTED, CLEANUP_FUNCTIONS, EFFECT_FUNCTION_PREFIX, EFFECT_FUNCTIONS, HARMLESS_FUNCTIONS, NESTED_VERBS
from .tokenizer import Token

Tokens = Sequence[Token]


def nested_statements(tokens: Tokens, dialect: str) -> Iterator[Tokens]:
    """Yield the statements that begin inside this one. Each ends before the parenthesis that closes it, or at the end."""
    if dialect == "tsql":
        return  # batch_parts has already split them
    start = 1
    while start < len(tokens):
        index = next((index for index in range(start, len(tokens)) if _begins_nested_statement(tokens, index)), len(tokens))
        start = _nested_end(tokens, index)
        if index < len(tokens):
            yield tokens[index:start]


def _begins_nested_statement(tokens: Tokens, index: int) -> bool:
    key, before = tokens[index].key, tokens[index - 1].key
    if key not in NESTED_VERBS or before not in BEFORE_NESTED or index + 1 >= len(tokens):
        return False
    if before == "THEN" and key in ("INSERT", "UPDATE", "DELETE") and tokens[0].key == "MERGE":
        return False
    return _is_statement(key, tokens[index + 1])


def _is_statement(key: str, following: Token) -> bool:
    """Whether a word that could be a name begins a statement. dynamic_sql finds EXECUTE IMMEDIATE."""
    if (key, following.key) in (("CREATE", "OR"), ("UNLOAD", "(")) or following.key == "@":
        return True
    return following.kind in ("word", "name", "string", "dollar") and following.key not in AFTER_NAME and following.key != "IMMEDIATE"


def _nested_end(tokens: Tokens, start: int) -> int:
    depth = 0
    for index in range(start, len(tokens)):
        depth += (tokens[index].key == "(") - (tokens[index].key == ")")
        if depth < 0:
            return index
    return len(tokens)


def calls_effect_function(tokens: Tokens, purpose: str) -> bool:
    """Whether the tokens call a function that has side effects, or reads or writes outside of the database."""
    called = (token for token, following in zip(tokens, tokens[1:]) if following.key == "(" and token.kind in ("word", "name"))
    return any(_is_effect(token.text.strip('"`[]').upper(), purpose) for token in called)


def _is_effect(key: str, purpose: str) -> bool:
    if key.startswith(EFFECT_FUNCTION_PREFIX):
        return key not in HARMLESS_FUNCTIONS
    return key in EFFECT_FUNCTIONS or (key in CLEANUP_FUNCTIONS and purpose != "cleanup")
