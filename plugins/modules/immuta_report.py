#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_report
short_description: Write what is known of many data platforms as a page, as JSON and as JUnit XML
version_added: 0.1.0
description:
  - Takes what M(community.immuta.immuta_fleet) found, and asks no tenant.
  - C(report.html) is one page that loads nothing. It shows the numbers, for each tenant, too, and the state of every platform with its failed
    validation tests and the fields that differ. It can be searched and filtered where JavaScript runs, and shows everything where it does not.
  - C(report.json) says the same to programs.
  - C(junit.xml) says it to systems of continuous integration. Each platform is a test case, which fails if the platform is drifted or unhealthy, or
    could not be compared. One that only the role can compare is skipped.
  - No value of a secret is in them. A character that is invisible or turns text around is written as its code.
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
      - The files have the time in them, and are written each time. C(changed) is whether they say something else than before, apart from the time.
requirements:
  - Jinja2, which is there where Ansible is
options:
  fleet:
    description:
      - What M(community.immuta.immuta_fleet) returned.
      - Either this or O(src) is required.
    type: dict
  src:
    description: The file that M(community.immuta.immuta_fleet) wrote to its O(community.immuta.immuta_fleet#module:dest).
    type: path
  dest:
    description: The folder for the three files. It is made if it is not there.
    type: path
    required: true
  title:
    description: The title of the report.
    type: str
    default: Data platforms behind Immuta
  mode:
    description: The permissions of the files. By default only their owner can read them.
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
  description: The folder.
  returned: success
  type: str
  sample: /var/www/html/immuta
files:
  description: The files in it.
  returned: success
  type: list
  elements: str
  sample: [/var/www/html/immuta/report.html, /var/www/html/immuta/report.json, /var/www/html/immuta/junit.xml]
summary:
  description: How many C(platforms) there are, and how many are in each state. A platform can be in several.
  returned: success
  type: dict
  sample: {platforms: 40, failed: 1, unhealthy: 2, drifted: 3, pending: 0, owned: 1, fine: 34, unmanaged: 2}
  contains:
    platforms:
      description: All of them.
      type: int
    failed:
      description: Those that could not be planned or applied.
      type: int
    unhealthy:
      description: Those that Immuta reports as failing.
      type: int
    drifted:
      description: Those that are not as the inventory says.
      type: int
    pending:
      description: Those that only the role can compare.
      type: int
    owned:
      description: Integrations of the inventory that belong to a connection.
      type: int
    fine:
      description: Those that are as they should be.
      type: int
    unmanaged:
      description: What the tenants have and no host is about. V(null) if nobody looked for it.
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
        plain=["dest", "files", "summary"],
        unshown=["fleet"],
        add_file_common_args=True,
        mutually_exclusive=[("fleet", "src")],
        required_one_of=[("fleet", "src")],
    )


if __name__ == "__main__":
    main()
