# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every plan is: an action, the request that carries it out, and the changes that people read. Pure: no I/O, no clock, no Ansible.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .._model.fields import Change


@dataclass(frozen=True)
class Policy:
    """How far a task goes."""

    #: on_create: a secret alone is no reason to update; always: it is
    update_secrets: str = "on_create"
    #: whether something will be sent that needs the secrets (a dry run counts)
    needs_secrets: bool = True


@dataclass(frozen=True)
class Plan:
    """What has to happen. C(payload) is a request's body; everything else is for people, without secrets."""

    action: str
    payload: dict[str, Any] | None = None
    changes: tuple[Change, ...] = ()
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    reason: str = ""


def reason_to_update(changes: Sequence[Change], sent: Sequence[Change], policy: Policy, forced: str = "") -> str:
    """Why something has to be sent, for people; empty when nothing has to."""
    reasons = [
        "differs: " + ", ".join(change.field for change in changes) if changes else "",
        forced,
        "update_secrets is always" if sent and policy.update_secrets == "always" else "",
    ]
    return "; ".join(filter(None, reasons))


def with_secrets_sent(changes: Sequence[Change], sent: Sequence[Change]) -> tuple[Change, ...]:
    """The changes, and behind them the secrets that go along."""
    differing = {change.field for change in changes}
    return (*changes, *(change for change in sent if change.field not in differing))
