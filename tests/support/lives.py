# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a resource, step by step: missing option, check-create, create, again, and so on; and what its results must say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .tasks import Record

# What a check run has to say like the real one
PREDICTED = ("changed", "action", "adopted", "changes", "changed_reason", "diff")


def steps_of(module: str, steps: Iterable[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The tasks of a life, from names and the module's options: C(check-...) is a check run, and C(missing) has to fail."""
    how = {"check-": {"check_mode": True}, "missing": {"ignore_errors": True}}
    return [{"name": name, module: options, **next((keys for start, keys in how.items() if name.startswith(start)), {})} for name, options in steps]


def fields_of(record: Record) -> dict[str, tuple[Any, Any]]:
    return {change["field"]: (change["before"], change["after"]) for change in record["changes"]}


def secrets_of(record: Record) -> set[str]:
    assert not [change for change in record["changes"] if change["secret"] and (change["before"], change["after"]) != (None, None)]
    return {change["field"] for change in record["changes"] if change["secret"]}


def assert_predicted(predicted: Record, real: Record) -> None:
    assert {key: predicted[key] for key in PREDICTED} == {key: real[key] for key in PREDICTED}
    assert set(predicted.result) == set(real.result)
