# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger: a file that records which statements of a script have run, so that a later run can resume.

The file has one JSON object per line and only grows. The first line identifies the script, the database and a random key. Each
statement then adds its number, HMAC and status: once as unknown before it is sent, and once with the result. A run that dies in
between therefore leaves a correct ledger. It contains no text of a statement, and only its owner can read it.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Sequence
from typing import IO, Any

from .._core.errors import OptionError, ScriptRefused
from .splitter import Statement

FORMAT = 1
# Statuses of statements that a later run does not repeat: they ran, or the operator chose to skip them.
DONE_STATUSES = frozenset({"ok", "skipped"})


class Ledger:
    """The ledger of one script in one database. statuses: statement number -> ok, failed, unknown or skipped.

    write: create the file if necessary and lock it for this run. Otherwise, only read the file, if it exists. Creating a Ledger
    raises ScriptRefused if the file is about another script or database, or if another run has locked it, and OptionError if the
    file cannot be used.
    """

    def __init__(self, path: str, checksum: str, target: str, statements: Sequence[Statement], *, write: bool) -> None:
        self.path = path
        self.statuses: dict[int, str] = {}
        self._identity = {"ledger": FORMAT, "checksum": checksum, "target": target}
        self._texts = {statement.number: statement.text for statement in statements}
        self._key = ""
        self._locked_file: IO[str] | None = None
        try:
            if write:
                self._open_and_lock()
            for number, line in enumerate(_read_lines(path), 1):
                self._read_entry(number, line)
        except OSError as error:
            self.close()
            raise OptionError(f"The ledger {path} cannot be used: {error.strerror}.", option="ledger") from None
        except ScriptRefused:
            self.close()
            raise

    @property
    def is_started(self) -> bool:
        return bool(self.statuses)

    @property
    def is_complete(self) -> bool:
        return all(self.statuses.get(number) in DONE_STATUSES for number in self._texts)

    def begin(self, *, anew: bool) -> None:
        """Prepare the file for records. anew: ignore its previous records."""
        handle = self._writable_file.fileno()
        os.fchmod(handle, 0o600)
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            self._writable_file.write("\n")  # a crash has truncated the last line
        if anew or not self._key:
            self._key = secrets.token_hex(32)
            self.statuses = {}
            self._append({**self._identity, "key": self._key})

    def record(self, number: int, status: str) -> None:
        """Record the status of a statement. It is on the disk when this returns."""
        self.statuses[number] = status
        self._append({"number": number, "hmac": self._hmac(number), "status": status})

    def close(self) -> None:
        if self._locked_file is not None:
            self._locked_file.close()
            self._locked_file = None

    @property
    def _writable_file(self) -> IO[str]:
        if self._locked_file is None:
            raise AssertionError("the ledger was opened only for reading")
        return self._locked_file

    def _open_and_lock(self) -> None:
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._locked_file = os.fdopen(handle, "a", encoding="utf-8")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ScriptRefused(f"Another run is using the ledger {self.path}.", hint="Wait until it has ended.") from None
        _sync_directory(self.path)

    def _read_entry(self, number: int, line: str) -> None:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        if not isinstance(entry, dict):
            if number == 1:
                raise ScriptRefused(f"{self.path} is not a ledger.", hint="Name another file.")
            return  # a crash truncated the line; its statement still has the status unknown from the line before
        if "ledger" in entry:
            self._check_identity(entry)
            self._key, self.statuses = str(entry.get("key", "")), {}
        elif isinstance(entry.get("number"), int) and self._matches_script(entry):
            self.statuses[entry["number"]] = str(entry.get("status"))
        else:
            raise ScriptRefused(f"The ledger {self.path} does not match the script in line {number}.", hint="Name another file.")

    def _matches_script(self, entry: dict[str, Any]) -> bool:
        recorded = str(entry.get("hmac")).encode("utf-8", "replace")
        return entry["number"] in self._texts and hmac.compare_digest(recorded, self._hmac(entry["number"]).encode())

    def _check_identity(self, entry: dict[str, Any]) -> None:
        for fact, what in (("ledger", "has another format"), ("checksum", "is about another script"), ("target", "is about another database")):
            if entry.get(fact) != self._identity[fact]:
                hint = f"It has {entry.get(fact)}, and this run has {self._identity[fact]}. Name another file, or remove this one if you no longer need it."
                raise ScriptRefused(f"The ledger {self.path} {what}.", hint=hint)

    def _hmac(self, number: int) -> str:
        text = f"{self._identity['checksum']}\0{number}\0{self._texts[number]}"
        return hmac.new(self._key.encode(), text.encode("utf-8"), hashlib.sha256).hexdigest()

    def _append(self, entry: dict[str, Any]) -> None:
        self._writable_file.write(json.dumps(entry) + "\n")
        self._writable_file.flush()
        os.fsync(self._writable_file.fileno())


def _read_lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return [line for line in stream.read().split("\n") if line]
    except FileNotFoundError:
        return []


def _sync_directory(path: str) -> None:
    """Write the directory entry of the new file to the disk."""
    handle = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
