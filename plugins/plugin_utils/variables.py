# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluates the role's variables of a host on the controller, where Ansible's templates are available.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible_collections.community.immuta.plugins.module_utils._ansible.variables import Evaluation, NotEvaluated, Omitted, evaluate_variables


def evaluate(variables: Mapping[str, Any], templar: Any) -> Evaluation:
    """Return the evaluated variables of the role and of the tenant. The C(templar) must know the same variables."""

    def template(value: Any) -> Any:
        try:
            return templar.template(value)
        except AnsibleError as error:
            # ansible-core 2.19 and newer have a separate class
            if type(error).__name__ == "AnsibleValueOmittedError":
                raise Omitted from None
            raise NotEvaluated(str(getattr(error, "message", None) or error)) from None

    return evaluate_variables(variables, template)
