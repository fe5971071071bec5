# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
import os
import subprocess


def run(tenant, *arguments):
    """Run the playbook on the simulated tenant."""
    environment = {**os.environ, **tenant.environment, "SNOWFLAKE_PASSWORD": "of-the-test"}
    command = ["ansible-playbook", "-i", "inventory.yml", "site.yml", *arguments]
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def test_the_second_run_changes_nothing(immuta_tenant):
    assert run(immuta_tenant, "--check").returncode == 0
    assert immuta_tenant.writes() == []
    assert run(immuta_tenant).returncode == 0
    assert {each["type"] for each in immuta_tenant.integrations()} == {"Native S3", "Snowflake"}
    immuta_tenant.clear_log()
    again = run(immuta_tenant)
    assert again.returncode == 0
    assert "changed=1" not in again.stdout
    assert immuta_tenant.writes() == []


def test_a_busy_tenant_is_asked_again(immuta_tenant):
    immuta_tenant.fault(method="GET", path="/integrations", status=503, headers={"Retry-After": "1"})
    assert run(immuta_tenant).returncode == 0
    assert immuta_tenant.faults() == []


def test_a_failed_setup_is_reported(immuta_tenant):
    immuta_tenant.settings(fails={"create": "the role ACCOUNTADMIN is missing"})
    failed = run(immuta_tenant, "--limit", "snowflake_prod")
    assert failed.returncode != 0
    assert "the role ACCOUNTADMIN is missing" in failed.stdout
