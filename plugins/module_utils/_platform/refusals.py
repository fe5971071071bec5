# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors that flow.py raises if it refuses to continue. Each says why, and what the operator can do. Without I/O.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Sequence

from .._core.errors import ImmutaError
from .desired import DesiredState
from .summary import Summary
from .variables import PREFIX


def _setup_name(desired: DesiredState) -> str:
    presence = desired.place.presence
    return presence.what if presence else "the setup"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def other_platform(desired: DesiredState, previous: Summary) -> ImmutaError:
    return ImmutaError(
        f"{desired.folder} contains the artifacts of {previous.platform}, but this host is {desired.identity}.",
        hint=f"Move them away, or set {PREFIX}artifacts to another directory.",
    )


def cleanup_pending(desired: DesiredState) -> ImmutaError:
    return ImmutaError(
        f"Immuta has removed this platform, but the script that cleans up the warehouse has not finished. It is in {desired.folder}.",
        hint=f"First run this with {PREFIX}state set to absent, which finishes the script.",
    )


def settings_changed(desired: DesiredState) -> ImmutaError:
    return ImmutaError(
        f"An unfinished setup with other settings has executed statements, so its scripts in {desired.folder} no longer fit. No script has run now.",
        hint=(
            "There are three ways out. Restore the settings, and the setup resumes where it stopped."
            f" Set {PREFIX}leftovers to cleanup, and Immuta's cleanup script runs first, then the whole setup with the new settings."
            f" Or give up the setup with {PREFIX}state set to absent."
        ),
    )


def not_generated(desired: DesiredState) -> ImmutaError:
    return ImmutaError(
        f"There is no summary in {desired.folder}. The stage generate has not run for this platform, or it ran with other artifacts.",
        hint="Run the stage generate first. The stage run generates no script.",
    )


def script_changed(desired: DesiredState, key: str, there: str, made: str) -> ImmutaError:
    found = f"has the checksum {there}" if there else "is not the generated one: it is not there"
    return ImmutaError(
        f"The script {key}.sql in {desired.folder} {found}. The generated one has {made}. No script of this run has run.",
        hint="Run the stage generate again, and have its scripts reviewed and approved.",
    )


def not_approved(desired: DesiredState, key: str, summary: Summary) -> ImmutaError:
    approved = desired.approved or ()
    lacking = [f"{other}.sql {script.sha256}" for other, script in summary.scripts.items() if script.sha256 and script.sha256 not in approved]
    total = sum(bool(script.sha256) for script in summary.scripts.values())
    return ImmutaError(
        f"The script {key}.sql in {desired.folder} is not approved, so no script of this run has run."
        f" Approved: {', '.join(approved)}. Not approved of its {total} scripts: {', '.join(lacking)}.",
        hint=f"Have the review copies in {desired.folder} read, then add the missing checksums to {PREFIX}approved_sha256: each script needs its own.",
    )


def setup_exists(desired: DesiredState) -> ImmutaError:
    return ImmutaError(
        f"{_capital(_setup_name(desired))} already exists on {desired.place.host}, but the integration is not registered. No script has run.",
        hint=(
            f"There are three ways out. If it is left over from a setup that failed, set {PREFIX}leftovers to cleanup. Immuta's cleanup script then runs"
            f" first, and drops what has that name. If the setup is complete, set {PREFIX}leftovers to adopt, which registers it without running a"
            " script. If it belongs to somebody else, choose another name. To share an existing database with Immuta, give steps without initial-create"
            f" ({PREFIX}steps)."
        ),
    )


def registered_elsewhere(desired: DesiredState, twins: Sequence[str]) -> ImmutaError:
    several = len(twins) > 1
    return ImmutaError(
        f"{_capital(_setup_name(desired))} already exists on {desired.place.host}, and the same database and account are registered as"
        f" integration{'s' if several else ''} {', '.join(twins)}. Nothing has been run.",
        hint=(
            f"If {desired.place.host} is another name of that host, use the name that is registered, or give the ID of the integration."
            " If it is another warehouse, remove the database there manually, and run this again."
        ),
    )


def no_cleanup(desired: DesiredState) -> ImmutaError:
    return ImmutaError(
        f"Immuta has no cleanup script for {desired.place.type}.",
        hint=f"Remove {_setup_name(desired)} on {desired.place.host} manually, or set {PREFIX}leftovers to adopt. No script has run.",
    )


def still_registered(desired: DesiredState) -> ImmutaError:
    return ImmutaError(
        f"Immuta still has the {desired.identity}, which needs what the script removes. No script has run.",
        hint="Run the stage register first, which removes the connection from Immuta.",
    )


def cleanup_not_generated() -> ImmutaError:
    return ImmutaError(
        "The script that cleans up the warehouse has not been generated, and Immuta cannot generate it after the removal. Nothing has been removed.",
        hint="Run the stage generate first.",
    )
