# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a script got, in a file that survives the run that wrote it.

One JSON object a line, only ever appended: first what the ledger is about (script, database, a random key), then for every
statement its number, its HMAC and its status: once before it is sent, as unknown, and once when the answer is there. So a run
that dies in between leaves the truth behind. No statement's text is in it, and nobody but its owner can read it.

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
# Statuses that a later run does not repeat: it ran, or the operator said to leave it out.
DONE = frozenset({"ok", "skipped"})


class Ledger:
    """The ledger of one script in one database. statuses: number -> ok, failed, unknown or skipped, as far as known.

    write: take the file for this run, and make it when there is none; otherwise it is only read, if it is there.
    Raises ScriptRefused for a file that is about something else, or that another run has taken.
    """

    def __init__(self, path: str, checksum: str, target: str, statements: Sequence[Statement], *, write: bool) -> None:
        self.path = path
        self.statuses: dict[int, str] = {}
        self._about = {"ledger": FORMAT, "checksum": checksum, "target": target}
        self._texts = {statement.number: statement.text for statement in statements}
        self._key = ""
        self._stream: IO[str] | None = None
        try:
            if write:
                self._take()
            for number, line in enumerate(_lines(path), 1):
                self._read(number, line)
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
        return all(self.statuses.get(number) in DONE for number in self._texts)

    def begin(self, *, anew: bool) -> None:
        """Make the file ready for records. anew: what is in it no longer counts."""
        handle = self._file.fileno()
        os.fchmod(handle, 0o600)
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            self._file.write("\n")  # a crash cut the last line off
        if anew or not self._key:
            self._key = secrets.token_hex(32)
            self.statuses = {}
            self._append({**self._about, "key": self._key})

    def record(self, number: int, status: str) -> None:
        """Put down a statement's status. It is on the disk when this returns."""
        self.statuses[number] = status
        self._append({"number": number, "hmac": self._hmac(number), "status": status})

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    @property
    def _file(self) -> IO[str]:
        if self._stream is None:
            raise AssertionError("a ledger that was opened for reading")
        return self._stream

    def _take(self) -> None:
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._stream = os.fdopen(handle, "a", encoding="utf-8")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ScriptRefused(f"Another run is using the ledger {self.path}.", hint="Wait until it has ended.") from None
        _sync_directory(self.path)

    def _read(self, number: int, line: str) -> None:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        if not isinstance(entry, dict):
            if number == 1:
                raise ScriptRefused(f"{self.path} is not a ledger.", hint="Name another file.")
            return  # cut off by a crash; what it was about is still unknown, as the line before says
        if "ledger" in entry:
            self._check_about(entry)
            self._key, self.statuses = str(entry.get("key", "")), {}
        elif isinstance(entry.get("number"), int) and self._is_ours(entry):
            self.statuses[entry["number"]] = str(entry.get("status"))
        else:
            raise ScriptRefused(f"The ledger {self.path} does not fit the script in line {number}.", hint="Name another file.")

    def _is_ours(self, entry: dict[str, Any]) -> bool:
        said = str(entry.get("hmac")).encode("utf-8", "replace")
        return entry["number"] in self._texts and hmac.compare_digest(said, self._hmac(entry["number"]).encode())

    def _check_about(self, entry: dict[str, Any]) -> None:
        for fact, what in (("ledger", "is of another format"), ("checksum", "is about another script"), ("target", "is about another database")):
            if entry.get(fact) != self._about[fact]:
                hint = f"It holds {entry.get(fact)}, this run {self._about[fact]}. Name another file, or remove this one when it is of no more use."
                raise ScriptRefused(f"The ledger {self.path} {what}.", hint=hint)

    def _hmac(self, number: int) -> str:
        text = f"{self._about['checksum']}\0{number}\0{self._texts[number]}"
        return hmac.new(self._key.encode(), text.encode("utf-8"), hashlib.sha256).hexdigest()

    def _append(self, entry: dict[str, Any]) -> None:
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return [line for line in stream.read().split("\n") if line]
    except FileNotFoundError:
        return []


def _sync_directory(path: str) -> None:
    """Have the new file's name on the disk, too."""
    handle = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
