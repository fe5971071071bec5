# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the modules that register, edit or remove something: when to send secrets, and whether Immuta validates first."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  update_secrets:
    description:
      - Whether a secret alone is a reason to update. Immuta does not return secrets, so the module cannot compare them.
      - V(on_create) sends secrets with a registration, and with an update that has another reason.
      - V(always) sends secrets in every run, which always reports a change. Use it to rotate secrets.
    type: str
    choices: [on_create, always]
    default: on_create
  server_validation:
    description:
      - Whether Immuta validates the change (C(dryRun)) before the module makes it. In check mode, Immuta only validates it.
      - Immuta validates a removal only in check mode.
      - With V(false), check mode needs no credentials of the data platform and sends only requests that read.
    type: bool
    default: true
"""
