# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the flow refuses, each refusal once: what stands against it, and the operator's ways out. Pure.

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
    return presence.what if presence else "the set-up"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def other_platform(desired: DesiredState, previous: Summary) -> ImmutaError:
    return ImmutaError(
        f"{desired.folder} holds the artifacts of {previous.platform}, and this host is {desired.identity}.",
        hint=f"Move them away, or set {PREFIX}artifacts to another directory.",
    )


def cleanup_pending(desired: DesiredState) -> ImmutaError:
    return ImmutaError(
        f"Immuta has forgotten this platform, and the script that cleans up the warehouse has not run to its end: it is in {desired.folder}.",
        hint=f"Run this with {PREFIX}state set to absent first: it finishes that.",
    )


def settings_changed(desired: DesiredState) -> ImmutaError:
    return ImmutaError(
        f"A set-up was begun with other settings, and has executed statements: its scripts in {desired.folder} do not fit any more. No script has run now.",
        hint=(
            "There are three ways out. Restore the settings, and it goes on where it stopped."
            f" Set {PREFIX}leftovers to cleanup, and Immuta's clean-up script runs first, then the whole set-up with the new settings."
            f" Or give it up with {PREFIX}state set to absent."
        ),
    )


def not_generated(desired: DesiredState) -> ImmutaError:
    return ImmutaError(
        f"There is no summary in {desired.folder}: the stage generate has not run for it, or with other artifacts.",
        hint="The stage run makes no script; run generate first.",
    )


def script_changed(desired: DesiredState, key: str, there: str, made: str) -> ImmutaError:
    found = f"has the checksum {there}" if there else "is not the one that was made: it is not there"
    return ImmutaError(
        f"The script {key}.sql in {desired.folder} {found}. The one that was made has {made}. It has not been run, and neither has any other of this run.",
        hint="Run the stage generate again, and have its scripts looked at and approved.",
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
        f"{_capital(_setup_name(desired))} is on {desired.place.host} already, and the integration is not registered. No script has run.",
        hint=(
            f"There are three ways out. If it is left over from a set-up that broke, set {PREFIX}leftovers to cleanup: Immuta's clean-up script runs"
            f" first, and drops what bears that name. If the set-up is complete, set {PREFIX}leftovers to adopt: it is registered without running a"
            " script. If it is somebody else's, choose another name; a database that Immuta shall share is set up by steps without initial-create"
            f" ({PREFIX}steps)."
        ),
    )


def registered_elsewhere(desired: DesiredState, twins: Sequence[str]) -> ImmutaError:
    several = len(twins) > 1
    return ImmutaError(
        f"{_capital(_setup_name(desired))} is on {desired.place.host} already, and the same database and account are registered as"
        f" integration{'s' if several else ''} {', '.join(twins)}. Nothing has been run.",
        hint=(
            f"If {desired.place.host} is another name of that host, write the host as it is registered, or give the integration's id."
            " If it is another warehouse, remove the database there by hand, and run this again."
        ),
    )


def no_cleanup(desired: DesiredState) -> ImmutaError:
    return ImmutaError(
        f"Immuta has no clean-up script for {desired.place.type}.",
        hint=f"Remove {_setup_name(desired)} on {desired.place.host} by hand, or set {PREFIX}leftovers to adopt. No script has run.",
    )


def still_registered(desired: DesiredState) -> ImmutaError:
    return ImmutaError(
        f"Immuta still has the {desired.identity}, and would lose what it stands on. No script has run.",
        hint="Run the stage register first: it has Immuta forget the connection.",
    )


def cleanup_not_generated() -> ImmutaError:
    return ImmutaError(
        "The script that cleans up the warehouse has not been made, and Immuta makes none for what it has forgotten. Nothing has been removed.",
        hint="Run the stage generate first.",
    )
