# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option that names an object below a connection."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  object_path:
    description:
      - Names from the connection down to the object, such as the connection, the database and the schema.
      - The path is a list because a name can contain any character.
    type: list
    elements: str
    aliases: [objectPath]
"""
