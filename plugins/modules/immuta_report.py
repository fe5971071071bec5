#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_report
short_description: Report the state of many data platforms as a page, as JSON and as JUnit XML
version_added: 1.0.0
description:
  - Writes a report from the result of M(community.immuta.immuta_fleet). The module sends no request to a tenant.
  - C(report.html) is one page that loads no other file. It shows the totals, also for each tenant, and for every platform its state, its failed
    validation tests and the fields that differ. With JavaScript, you can search and filter it. Without, it shows everything.
  - C(report.json) contains the same data for programs.
  - C(junit.xml) contains it for continuous integration systems. Each platform is a test case, which fails if the platform is drifted or unhealthy,
    or could not be compared. A platform that only the role can compare is skipped.
  - The files contain no values of secrets. Invisible characters, and characters that change the direction of text, are written as their code.
author:
  - The community.immuta contributors (@community-immuta)
extends_documentation_fragment:
  - community.immuta.attributes
  - ansible.builtin.files
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
    details:
      - The files contain the time, so the module writes them every time. C(changed) is V(true) only if they differ in more than the time.
requirements:
  - Jinja2, which is part of every Ansible installation
options:
  fleet:
    description:
      - The result of M(community.immuta.immuta_fleet).
      - Exactly one of O(fleet) and O(src) is required.
    type: dict
  src:
    description: The file that M(community.immuta.immuta_fleet) wrote to its O(community.immuta.immuta_fleet#module:dest).
    type: path
  dest:
    description: Directory for the three files. The module creates it if it does not exist.
    type: path
    required: true
  title:
    description: Title of the report.
    type: str
    default: Data platforms behind Immuta
  mode:
    description: Permissions of the files. By default, only their owner can read them.
seealso:
  - module: community.immuta.immuta_fleet
"""

EXAMPLES = r"""
- name: Compare all platforms with what their tenants have
  community.immuta.immuta_fleet:
    apply: false
  run_once: true
  register: fleet

- name: Write a report that the web server can read
  community.immuta.immuta_report:
    fleet: "{{ fleet }}"
    dest: /var/www/html/immuta
    mode: "0644"
  run_once: true
"""

RETURN = r"""
dest:
  description: Path of the directory.
  returned: success
  type: str
  sample: /var/www/html/immuta
files:
  description: Paths of the files.
  returned: success
  type: list
  elements: str
  sample: [/var/www/html/immuta/report.html, /var/www/html/immuta/report.json, /var/www/html/immuta/junit.xml]
summary:
  description: How many C(platforms) there are, and how many are in each state. A platform can be in several states.
  returned: success
  type: dict
  sample: {platforms: 40, failed: 1, unhealthy: 2, drifted: 3, pending: 0, owned: 1, fine: 34, unmanaged: 2}
  contains:
    platforms:
      description: All platforms.
      type: int
    failed:
      description: Platforms that could not be planned or applied.
      type: int
    unhealthy:
      description: Platforms that Immuta reports as failing.
      type: int
    drifted:
      description: Platforms that differ from the inventory.
      type: int
    pending:
      description: Platforms that only the role can compare.
      type: int
    owned:
      description: Integrations of the inventory that belong to a connection.
      type: int
    fine:
      description: Platforms that match the inventory.
      type: int
    unmanaged:
      description: Platforms on the tenants that no host describes. V(null) if the task did not look for them.
      type: int
"""

from ansible_collections.community.immuta.plugins.module_utils._ansible.report_tasks import write_report
from ansible_collections.community.immuta.plugins.module_utils._ansible.runtime import run


def main() -> None:
    run(
        write_report,
        argument_spec={
            "fleet": {"type": "dict"},
            "src": {"type": "path"},
            "dest": {"type": "path", "required": True},
            "title": {"type": "str", "default": "Data platforms behind Immuta"},
        },
        tenant=False,
        unmasked=["dest", "files", "summary"],
        hidden_options=["fleet"],
        add_file_common_args=True,
        mutually_exclusive=[("fleet", "src")],
        required_one_of=[("fleet", "src")],
    )


if __name__ == "__main__":
    main()
