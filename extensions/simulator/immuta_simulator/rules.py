# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tenant refuses without asking a warehouse: changes of what is fixed, and the body of a DELETE."""

from __future__ import annotations

from typing import Any

from .documents import MISSING, Wanted, value_at
from .integrations import Integration
from .platforms import PLATFORMS, Platform
from .problems import Problem

NEEDED = "Privileged credentials are required to disable an automatically bootstrapped integration"


def refuse_fixed(record: Integration, wanted: Wanted) -> None:
    """400 naming the attributes that a PUT or an edit script must not change."""
    top = (("type", record.type, wanted.type), ("autoBootstrap", record.auto_bootstrap, wanted.automatic))
    changed = [name for name, old, new in top if old != new]
    if "type" not in changed:
        fixed = wanted.platform.immutable
        changed += [f"config.{path}" for path in fixed if value_at(record.config, path) != value_at(wanted.config, path)]
    if changed:
        names = ", ".join(changed)
        raise Problem(400, f"Unable to edit integration due to changes of non-editable attribute(s). {names}")


def check_credentials(record: Integration, body: Any, *, needed: bool) -> dict[str, Any]:
    """The body of a DELETE by the documented rules: the flat credentials of an automatic set-up, or nothing."""
    platform = PLATFORMS[record.type]
    given = body not in (None, {})
    if record.auto_bootstrap and platform.delete_credentials:
        return _credentials(platform, body) if given or needed else {}
    if given and record.auto_bootstrap:
        raise Problem(400, f"Credentials are not required to disable {record.type} [Unity Catalog] integrations.")
    if given:
        text = "Credentials are not required for disable unless the integration was automatically bootstrapped."
        raise Problem(400, text)
    return {}


def _credentials(platform: Platform, body: Any) -> dict[str, Any]:
    if not isinstance(body, dict) or not body:
        raise Problem(400, f"{NEEDED}.")
    wanted = platform.required_by_auth.get(str(body.get("authenticationType")), ("authenticationType",))
    missing = [path for path in wanted if value_at(body, path) in (MISSING, None, "") or path == "authenticationType"]
    if missing:
        raise Problem(400, f"{NEEDED}: " + ", ".join(f'"{path}" is required' for path in missing))
    return dict(body)
