# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server says reaches a playbook as a short line that nobody obeys: not Ansible's templates, and not the terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from immuta_simulator import Simulator
from support.tasks import INFO, INTEGRATION, Play
from unit.test_http_bounds import MB

LOGIN = {"authentication_type": "userPassword", "username": "immuta", "password": "a s3cret word"}
SNOWFLAKE = {"type": "Snowflake", "auto_bootstrap": False, "config": {"host": "acme.snowflakecomputing.com", "warehouse": "W", "database": "I", **LOGIN}}
#: what a terminal obeys, or what turns the direction of writing
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
LONGEST = 2000


def hostile(place: Path) -> str:
    templates = "".join(form.replace("X", f"lookup('pipe', 'touch {place}')") for form in ("{{ X }}", "{% set a = X %}", "!unsafe {{ X }} {# #}"))
    return f"\x1b[2J\x1b]0;title\x07\x9b31m{templates}\u202egnorw\u202c\u2066x\u2069\r\nok: [localhost]\n\x00\x08\x85" + "10 MB " * (10 * MB // 6)


@pytest.mark.cores
def test_what_the_server_says_is_a_short_line_that_nobody_obeys(run: Callable[..., Play], tenant: Simulator, tmp_path: Path) -> None:
    place = tmp_path / "done"
    text = hostile(place)
    tenant.settings(transitions="polls:1", fails={"create": text[:MB]})
    tenant.fault(method="POST", path="/integrations", status=422, headers={"Content-Type": "application/json"}, body=json.dumps({"message": text}))
    failed = {INTEGRATION: {**SNOWFLAKE, "retries": 0}, "ignore_errors": True}
    played = run(
        [
            {"name": "refused", **failed, "register": "refused"},
            {"name": "a test fails", **failed, "register": "tested"},
            {"name": "list", INFO: {}, "register": "listed"},
            *({"name": f"show {name}", "ansible.builtin.debug": {"var": name}} for name in ("refused", "tested", "listed")),
            *({"name": f"say {name}", "ansible.builtin.debug": {"msg": f"{{{{ {name}.msg ~ '{{{{ 1 }}}}' }}}}"}} for name in ("refused", "tested")),
            {"name": "keep", "ansible.builtin.set_fact": {"kept": "{{ [refused, tested, listed] | to_json }}"}},
        ]
    ).ok
    assert not place.exists()
    assert not OBEYED.findall(played.output)
    for name in ("refused", "a test fails"):
        message = played[name]["msg"]
        assert played[name].failed and "touch" in message and "{{" in message and not OBEYED.search(message)
        assert len(message) < LONGEST and "\n" not in message
    assert len(played.output) < 100_000
