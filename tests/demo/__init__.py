# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make demo``: real runs of ansible-playbook, against real engines and a simulated tenant, in the order an operator has them.

C(scenario) is what happens, as data; C(world) is where it happens; C(screen) is what is seen of it.
"""
