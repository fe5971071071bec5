# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other versions of ansible-core, and ``ansible-test sanity`` on every Python."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from .commands import BUILD, ROOT, Failed, alone, copy_to, find_python, requirements, run, virtual_environment, working_path

# The ansible-core that is tested beside .venv's: the oldest that meta/runtime.yml allows, and the first with today's templating.
# Each with the Pythons that it runs on; the first of them that is here is taken.
CORES = {"2.16.19": ("3.11", "3.12"), "2.19.14": ("3.11", "3.12", "3.13")}


def cores() -> None:
    """Repeat the tests marked ``cores`` on other versions of ansible-core. The oldest must run; others are skipped if no Python fits."""
    for number, (version, pythons) in enumerate(CORES.items()):
        if base := find_python(pythons):
            print(f"--- ansible-core {version}", flush=True)
            run(sys.executable, "-m", "pytest", "-m", "cores", "-n", "2", "--dist", "worksteal", CORE_PYTHON=str(core_python(version, base)))
        elif number == 0:
            raise Failed(f"ansible-core {version} is the oldest supported, and no Python {' or '.join(pythons)} was found")
        else:
            print(f"Left out: ansible-core {version}, for which no Python {' or '.join(pythons)} was found", flush=True)


def core_python(version: str, base: Path) -> Path:
    """Return the Python of a virtual environment with that ansible-core and the libraries of the modules; create it once."""
    return virtual_environment(BUILD / "cores" / version, base, f"ansible-core=={version}", *libraries())


def libraries() -> list[str]:
    """Return the libraries of meta/ee-requirements.txt as tests/requirements.txt pins them."""
    named = {re.split(r"[<>=]", line)[0].replace("_", "-") for line in requirements("meta/ee-requirements.txt")}
    return [line for line in requirements("tests/requirements.txt") if line.partition("==")[0] in named]


GET_PIP_STUB = """\
import subprocess, sys
# In a process of its own: ensurepip sets PIP_CONFIG_FILE for the process it runs in.
subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL)
pins = [word for word in sys.argv[1:] if "==" in word]
subprocess.check_call([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *pins])
"""


def sanity() -> None:
    """``ansible-test sanity`` on every installed Python that ansible-core supports."""
    folder = BUILD / "sanity"
    folder.mkdir(exist_ok=True)
    with alone(folder):
        copy = copy_to(folder)
        # Without this, ansible-test takes the outer repository for its own, where .build is ignored.
        run("git", "init", "--quiet", cwd=copy)
        run("ansible-test", "sanity", "--color", "no", cwd=copy, HOME=str(sanity_home()), PATH=os.pathsep.join(working_path()))


def sanity_home() -> Path:
    """Return a home folder with pip's settings and a replacement for the get-pip.py that ansible-test would download."""
    home = BUILD / "sanity" / "home"
    for settings in (".pip", ".config/pip"):
        ours, theirs = home / settings, Path.home() / settings
        if theirs.exists() and not ours.is_symlink():
            ours.parent.mkdir(parents=True, exist_ok=True)
            ours.symlink_to(theirs)
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in pips_of_ansible_test():
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(GET_PIP_STUB, encoding="utf-8")
    return home


def pips_of_ansible_test() -> set[str]:
    """Return the pip versions for which ansible-test may need a bootstrap script. It has no public way to ask, so read its source."""
    source = next(ROOT.glob(".venv/lib/python3*/site-packages/ansible_test/_internal/python_requirements.py"))
    return set(re.findall(r"\bpip='([\d.]+)'", source.read_text(encoding="utf-8")))
