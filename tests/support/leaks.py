# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hunt for secrets: every form that one can take on its way out, and where it is found.

assert not traces([password, api_key], run.output, run.records, folder)

The forms are written down here once more, without the code that hides them. A Net catches what a run of ansible-playbook leaves beside its output.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
import shlex
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus

from .modules import FOR_THE_CONTROLLER, recording_syslog

Writer = Callable[[str], str]


def _inside(written: str) -> str:
    """Without the quotes around it."""
    return written[1:-1]


def _coded(text: str, characters: str, form: str) -> str:
    return "".join(form.format(ord(each)) if each in characters else each for each in text)


def _lower_escapes(text: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), text)


#: how a language writes a text that stands between quotes of its own
LITERALS: dict[str, Writer] = {
    "as it is": str,
    "SQL string": lambda text: text.replace("'", "''"),
    "SQL string with backslashes": lambda text: text.replace("\\", "\\\\").replace("'", "\\'"),
    "SQL string with backslashes and doubled quotes": lambda text: text.replace("\\", "\\\\").replace("'", "''"),
    "SQL name": lambda text: text.replace('"', '""'),
    "shell": lambda text: _inside(shlex.quote(f"{text} "))[:-1],
    "shell, by hand": lambda text: text.replace("'", "'\\''"),
}
#: how such a literal is written down in turn
WRITERS: dict[str, Writer] = {
    "as it is": str,
    "JSON": lambda text: _inside(json.dumps(text)),
    "JSON with letters": lambda text: _inside(json.dumps(text, ensure_ascii=False)),
    "JSON with slashes escaped": lambda text: _inside(json.dumps(text)).replace("/", "\\/"),
    "JSON for HTML": lambda text: _coded(_inside(json.dumps(text, ensure_ascii=False)), "&<>", "\\u{:04x}"),
    "JSON for HTML, upper case": lambda text: _coded(_inside(json.dumps(text, ensure_ascii=False)), "&<>'", "\\u{:04X}"),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text))[3:-3],
    "Python": lambda text: _inside(repr(text)),
    "Python, double quotes": lambda text: repr("'" + text)[2:-1],
    "Python, all quotes": lambda text: repr("'\"" + text)[4:-1],
    "URL": quote,
    "URL segment": lambda text: quote(text, safe=""),
    "URL form": quote_plus,
    "URL in lower case": lambda text: _lower_escapes(quote(text, safe="")),
    "URL form in lower case": lambda text: _lower_escapes(quote_plus(text)),
    "URL of a browser": lambda text: quote(text, safe="!'()*~"),
    "HTML": html.escape,
    "HTML text": lambda text: html.escape(text, quote=False),
    "HTML, decimal": lambda text: html.escape(text).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
    "HTML, named": lambda text: html.escape(text).replace("&#x27;", "&apos;"),
    "HTML in ASCII": lambda text: html.escape(text).replace("&#x27;", "&#39;").encode("ascii", "xmlcharrefreplace").decode(),
}


def base64_of(secret: str) -> dict[str, str]:
    """What of the secret shows in base64, wherever in the encoded text it begins: the characters that stand for it alone."""
    data, found = secret.encode("utf-8", "surrogatepass"), {}
    for before in range(3):
        first, end = -(-8 * before // 6), 8 * (before + len(data)) // 6
        written = base64.b64encode(bytes(before) + data).decode()[first:end]
        found[f"base64 at {before}"] = written
        found[f"URL-safe base64 at {before}"] = written.replace("+", "-").replace("/", "_")
    return {name: written for name, written in found.items() if len(written) >= 4}


def named_forms(secret: str) -> dict[str, str]:
    """Name -> form: every way in which the secret can be written."""
    forms = {f"{outer} of {inner}": write(literal(secret)) for outer, write in WRITERS.items() for inner, literal in LITERALS.items()}
    return {**forms, **base64_of(secret)}


def forms_of(*secrets: str) -> set[str]:
    """Every form of these secrets; of one of several lines also of each long line, but not of the frame of a key."""
    return {form for forms in _forms(secrets).values() for form in forms}


def _forms(secrets: Iterable[str]) -> dict[str, dict[str, str]]:
    """What stands in each of these forms -> form -> what it is called. That saves looking for most of them."""
    pieces = [piece for secret in secrets for piece in (secret, *secret.splitlines()) if piece == secret or (len(piece) >= 16 and piece[:5] != "-----")]
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for piece in pieces:
        word = max(re.findall("[A-Za-z0-9]*", piece), key=len)
        for name, form in named_forms(piece).items():
            found[word if word in form else form][form] = name
    return found


class Trace(NamedTuple):
    """A secret that got out: where, in which form, and what is around it."""

    where: str
    form: str
    around: str


def traces(secrets: Iterable[str], *places: Any, apart: Iterable[str] = ()) -> list[Trace]:
    """Where any of the secrets is found, in whatever form: in texts, in objects with their keys, in the names and contents of files.

    A Path is a file, or a folder with all that is in it, but for the contents of files that match a pattern in C(apart).
    Raises ValueError when there is nothing to look for or nothing to look at.
    """
    forms = _forms(secrets)
    if not forms or any("" in written for written in forms.values()) or not places:
        raise ValueError("a hunt needs secrets and places")
    texts = [(f"{number}: {where}", text) for number, place in enumerate(places) for where, text in _texts(place, "", tuple(apart))]
    return [
        Trace(where, name, text[max(0, text.index(form) - 60) : text.index(form) + len(form) + 60])
        for where, text in texts
        for sign, written in forms.items()
        if sign in text
        for form, name in written.items()
        if form in text
    ]


def _texts(place: Any, path: str, apart: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(place, Path):
        yield from _files(place, apart)
    elif isinstance(place, bytes):
        yield path, place.decode(errors="replace")
    elif isinstance(place, Mapping):
        for name, value in place.items():
            yield f"{path} key", str(name)
            yield from _texts(value, f"{path}.{name}", apart)
    elif isinstance(place, (list, tuple, set, frozenset)):
        for number, value in enumerate(place):
            yield from _texts(value, f"{path}[{number}]", apart)
    elif isinstance(place, BaseException):
        yield from _texts([place.args, vars(place)], type(place).__name__, apart)
    else:
        yield path, str(place)


def _files(place: Path, apart: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
        yield str(path), os.fsdecode(path.name)
        if path.is_file() and not any(path.match(pattern) for pattern in apart):
            yield str(path), path.read_bytes().decode(errors="replace")


#: what ansible-core writes and keeps only when it is told to: the module with its arguments
CORES_OWN = ("AnsiballZ_*.py",)


class Net:
    """Catches what a run of ansible-playbook leaves beside its output, as files below C(folder), and what the process list shows.

    environment: what has the run leave all that there is. The callbacks are all that ansible-core has which write files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.commands: set[str] = set()
        logging, self.syslog = recording_syslog(folder)
        self.log = folder / "log"
        for name in ("temporary", "junit", "tree", "facts", "jobs", "remote"):
            (folder / name).mkdir()
        self.environment = {
            **logging,
            "ANSIBLE_LOG_PATH": str(self.log),
            "ANSIBLE_CALLBACKS_ENABLED": "task_events,ansible.builtin.junit,ansible.builtin.tree",
            "JUNIT_OUTPUT_DIR": str(folder / "junit"),
            "ANSIBLE_CALLBACK_TREE_DIR": str(folder / "tree"),
            "ANSIBLE_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folder / "facts"),
            "ANSIBLE_ASYNC_DIR": str(folder / "jobs"),
            "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
            "ANSIBLE_KEEP_REMOTE_FILES": "1",
            "ANSIBLE_INJECT_INVOCATION": "true",
            "TMPDIR": str(folder / "temporary"),
        }

    @contextmanager
    def cast(self) -> Iterator[None]:
        """Watch the command lines of the run's processes, which any user of the machine sees."""
        done = threading.Event()
        watcher = threading.Thread(target=self._watch, args=[done], daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
            for job in (self.folder / "jobs").glob("j*"):
                content = json.loads(job.read_text(encoding="utf-8"))
                if content.pop(FOR_THE_CONTROLLER, None):
                    job.write_text(json.dumps(content), encoding="utf-8")

    def _watch(self, done: threading.Event) -> None:
        known: set[tuple[Path, bytes]] = set()
        ours = f"SYSLOG_LINES={self.syslog}".encode()
        while not done.wait(0.1):
            for process in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):
                    command = (process / "cmdline").read_bytes()
                    if (process, command) not in known and ours in (process / "environ").read_bytes():
                        self.commands.add(command.replace(b"\0", b" ").decode(errors="replace"))
                    known.add((process, command))
