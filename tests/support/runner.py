# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-playbook by way of ansible-runner, as AWX runs it: the folder for its artifacts, then what ansible-playbook takes, the playbook last."""

from __future__ import annotations

import shlex
import sys

import ansible_runner

folder, *arguments, playbook = sys.argv[1:]
sys.exit(ansible_runner.run(private_data_dir=folder, playbook=playbook, cmdline=shlex.join(arguments)).rc)
