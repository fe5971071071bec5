# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write an exported tenant as YAML: one file of lists, or an inventory with one file of variables per platform. Used by immuta_tenant_info.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._core.errors import MissingLibrary
from .._core.secrets import is_redacted
from .._fleet.export import Exported

_TEMPLATE = re.compile(r"\{[{%#]")
#: the group of all platforms in the playbooks
GROUP = "immuta_platforms"


def as_lists(exported: Sequence[Exported], tenant: str) -> str:
    """Return the YAML of all platforms as C(immuta_integrations) and C(immuta_connections), the input of M(community.immuta.immuta_tenant).

    Raise MissingLibrary if PyYAML is missing.
    """
    lists = {f"immuta_{kind}s": [each.options for each in exported if each.kind == kind] for kind in ("integration", "connection")}
    return _header(f"The platforms of {tenant}", [name for each in exported for name in each.vault]) + _yaml(lists)


def as_inventory(exported: Mapping[str, Exported], tenant: str) -> dict[str, str]:
    """Return path -> text of each file of the inventory. exported: host name -> platform. Raise MissingLibrary if PyYAML is missing."""
    hosts = {GROUP: {"hosts": {name: None for name in exported}}}
    files = {"hosts.yml": _header(f"The platforms of {tenant}", []) + _yaml(hosts)}
    for name, each in exported.items():
        files[f"host_vars/{name}.yml"] = _header(f"{each.kind} {each.key} of {tenant}", each.vault) + _yaml({f"immuta_platform_{each.kind}": each.options})
    return files


def _header(title: str, vault: Iterable[str]) -> str:
    """Return the comment at the beginning of a file. Line breaks in names are replaced, because a comment is one line."""
    lines = [re.sub(r"[^ -~]+", " ", title)]
    names = list(vault)
    if names:
        lines += ["Immuta does not return secrets. Define these variables in a vault:", *(f"  {name}" for name in names)]
    return "---\n" + "".join(f"# {line}\n" for line in lines)


def _yaml(document: Any) -> str:
    try:
        import yaml
    except ImportError as missing:
        raise MissingLibrary("PyYAML") from missing

    class Dumper(yaml.SafeDumper):
        """Tags strings of the tenant that look like templates as unsafe. Vault variables stay templates."""

    def text(dumper: Any, value: str) -> Any:
        is_unsafe = _TEMPLATE.search(value) and not is_redacted(value)
        return dumper.represent_scalar("!unsafe" if is_unsafe else "tag:yaml.org,2002:str", value, style="'" if is_unsafe else None)

    Dumper.add_representer(str, text)
    written: str = yaml.dump(document, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)
    return written
