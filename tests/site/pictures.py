# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make docs/images/report.png and docs/images/run.png again: .venv/bin/python tests/site/pictures.py

A simulated tenant has four platforms, and an inventory describes them with one difference. The playbooks report and register run on it, and Chromium
takes a picture of the page that one wrote and of what the other printed.
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "extensions" / "simulator"), str(ROOT / ".venv" / "collections")]

from immuta_simulator import Simulator  # noqa: E402  # the path above has to come first
from report.__main__ import chromium  # noqa: E402  # here, too
from tools.checks.commands import clean_environment  # noqa: E402  # here, too

# A page for what a terminal shows.
FORMAT = "<style>{stylesheet} pre {{font: 12px/15px DejaVu Sans Mono, monospace; margin: 8px}}</style><pre>{code}</pre>"
IMAGES = ROOT / "docs" / "images"
SECRET = {"username": "immuta_system", "password": "s3cret"}
PLATFORMS: dict[str, dict[str, Any]] = {
    "snowflake_prod": {
        "type": "Snowflake",
        "config": {
            "host": "acme.eu-central-1.snowflakecomputing.com",
            "warehouse": "IMMUTA_WH",
            "database": "IMMUTA",
            "authentication_type": "userPassword",
            **SECRET,
            "audit": {"enabled": True},
        },
    },
    "redshift_prod": {
        "type": "Redshift",
        "config": {
            "host": "analytics.eu-central-1.redshift.amazonaws.com",
            "database": "immuta",
            "initial_database": "dev",
            "authentication_type": "userPassword",
            **SECRET,
        },
    },
    "bigquery_prod": {"type": "Google BigQuery", "config": {"role": "acme.immuta", "dataset": "immuta", "location": "EU", "credential": "{}"}},
    "lake": {
        "type": "Native S3",
        "config": {
            "name": "lake",
            "aws_account_id": "123456789012",
            "aws_region": "eu-central-1",
            "aws_location_role": "arn:aws:iam::123456789012:role/immuta-location",
            "aws_location_path": "s3://acme-lake",
            "authentication_type": "auto",
            "aws_role_to_assume": "arn:aws:iam::123456789012:role/immuta",
        },
    },
}


def camel(value: Any) -> Any:
    """The payload as the API spells it."""
    if not isinstance(value, dict):
        return value
    return {name.split("_", maxsplit=1)[0] + "".join(part.capitalize() for part in name.split("_")[1:]): camel(item) for name, item in value.items()}


def seed(tenant: Simulator) -> None:
    """Register all platforms. One differs from the inventory, and one is not healthy."""
    there = copy.deepcopy(PLATFORMS)
    there["snowflake_prod"]["config"]["audit"]["enabled"] = False
    ids = {name: tenant.seed({"type": each["type"], "autoBootstrap": False, "config": camel(each["config"])}) for name, each in there.items()}
    tenant.force(ids["redshift_prod"], "recurringValidationError", "USAGE on the schema immuta_procedures is missing")


def run(folder: Path, tenant: Simulator, *arguments: str) -> str:
    """Return what a playbook of the collection prints on a terminal."""
    command = ["ansible-playbook", "-i", "inventory.json", *arguments]
    environment = {
        **clean_environment(),
        "ANSIBLE_CONFIG": str(ROOT / "playbooks" / "ansible.example.cfg"),
        "ANSIBLE_FORCE_COLOR": "1",
        "COLUMNS": "96",
        "IMMUTA_URL": tenant.url,
        "IMMUTA_API_KEY": tenant.api_key,
    }
    return subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True
    ).stdout


def photograph(page: Path, picture: Path, width: int, height: int) -> None:
    size = f"--window-size={width},{height}"
    command = [chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", size, f"--screenshot={picture}", page.as_uri()]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as name, Simulator() as tenant:
        folder = Path(name)
        hosts = {name: {"immuta_platform_integration": {**each, "auto_bootstrap": False}} for name, each in PLATFORMS.items()}
        (folder / "inventory.json").write_text(json.dumps({"immuta_platforms": {"hosts": hosts}}), encoding="utf-8")
        seed(tenant)
        run(folder, tenant, "community.immuta.report", "-e", f"immuta_report_dest={folder}")
        photograph(folder / "report.html", IMAGES / "report.png", 900, 1060)
        printed = run(folder, tenant, "community.immuta.register", "--check", "--diff", "--limit", "snowflake_prod")
        console = Console(record=True, width=110, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # it lives as long as the process
        seen = printed.replace(str(ROOT / ".venv"), "~/.ansible")
        console.print(Text.from_ansi(f"$ ansible-playbook -i inventory community.immuta.register --check --diff --limit snowflake_prod\n{seen}"))
        console.save_html(str(folder / "run.html"), code_format=FORMAT)
        photograph(folder / "run.html", IMAGES / "run.png", 860, 1030)


if __name__ == "__main__":
    main()
