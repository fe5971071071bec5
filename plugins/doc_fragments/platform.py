# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of immuta_platform_plan that are variables of the role. Their texts come from the role's argument_specs.yml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.community.immuta.plugins.module_utils._platform.variables import PREFIX, VARIABLES, argument_spec

SPECS = Path(__file__).parents[2] / "roles" / "immuta_platform" / "meta" / "argument_specs.yml"


def _options() -> dict[str, Any]:
    written: dict[str, Any] = {}
    for entry in yaml.safe_load(SPECS.read_text(encoding="utf-8"))["argument_specs"].values():
        written.update(entry["options"])
    spec = argument_spec()
    return {name: _option(written[PREFIX + name], spec[name]) for name in VARIABLES}


def _option(written: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    """Return the documentation of one option: the description of the variable, and the rest of the argument spec."""
    option = {"description": _texts(written["description"]), **{name: value for name, value in spec.items() if name not in ("no_log", "options")}}
    if "options" in spec:
        option["suboptions"] = {name: {**inner, "description": _texts(written["options"][name]["description"])} for name, inner in spec["options"].items()}
    return option


def _texts(description: Any) -> list[str]:
    """Return the sentences, with the names of this module's options instead of the role's variables."""
    texts = description if isinstance(description, list) else [description]
    return [re.sub(rf"O\({PREFIX}", "O(", text) for text in texts]


class ModuleDocFragment:
    # annotated, because ansible-test expects the value of a plain assignment to be a literal
    DOCUMENTATION: str = yaml.safe_dump({"options": _options()}, sort_keys=False, width=1000)
