# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failure carries beside its message is documented."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from immuta_simulator import Simulator
from module.test_endpoints import CONNECTION, SNOWFLAKE
from support.modules import run_module

#: what Ansible itself puts there
OF_ANSIBLE = {"failed", "msg", "warnings", "exception", "invocation", "changed"}
SILENT = {"url": "http://127.0.0.1:9", "retries": 0}

Failure = tuple[str, dict[str, Any], dict[str, Any], set[str]]

#: module, settings of the tenant, options, keys of the failure
FAILURES: list[Failure] = [
    ("immuta_integration", {"unknown_hosts": "fail"}, SNOWFLAKE, {"status", "method", "path", "api_error", "dry_run"}),
    ("immuta_integration", {}, {**SNOWFLAKE, **SILENT}, {"method", "path"}),
    ("immuta_integration", {}, {**SNOWFLAKE, "config": {"host": "h"}}, {"option"}),
    ("immuta_integration", {"transitions": "polls:99"}, {**SNOWFLAKE, "wait_timeout": 0.2, "wait_interval": 0.1}, {"last_status", "seconds", "id"}),
    ("immuta_integration", {"fails": {"create": "no"}}, {**SNOWFLAKE, "wait_interval": 0.1}, {"status", "tests", "id"}),
    ("immuta_connection", {"unknown_hosts": "fail"}, CONNECTION, {"status", "method", "path", "api_error", "dry_run"}),
    ("immuta_connection", {}, {**CONNECTION, **SILENT}, {"method", "path"}),
    ("immuta_connection", {}, {"connection_key": ".."}, {"option"}),
    ("immuta_connection", {"jobs": "polls:99"}, {**CONNECTION, "wait_timeout": 0.2, "wait_interval": 0.1}, {"last_status", "seconds"}),
]


@pytest.mark.parametrize(("module", "settings", "options", "keys"), FAILURES)
def test_the_keys_of_a_failure(module: str, settings: dict[str, Any], options: dict[str, Any], keys: set[str], tenant: Simulator, tmp_path: Path) -> None:
    tenant.settings(data_api="on", **settings)
    failed = run_module(module, {"url": tenant.url, "api_key": tenant.api_key, **options}, tmp_path).result
    documented = yaml.safe_load(import_module(f"ansible_collections.community.immuta.plugins.modules.{module}").RETURN)
    assert failed["failed"] and keys <= set(failed), failed
    assert not set(failed) - OF_ANSIBLE - set(documented)
