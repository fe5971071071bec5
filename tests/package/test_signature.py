# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A signed release: ansible-galaxy installs what the key has signed and refuses everything else. The keys live as long as the test.

Most of it needs gpg and is marked C(all), because the other tests run without gpg."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tools.checks.commands import BIN, NAME, Failed, clean_environment
from tools.checks.package import sign

from .galaxy import galaxy


class Key:
    """A key of gpg, and the keyring that its owner publishes."""

    def __init__(self, home: str) -> None:
        self.home = home
        self.keyring = Path(home) / "published.kbx"
        for command in (["--passphrase", "", "--quick-generate-key", "releases@example.com", "ed25519", "sign"], ["--export", "--output", str(self.keyring)]):
            subprocess.run(["gpg", "--homedir", home, "--batch", "--quiet", *command], check=True)

    def sign(self, tarball: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("GNUPGHOME", self.home)
        return sign(tarball, "releases@example.com")


@pytest.fixture
def key() -> Iterator[Key]:
    # The sockets of gpg have short names only
    with TemporaryDirectory(prefix="k") as home:
        yield Key(home)
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=True)


def ansible_galaxy(folder: Path, command: str, *arguments: str | Path) -> str:
    """Run a command for collections and return what it printed. Raise Failed with that if its status is not 0."""
    environment = clean_environment() | {"ANSIBLE_HOME": str(folder / "home"), "ANSIBLE_COLLECTIONS_PATH": str(folder), "no_proxy": "127.0.0.1"}
    ran = [str(part) for part in (BIN / "ansible-galaxy", "collection", command, "-p", folder, *arguments)]
    done = subprocess.run(ran, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Failed(done.stdout)
    return done.stdout


def with_another_file(tarball: Path, folder: Path) -> Path:
    """What somebody in the middle makes: another playbook, and every checksum fits."""
    with tarfile.open(tarball) as archive:
        contents = {member.name: reader.read() for member in archive if (reader := archive.extractfile(member))}
    contents["playbooks/drift.yml"] += b"# another line\n"
    files, manifest = (json.loads(contents[name]) for name in ("FILES.json", "MANIFEST.json"))
    entry = next(file for file in files["files"] if file["name"] == "playbooks/drift.yml")
    entry["chksum_sha256"] = hashlib.sha256(contents["playbooks/drift.yml"]).hexdigest()
    contents["FILES.json"] = json.dumps(files).encode()
    manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(contents["FILES.json"]).hexdigest()
    contents["MANIFEST.json"] = json.dumps(manifest).encode()
    folder.mkdir()
    with tarfile.open(folder / tarball.name, "w:gz") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return folder / tarball.name


@pytest.mark.all
def test_a_signed_tarball_installs_and_a_changed_one_does_not(built: Path, key: Key, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signature = key.sign(built, monkeypatch)
    named = tmp_path / "requirements.yml"
    named.write_text(f"collections:\n  - name: community.immuta\n    signatures: [file://{signature}]\n", encoding="utf-8")
    on_the_server = ["community.immuta", "--required-valid-signature-count", "+1"]
    text, changed = signature.read_text(encoding="utf-8"), with_another_file(built, tmp_path / "other")
    # What is asked for, what the server has, with which signatures -> whether it installs
    cases: list[tuple[list[str], Path, list[str], bool]] = [
        (["-r", str(named)], built, [], True),
        (["-r", str(named)], changed, [], False),
        (on_the_server, built, [text], True),
        (on_the_server, changed, [text], False),
        (on_the_server, built, [], False),
    ]
    for number, (wanted, tarball, signatures, installs) in enumerate(cases):
        folder = tmp_path / str(number)
        ends = nullcontext() if installs else pytest.raises(Failed, match="Signature verification failed")
        with ends, galaxy(tarball, *signatures) as server:
            ansible_galaxy(folder, "install", *wanted, "--keyring", key.keyring, "-s", server)
        assert (folder / NAME / "MANIFEST.json").exists() == installs


@pytest.mark.all
def test_an_installed_collection_is_verified_with_the_signature(
    built: Path, installed: Path, key: Key, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signature = key.sign(built, monkeypatch).rename(tmp_path / "signature.asc")
    wanted = ("--offline", "community.immuta", "--keyring", key.keyring, "--signature", f"file://{signature}")
    ansible_galaxy(installed, "verify", *wanted)
    manifest = installed / NAME / "MANIFEST.json"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace("Register", "register"), encoding="utf-8")
    with pytest.raises(Failed, match=r"Signature verification failed for .community.immuta."):
        ansible_galaxy(installed, "verify", *wanted)
    manifest.write_text(text, encoding="utf-8")


def test_without_a_key_there_is_no_release(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GNUPGHOME", str(tmp_path))
    with pytest.raises(Failed, match="gpg did not sign"):
        sign(built)
