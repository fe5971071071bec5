# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tarball of the collection."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import yaml

from .commands import BUILD, ROOT, Failed, alone, copy_to, run, tracked

# What a user of the collection needs. Any other file in the tarball is a mistake.
SHIPPED = (
    "plugins/",
    "roles/",
    "playbooks/",
    "meta/",
    "docs/docsite/",
    "docs/images/",
    "extensions/",
    "changelogs/changelog.yaml",
    "changelogs/config.yaml",
    "tests/config.yml",
)
SHIPPED_AT_THE_TOP = {
    "CHANGELOG.rst",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "FILES.json",
    "LICENSE",
    "MAINTAINERS.md",
    "MANIFEST.json",
    "README.md",
    "SECURITY.md",
}


def build() -> Path:
    """Build the tarball in .build from a copy, so that it contains no stray file of the checkout, and return its path."""
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    name, folder = f"community-immuta-{version}.tar.gz", BUILD / "source"
    with alone(folder):
        run("ansible-galaxy", "collection", "build", "--force", "--output-path", folder, quiet=True, cwd=copy_to(folder))
        make_reproducible(folder / name, time_of_the_sources())
        # At once, because another process can read the last one
        return (folder / name).replace(BUILD / name)


def time_of_the_sources() -> int:
    """Return the value of SOURCE_DATE_EPOCH, or else the time of the last commit."""
    last_commit = ["git", "log", "-1", "--format=%ct"]
    return int(os.environ.get("SOURCE_DATE_EPOCH") or subprocess.run(last_commit, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def make_reproducible(built: Path, time: int) -> None:
    """Rewrite a tarball so that the same sources give the same bytes: the files in order of their names, each with the same time."""
    with tarfile.open(built) as archive:
        members = {member.name: (member, reader.read() if (reader := archive.extractfile(member)) else b"") for member in archive}
    files, manifest = (json.loads(members[name][1]) for name in ("FILES.json", "MANIFEST.json"))
    files["files"].sort(key=lambda file: file["name"])
    contents = {name: content for name, (member, content) in members.items()}
    contents["FILES.json"] = json.dumps(files, indent=1).encode()
    manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(contents["FILES.json"]).hexdigest()
    contents["MANIFEST.json"] = json.dumps(manifest, indent=1).encode()
    with open(built, "wb") as stream, gzip.GzipFile("", "wb", fileobj=stream, mtime=time) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        # ansible-galaxy reads the manifest first
        for name in ("MANIFEST.json", "FILES.json", *sorted(contents.keys() - {"MANIFEST.json", "FILES.json"})):
            member = members[name][0]
            member.mtime, member.size, member.pax_headers = time, len(contents[name]), {}
            archive.addfile(member, io.BytesIO(contents[name]))


def tarball() -> None:
    """The built tarball: it contains the right files, the same commit gives the same bytes, it installs, and Ansible finds its modules."""
    built = build()
    first = built.read_bytes()
    if build().read_bytes() != first:
        raise Failed("the same sources gave two different tarballs")
    with tarfile.open(built) as archive:
        names = {member.name for member in archive.getmembers() if not member.isdir()}
    junk = {name for name in names if not name.startswith(SHIPPED) and name not in SHIPPED_AT_THE_TOP}
    wanted = {name for name in tracked() if name.startswith(SHIPPED)}
    if junk or wanted - names:
        raise Failed(f"the tarball holds {sorted(junk)} and lacks {sorted(wanted - names)}")
    installed = install(built, BUILD / "installed")
    modules = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
    run("ansible-doc", "--json", *(f"community.immuta.{name}" for name in modules), quiet=True, ANSIBLE_COLLECTIONS_PATH=str(installed))


def install(built: Path, folder: Path) -> Path:
    """Install a tarball into an empty folder, check every file against its manifest, and return the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    for command, what in {"install": str(built), "verify": "community.immuta"}.items():
        run("ansible-galaxy", "collection", command, "--offline", "-p", folder, what, quiet=True, ANSIBLE_COLLECTIONS_PATH=str(folder))
    return folder


def show_build() -> None:
    """The tarball."""
    print(f"The tarball is {build()}")


def release() -> None:
    """The tarball with a detached signature of its MANIFEST.json, made with the key GPG_KEY or else with gpg's default key."""
    print(f"The signature is in {sign(build(), os.environ.get('GPG_KEY', ''))}")


def sign(built: Path, key: str = "") -> Path:
    """Sign the MANIFEST.json of a tarball, which holds the checksum of every other file, and return the signature's path."""
    with tarfile.open(built) as archive:
        manifest = archive.extractfile("MANIFEST.json")
        text = manifest.read() if manifest else b""
    signature = built.with_name(f"{built.name.removesuffix('.tar.gz')}.MANIFEST.json.asc")
    command = ["gpg", "--batch", "--yes", "--armor", "--detach-sign", *(["--local-user", key] if key else []), "--output", str(signature)]
    try:
        subprocess.run(command, input=text, check=True)
    except (OSError, subprocess.CalledProcessError) as reason:
        raise Failed(f"gpg did not sign: {reason}") from None
    return signature
