# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor: one script with nothing but requests, which compares every integration with a file of wanted ones. URL, KEY, FILE."""

from __future__ import annotations

import json
import sys

import requests

#: what the tenant gives back to nobody
REDACTED = {"username", "password"}

url, key, file = sys.argv[1:]
with open(file, encoding="utf-8") as stream:
    wanted = json.load(stream)
answer = requests.get(f"{url}/integrations", headers={"Authorization": key}, timeout=60)
answer.raise_for_status()
found = {each["config"]["host"]: each for each in answer.json()}
for each in wanted:
    there = found[each["config"]["host"]]
    differs = [name for name, value in each["config"].items() if name not in REDACTED and there["config"].get(name) != value]
    if differs or there["status"] != "enabled":
        sys.exit(f"{each['config']['host']} differs: {differs}")
