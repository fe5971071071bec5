# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hunt for secrets through everything that a run leaves behind: screen, log file, syslog, process list, results, files.

Every secret holds a word of its own that no way of quoting changes, so that a secret is found in whatever form it got out.
"""

from __future__ import annotations

import html
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from simulator import Simulator
from support.modules import recording_syslog
from support.tasks import INFO, INTEGRATION, SCRIPT, Play, Unsafe, play, to_yaml

# Both quotes, a semicolon, dollars, a format, a template, a backslash, more than ASCII, and the digits of a port.
NASTY = "<word>\"'; DROP $$x$$ {{ nothing }} \\ %%s \u00fc\u20ac 5439 `b` <&>"
WORDS = {
    "password": "Mk1pAsM",
    "client_secret": "Mk2cLiM",
    "pem": "Mk3pEmM",
    "extra": "Mk4eXtM",
    "deep_extra": "Mk5dEeM",
    "credential": "Mk6cReM",
    "rotated": "Mk7rOtM",
    "unknown": "Mk8uNkM",
    "other_spelling": "Mk9sPeM",
    "access_key": "Mk10aCM",
    "okta": "Mk11oKM",
    "text": "Mk12tEM",
}


def secret(name: str) -> str:
    return NASTY.replace("<word>", WORDS[name])


SECRETS: dict[str, Any] = {
    **{name: Unsafe(secret(name)) for name in WORDS},
    # parts of files
    "pem": Unsafe(f"-----BEGIN PRIVATE KEY-----\nMIIB{WORDS['pem']}AAAAAAAAAAAAAAAA\n{WORDS['pem']}BBBBBBBBBBBBBBBBBB==\n-----END PRIVATE KEY-----\n"),
    "credential": Unsafe(json.dumps({"type": "service_account", "private_key": f"-----BEGIN-----\n{WORDS['credential']}AAAAAAAAAAAA\n-----END-----\n"})),
    "text": Unsafe(json.dumps({"newToken": secret("text")})),
}


@contextmanager
def watched_processes() -> Iterator[set[str]]:
    """The command lines of all processes, looked at again and again."""
    seen: set[str] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            for process in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(process.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                except OSError:
                    continue

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()


def forms(text: str) -> set[str]:
    """A secret as somebody might write it."""
    doubled = text.replace("'", "''")
    return {
        text,
        doubled,
        text.replace('"', '""'),
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        json.dumps(doubled)[1:-1],
        repr(text)[1:-1],
        quote(text),
        quote_plus(text),
        html.escape(text),
    }


class Hunt:
    """Plays with secrets in them, and all that they leave."""

    def __init__(self, tenant: Simulator, folder: Path) -> None:
        self.tenant = tenant
        self.folder = folder
        self.log = folder / "ansible.log"
        self.kept = folder / "kept"
        self.kept.mkdir()
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.vault = folder / "vault.yml"
        self.vault.write_text(to_yaml({"secret": SECRETS}), encoding="utf-8")

    def run(self, tasks: list[dict[str, Any]], **how: Any) -> Play:
        logging, lines = recording_syslog(self.folder)
        environment = {
            "IMMUTA_URL": self.tenant.url,
            "IMMUTA_API_KEY": self.tenant.api_key,
            "ANSIBLE_LOG_PATH": str(self.log),
            "ANSIBLE_INJECT_INVOCATION": "true",
            "TMPDIR": str(self.temporary),
            **logging,
        }
        shown = [{"name": "show all", "ansible.builtin.debug": {"var": "hostvars[inventory_hostname].results_of"}, "when": "results_of is defined"}]
        with watched_processes() as processes:
            played = play(
                [*tasks, *shown], self.folder / "play", keys={"vars_files": [str(self.vault)]}, environment=environment, verbosity=4, diff=True, **how
            )
        assert played.records
        assert any("ansible-playbook" in line or "ansible playbook" in line for line in processes)
        self.search("screen", played.output)
        self.search("log file", self.log.read_text(encoding="utf-8"))
        self.search("syslog", lines.read_text(encoding="utf-8"))
        self.search("process list", "\n".join(processes))
        self.search("results", json.dumps([record.result for record in played], ensure_ascii=False))
        assert "Invoked with the options" in lines.read_text(encoding="utf-8")
        self.search_files()
        return played

    def found_in(self, text: str) -> set[str]:
        """The names of the secrets that are in a text, in whatever form."""
        found = {name for name, word in WORDS.items() if word in text or any(form in text for form in forms(str(SECRETS[name])))}
        return found | ({"api_key"} if self.tenant.api_key in text else set())

    def search(self, where: str, text: str) -> None:
        assert text
        leaked = self.found_in(text)
        assert not leaked, f"{where}: {leaked}\n" + "\n".join(line for line in text.splitlines() if self.found_in(line))

    def search_files(self) -> None:
        """Names and contents of all files that are left, but for the vault and what was asked for in a file."""
        for path in self.folder.rglob("*"):
            assert not self.found_in(str(path)), path
            if path.is_file() and path != self.vault and self.kept not in path.parents:
                leaked = self.found_in(path.read_text(encoding="utf-8", errors="replace"))
                assert not leaked, f"{path}: {leaked}"


@pytest.fixture
def hunt() -> Iterator[Hunt]:
    # Not tmp_path: Ansible makes a socket below it, and the path of a socket has to be short
    with Simulator() as tenant, TemporaryDirectory(prefix="hunt-") as folder:
        yield Hunt(tenant, Path(folder))


def value(name: str) -> str:
    return f"{{{{ secret.{name} }}}}"


ACCOUNT = {"authenticationType": "userPassword", "username": "admin", "password": value("password")}
SNOWFLAKE = {"host": "acme.eu.snowflakecomputing.com", "warehouse": "WH", "database": "IMMUTA", "port": 5439}
REDSHIFT = {"host": "cluster.example.com", "database": "immuta", "initial_database": "dev", "port": 5439}
DATABRICKS = {"workspaceUrl": "acme.databricks.com", "httpPath": "p", "authenticationType": "oAuthM2M"}
#: secrets under every kind of name: an option, an alias, a nested one, what no table knows, text that holds a dict
LIVES: dict[str, dict[str, Any]] = {
    "snowflake": {
        "type": "Snowflake",
        "auto_bootstrap": True,
        "config": {**SNOWFLAKE, **ACCOUNT, "connectArgs": value("access_key"), "extra": {"newToken": value("extra"), "audit": {"apiKey": value("deep_extra")}}},
    },
    "key pair": {
        "type": "Snowflake",
        "auto_bootstrap": False,
        "config": {
            **{**SNOWFLAKE, "host": "keys.eu.snowflakecomputing.com"},
            "authentication_type": "keyPair",
            "username": "admin",
            "privateKey": {"keyName": "PRIV_KEY_FILE", "content": value("pem")},
            "private_key_password": value("password"),
        },
    },
    "databricks": {
        "type": "Databricks",
        "autoBootstrap": False,
        "config": {**DATABRICKS, "oAuthClientConfig": {"useCertificate": False, "clientId": "i", "clientSecret": value("client_secret")}},
    },
    "redshift": {
        "type": "Redshift",
        "auto_bootstrap": True,
        "config": {
            **REDSHIFT,
            "authentication_type": "okta",
            "okta": {"username": "u", "password": value("okta"), "app_id": "a", "idp_host": "h", "role": "r"},
            "extra": value("text"),
        },
    },
    "bigquery": {
        "type": "Google BigQuery",
        "config": {"role": "r", "dataset": "d", "dataset_suffix": "_v", "location": "eu", "credential": value("credential")},
    },
}


def changed(options: Mapping[str, Any], config: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {**options, "config": {**options["config"], **config}, **more}


@pytest.mark.cores
def test_nothing_leaks_when_all_goes_well(hunt: Hunt) -> None:
    tasks = []
    for name, options in LIVES.items():
        tasks += [
            {"name": f"check {name}", INTEGRATION: options, "check_mode": True},
            {"name": f"create {name}", INTEGRATION: options, "register": "results_of"},
            {"name": f"again {name}", INTEGRATION: options},
            {"name": f"rotate {name}", INTEGRATION: {**options, "update_secrets": "always"}},
        ]
    tasks += [
        {"name": "list", INFO: {}},
        {"name": "edit", INTEGRATION: changed(LIVES["snowflake"], {"warehouse": "OTHER", "password": value("rotated")})},
        {"name": "delete", INTEGRATION: {**LIVES["snowflake"], "state": "absent"}},
    ]
    played = hunt.run(tasks).ok
    assert [record["action"] for record in played if record.name.startswith("rotate")] == ["updated"] * len(LIVES)
    # they did arrive, exactly as they are
    arrived = "\n".join(body["sent"] for body in hunt.tenant.bodies())
    for name in ("password", "client_secret", "pem", "extra", "deep_extra", "credential", "access_key", "okta", "rotated"):
        assert json.dumps(str(SECRETS[name]))[1:-1] in arrived
    assert json.dumps(secret("text"))[1:-1] in arrived
    # and numbers, which a password may hold too, stay readable
    assert played["create snowflake"]["integration"]["config"]["port"] == 5439


def test_nothing_leaks_when_the_input_is_wrong(hunt: Hunt) -> None:
    snowflake, redshift = LIVES["snowflake"], LIVES["redshift"]
    wrong = {
        "an unknown key": changed(snowflake, {"pasword": value("unknown")}),
        "an unknown key at the top": {**snowflake, "passwrod": value("unknown")},
        "an unknown key, deep": changed(redshift, {"okta": {"username": "u", "pass": value("unknown")}}),
        "unknown keys in a dict": changed(snowflake, {"credentials": {"password": value("unknown"), "key": [value("unknown")]}}),
        "both spellings": changed(snowflake, {"privateKeyPassword": value("password"), "private_key_password": value("other_spelling")}),
        "another authentication's": changed(snowflake, {"privateKey": {"content": value("pem")}}),
        "another type's": changed(snowflake, {"credential": value("credential"), "sessionToken": value("other_spelling")}),
        "a dict that is none": changed(snowflake, {"privateKey": value("pem")}),
        "a text that is none": changed(snowflake, {"password": [value("password")], "port": "many"}),
        "a known key in extra": changed(snowflake, {"extra": {"password": value("extra")}}),
        "a missing option": changed(snowflake, {"warehouse": ""}),
        "a missing file's folder": {**snowflake, "api_key_dest": "/nowhere/at/all"},
        "a key that cannot be": {**snowflake, "api_key": value("password")},
        "a url with a password": {**snowflake, "url": "https://user:{{ secret.password }}@tenant.example.com"},
        "an unknown type": {**snowflake, "type": "Oracle"},
    }
    played = hunt.run([{"name": name, INTEGRATION: options, "ignore_errors": True, "register": "results_of"} for name, options in wrong.items()]).ok
    assert [record.name for record in played if record.name in wrong and not record.failed] == []
    assert hunt.tenant.requests() == []


ECHOES = {
    "as it is": lambda text: text,
    "in SQL": lambda text: "CREATE USER u PASSWORD '" + text.replace("'", "''") + "'",
    "in a dollar quote": lambda text: f"$pw${text}$pw$",
    "in double quotes": lambda text: 'password="' + text.replace('"', '""') + '"',
    "in JSON": json.dumps,
    "in JSON, as it is": lambda text: json.dumps(text, ensure_ascii=False),
    "in Python": repr,
    "in a URL": lambda text: f"https://u:{quote(text, safe='')}@h/?p={quote_plus(text)}",
    "in HTML": html.escape,
    "with backslashes": lambda text: text.replace("\\", "\\\\").replace("'", "\\'"),
}


def test_nothing_leaks_when_the_server_quotes_it(hunt: Hunt) -> None:
    """A server that quotes the request in its refusal, in every form, in every place that is shown."""
    options = LIVES["snowflake"]
    quoted = [secret("password"), secret("extra"), secret("deep_extra"), secret("access_key"), hunt.tenant.api_key]
    bodies: list[dict[str, Any]] = []
    for write in ECHOES.values():
        text = " and ".join(write(each) for each in quoted)
        tests = {"status": "failed", "validationTests": [{"name": f"Login with {text}", "status": "failed", "message": text, "result": [{"x": text}]}]}
        bodies += [{"status": 422, "body": json.dumps({"statusCode": 422, "error": text, "message": text, "validationResults": tests})}]
        bodies += [{"status": 200, "body": json.dumps({"id": 1, "status": "creating", "validationResults": tests})}]
    bodies += [{"status": 400, "body": f"no JSON: {quoted[0]}"}, {"status": 200, "body": f"<html><title>{html.escape(quoted[0])}</title></html>"}]
    for body in bodies:
        hunt.tenant.fault(method="POST", path=r"/integrations\?dryRun", **body)
    played = hunt.run([{"name": f"try {number}", INTEGRATION: options, "ignore_errors": True, "register": "results_of"} for number in range(len(bodies))]).ok
    assert [record.name for record in played if record.name.startswith("try") and not record.failed] == []
    assert hunt.tenant.faults() == []


def test_nothing_leaks_when_the_server_shows_it(hunt: Hunt) -> None:
    """A server that does not redact what it stores."""
    config = {
        "host": SNOWFLAKE["host"],
        "database": "OTHER",
        "password": secret("other_spelling"),
        "connectArgs": secret("access_key"),
        "more": {"newToken": "x"},
    }
    failed = {"status": "failed", "validationTests": [{"name": "Login", "status": "failed", "message": f"as {secret('password')}"}]}
    shown = json.dumps([{"id": 1, "type": "Snowflake", "status": "editError", "autoBootstrap": True, "config": config, "validationResults": failed}])
    hunt.tenant.fault(method="GET", path="/integrations$", status=200, body=shown.replace(WORDS["password"], "what nobody gave"))
    hunt.tenant.fault(method="GET", path="/integrations$", status=200, body=shown, times=9)
    options = LIVES["snowflake"]
    tasks = [
        {"name": "list", INFO: {}},
        {"name": "immutable", INTEGRATION: options, "ignore_errors": True},
        {
            "name": "equal",
            INTEGRATION: changed(options, {"database": "OTHER", "warehouse": "", "extra": {}, "password": value("password")}),
            "ignore_errors": True,
        },
        {"name": "delete", INTEGRATION: {**options, "state": "absent", "server_validation": False}, "check_mode": True},
    ]
    played = hunt.run(tasks).ok
    assert [record.failed for record in played if record.name in ("immutable", "equal")] == [True, True]


def test_nothing_leaks_around_scripts(hunt: Hunt) -> None:
    options = {"type": "Redshift", "config": {**REDSHIFT, **ACCOUNT}, "dest": str(hunt.kept / "script.sql"), "review_dest": str(hunt.folder / "review.sql")}
    tasks = [
        {"name": "check", SCRIPT: {**options, "action": "create"}, "check_mode": True},
        {"name": "make", SCRIPT: {**options, "action": "create"}, "register": "results_of"},
        {"name": "again", SCRIPT: {**options, "action": "create"}},
        {"name": "no file", SCRIPT: {**options, "action": "cleanup", "dest": "/nowhere/at/all"}, "ignore_errors": True},
        {"name": "no script", SCRIPT: {**options, "action": "edit"}, "ignore_errors": True},
    ]
    played = hunt.run(tasks).ok
    assert played["make"]["changed"] is True
    script = (hunt.kept / "script.sql").read_text(encoding="utf-8")
    assert WORDS["password"] in script


def test_nothing_leaks_of_a_script_that_cannot_be_read(hunt: Hunt) -> None:
    text = f"CREATE USER u PASSWORD '{secret('password')}';"
    options = {"type": "Redshift", "config": {**REDSHIFT, **ACCOUNT}, "dest": str(hunt.kept / "script.sql"), "action": "create"}
    for body in (json.dumps({"one": text, "two": text}), f"<html><body>{text}</body></html>", json.dumps([text, text]), f'"{text}'):
        hunt.tenant.fault(method="POST", path="/scripts/create", status=200, body=body)
    played = hunt.run([{"name": f"try {number}", SCRIPT: options, "ignore_errors": True, "register": "results_of"} for number in range(3)]).ok
    assert [record.name for record in played if record.name.startswith("try") and not record.failed] == []


def test_a_key_that_is_made_leaks_nowhere(hunt: Hunt) -> None:
    dest = hunt.kept / "key"
    played = hunt.run([{"name": "make", INTEGRATION: {"type": "Trino", "api_key_dest": str(dest)}, "register": "results_of"}]).ok
    key = hunt.tenant.integrations()[0]["account"]["key"]
    assert dest.read_text(encoding="utf-8").strip() == key
    assert key not in played.output
    assert key not in hunt.log.read_text(encoding="utf-8")


def test_the_hunt_finds_what_it_looks_for(hunt: Hunt) -> None:
    """The hunters find a secret in each place that they look at."""
    place = {"cmd": f"echo {WORDS['password']}", "chdir": str(hunt.folder)}
    with pytest.raises(AssertionError, match=r"screen: \{'password'\}"):
        hunt.run([{"name": "leak", "ansible.builtin.shell": place}, {"name": "list", INFO: {}}])
    for where in ("log file", "syslog", "process list", "results"):
        with pytest.raises(AssertionError, match=where):
            hunt.search(where, f"... {quote(secret('password'))} ...")
    assert WORDS["password"] in hunt.log.read_text(encoding="utf-8")
    assert WORDS["password"] in (hunt.folder / "syslog" / "lines").read_text(encoding="utf-8")
