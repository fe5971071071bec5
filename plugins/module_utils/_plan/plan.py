# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a change: an action, the body of its request, and the changes for the diff. Pure: no I/O, no clock, no Ansible.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .._model.fields import Change


@dataclass(frozen=True)
class Policy:
    """The options of a task that affect its plan."""

    #: whether a secret alone is a reason to update: on_create (no) or always (yes)
    update_secrets: str = "on_create"
    #: whether a request will be sent that needs the secrets, such as a dry run
    needs_secrets: bool = True


@dataclass(frozen=True)
class Plan:
    """A planned change. payload: the body of the request. All other fields are for users and hold no secrets."""

    action: str
    payload: dict[str, Any] | None = None
    changes: tuple[Change, ...] = ()
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    reason: str = ""


def reason_to_update(changes: Sequence[Change], sent: Sequence[Change], policy: Policy, forced: str = "") -> str:
    """Return why an update has to be sent, for users; empty if none is needed."""
    reasons = [
        "differs: " + ", ".join(change.field for change in changes) if changes else "",
        forced,
        "update_secrets is always" if sent and policy.update_secrets == "always" else "",
    ]
    return "; ".join(filter(None, reasons))


def with_secrets_sent(changes: Sequence[Change], sent: Sequence[Change]) -> tuple[Change, ...]:
    """Return the changes, followed by the secrets that are sent with them."""
    differing = {change.field for change in changes}
    return (*changes, *(change for change in sent if change.field not in differing))
