# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of one platform on the disk: scripts, review copies, ledgers and the summary. All I/O of this package is here.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from .._core.errors import ImmutaError, OptionError
from .._core.lock import holder, is_dead
from .._sql.classify import classify
from .._sql.splitter import split
from .._sql.tokenizer import DIALECT_OF
from .desired import DesiredState, folder_name
from .summary import Progress, Summary
from .variables import PREFIX

#: the names of private folders; the role removes nothing else there
_PRIVATE = re.compile(r"[0-9a-f]{16}")
_MADE = re.compile(r"(?:recovery-)?[1-9]-[a-z-]+(?:\.review)?\.(?:sql|ledger)|\.[a-z.]+\.new")
_REPORT = re.compile(r"(?:(?:recovery-)?[1-9]-[a-z-]+|set|settle|back)\.report")


class Folder:
    """Reads the files of earlier runs and writes those for later runs. Writes nothing unless C(writes) is true."""

    def __init__(self, path: Path, type_name: str, *, writes: bool, shared_mode: str = "", shared_group: str = "") -> None:
        self.path = path
        self._dialect = DIALECT_OF.get(type_name, "")
        self._writes = writes
        self._mode = _mode_of(shared_mode)
        self._group = shared_group

    @classmethod
    def of(cls, desired: DesiredState, options: Mapping[str, Any], *, artifacts: str, home: str, name: str, writes: bool) -> Folder:
        """Return the folder of a host. options: the variables that say who shares the artifacts. Raises OptionError if these are wrong.

        artifacts: the directory of the artifacts, or an empty text for a private folder. home: the home folder of Ansible. name: the inventory host.
        """
        place = cls.path_for(artifacts, home, name, desired.identity)
        mode, group = (options.get(f"artifacts_{what}") or "" for what in ("mode", "group"))
        return cls(place, desired.place.type, writes=writes, shared_mode=mode, shared_group=group)

    @staticmethod
    def path_for(artifacts: str, home: str, name: str, identity: str) -> Path:
        """Return the host's folder in the artifacts. Without artifacts, a private folder that the next run finds again."""
        if not artifacts:
            return private_folders(home) / digest(f"{name} {identity}")
        own = folder_name(name)
        whole = Path(os.path.normpath(artifacts))
        return whole if whole.name == own else whole / own

    # --- the summary ---

    def read_summary(self) -> Summary | None:
        """Return the summary of an earlier run, or None. Raises ImmutaError if it cannot be read."""
        place = self.path / "summary.json"
        try:
            found = json.loads(place.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            raise ImmutaError(f"{place} cannot be read.", hint="Move it away and start over.") from None
        return Summary.of(found, str(place))

    def write_summary(self, summary: Summary) -> None:
        """Write the summary, unless the file already has the same content."""
        text = json.dumps(summary.as_dict(), indent=4, sort_keys=True) + "\n"
        place = self.path / "summary.json"
        if not self._writes or (place.is_file() and place.read_text(encoding="utf-8") == text):
            return
        self.create()
        self.write("summary.json", text, shared=True)

    # --- files ---

    def create(self) -> None:
        """Create the folder and its parents. Only its owner can enter it, and users who share the review copies. Raises OptionError."""
        if self._writes:
            self.create_parents()
            self._create(self.path)

    def create_parents(self, *others: Path) -> None:
        """Create the missing parents of the folder, and other directories, with the same permissions. Existing ones do not change. Raises OptionError."""
        if self._writes:
            for last in (self.path.parent, *others):
                for place in reversed([each for each in (last, *last.parents) if not os.path.exists(each)]):
                    self._create(place)

    def _create(self, place: Path) -> None:
        try:
            place.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise OptionError(f"{place} cannot be created: {error.strerror}.", option="artifacts") from None
        if self._mode is not None:
            # users who can read a file must be able to reach it
            self._share(place, 0o700 | self._mode | (self._mode & 0o444) >> 2)

    def write(self, name: str, text: str, *, shared: bool = False) -> None:
        """Write a file atomically. Only its owner can read it, unless C(shared) is true and a mode is given."""
        if not self._writes:
            return
        temporary = self.path / f".{name}.new"
        with suppress(FileNotFoundError):
            temporary.unlink()
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
        if shared and self._mode is not None:
            self._share(temporary, self._mode)
        os.replace(temporary, self.path / name)

    def create_private_file(self, path: str) -> None:
        """Create a file that only its owner can read, for a tool that would otherwise create it with wider permissions."""
        if self._writes:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))

    def remove_stale(self, keys: Collection[str]) -> None:
        """Remove every ledger, and the files of an earlier run whose scripts are not in C(keys). This run generates its scripts again."""
        if not self._writes or not self.path.is_dir():
            return
        for path in list(self.path.iterdir()):
            if _MADE.fullmatch(path.name) and (path.name.split(".")[0] not in keys or path.suffix == ".ledger"):
                path.unlink()

    def remove(self) -> None:
        """Remove the folder and everything in it."""
        if self._writes and self.path.is_dir():
            shutil.rmtree(self.path)

    def _share(self, path: Path, mode: int) -> None:
        try:
            if self._group:
                shutil.chown(path, group=self._group)
            os.chmod(path, mode)
        except (OSError, LookupError) as error:
            raise OptionError(
                f"{path} cannot be given to the group {self._group or 'of its owner'}: {error}.", option="artifacts_group", hint=f"See {PREFIX}artifacts_group."
            ) from None

    # --- scripts and ledgers ---

    def script_path(self, key: str) -> str:
        """Return the path of a script."""
        return str(self.path / f"{key}.sql")

    def review_path(self, key: str) -> str:
        """Return the path of its review copy."""
        return str(self.path / f"{key}.review.sql")

    def ledger_path(self, key: str) -> str:
        """Return the path of its ledger."""
        return str(self.path / f"{key}.ledger")

    def report_path(self, key: str) -> str:
        """Return the path of its report for the audit log, which contains the outcome of its statements in this run."""
        return str(self.path / f"{key}.report")

    def pop_reports(self) -> dict[str, list[dict[str, Any]]]:
        """Return key -> the reports of each run of that script, and delete them, because they belong to one run of the role."""
        found: dict[str, list[dict[str, Any]]] = {}
        for path in sorted(self.path.iterdir()) if self._writes and self.path.is_dir() else ():
            if not _REPORT.fullmatch(path.name):
                continue
            for text in path.read_bytes().splitlines():
                with suppress(ValueError):  # truncated by a crash
                    found.setdefault(path.stem, []).append(json.loads(text))
            path.unlink()
        return found

    def checksum(self, key: str) -> str:
        """Return the SHA-256 of the script on disk. Empty if there is none."""
        content = self._content(f"{key}.sql")
        return "" if content is None else hashlib.sha256(content).hexdigest()

    def script_text(self, key: str) -> str:
        """Return the text of the script on disk. Empty if there is none."""
        return (self._content(f"{key}.sql") or b"").decode("utf-8", "replace")

    def progress(self, keys: Iterable[str]) -> dict[str, Progress]:
        """Return the progress of each script that has a ledger."""
        return {key: Progress(self._statuses(key), self._verbs(key)) for key in keys if (self.path / f"{key}.ledger").is_file()}

    def _statuses(self, key: str) -> dict[int, str]:
        statuses: dict[int, str] = {}
        for line in (self._content(f"{key}.ledger") or b"").decode("utf-8", "replace").split("\n"):
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # truncated by a crash; the line before already records the statement as unknown
            if not isinstance(entry, dict):
                continue
            if "ledger" in entry:
                statuses = {}
            elif isinstance(entry.get("number"), int):
                statuses[entry["number"]] = str(entry.get("status"))
        return statuses

    def _verbs(self, key: str) -> dict[int, str]:
        text = self.script_text(key)
        if not text.strip() or not self._dialect:
            return {}
        with suppress(ImmutaError):  # a script that cannot be read has not run
            return {each.number: classify(each.text, self._dialect).verb for each in split(text, self._dialect)}
        return {}

    def _content(self, name: str) -> bytes | None:
        path = self.path / name
        return path.read_bytes() if path.is_file() else None


def private_folders(home: str) -> Path:
    """Return the directory with the folders of runs without artifacts and the locks of all runs. Other users cannot enter it."""
    return Path(home) / "immuta_platform"


def remove_dead_folders(home: str, *, keep: Path) -> None:
    """Remove the private folders of killed runs, because their scripts contain passwords.

    Keeps C(keep), the folders of live runs, and those with an unfinished cleanup, which the next run of that host finishes.
    """
    place = private_folders(home)
    if not place.is_dir():
        return
    locks = [held for held in map(holder, place.glob("*.lock")) if held is not None]
    in_use = {str(held.get("folder")) for held in locks if not is_dead(held)}
    for path in place.iterdir():
        if path == keep or str(path) in in_use or not _PRIVATE.fullmatch(path.name) or not path.is_dir():
            continue
        if not _is_cleanup_due(path):
            shutil.rmtree(path, ignore_errors=True)


def _is_cleanup_due(path: Path) -> bool:
    try:
        summary = Folder(path, "", writes=False).read_summary()
    except ImmutaError:
        return True
    return summary is not None and summary.state == "open" and (summary.forgotten or summary.forgetting)


def digest(text: str) -> str:
    """Return the name of a private folder or a lock, which shows nothing of the text."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def _mode_of(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch("0?[0-7]{3}", text):
        raise OptionError(
            f"{PREFIX}artifacts_mode is {text[:20]!r}, but must be three or four octal digits in quotes, such as '0640'.", option="artifacts_mode"
        )
    return int(text, 8)
