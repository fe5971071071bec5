# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from .answers import Answer
from .errors import unsupported
from .session import Session
from .words import Reader


def block(session: Session, reader: Reader) -> Answer:
    raise unsupported("Snowflake Scripting")


def call(session: Session, reader: Reader) -> Answer:
    raise unsupported("CALL")


def execute_immediate(session: Session, reader: Reader) -> Answer:
    reader.expect("EXECUTE IMMEDIATE")
    return session.run(reader.next().value)
