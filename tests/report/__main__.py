# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(python -m report): has headless Chromium open reports of 1, 40 and 1,000 platforms, and axe-core look at them.

Chromium is the one on PATH, or that CHROMIUM names; root on Debian gets it installed. Node.js and npm have to be there. Pages and screenshots stay
in .build/report.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from ansible_collections.community.immuta.plugins.module_utils._fleet.report import report_on
from ansible_collections.community.immuta.plugins.module_utils._fleet.report_page import as_html
from support.fleets import SECRET, fleet

HERE = Path(__file__).resolve().parent
BUILD = HERE.parents[1] / ".build" / "report"
PACKAGES = ("playwright-core@1.65.1", "axe-core@4.14.1")
PAGES = {
    "1": fleet(1),
    "40": fleet(40),
    "40-hostile": fleet(40, hostile=True, worst=True),
    "1000": fleet(1000, mistyped=True),
    "1000-hostile": fleet(1000, hostile=True, worst=True),
}


def chromium() -> str:
    """The path of a Chromium, which is installed where that can be done."""
    named = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not named and os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Debian's chromium ...", flush=True)
        install = ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"]
        if subprocess.run(install, stdout=subprocess.DEVNULL, check=False).returncode:
            subprocess.run(["apt-get", "update"], stdout=subprocess.DEVNULL, check=True)
            subprocess.run(install, stdout=subprocess.DEVNULL, check=True)
        named = shutil.which("chromium")
    return named or sys.exit("There is no Chromium on PATH. Install it (Debian: chromium), or name it with CHROMIUM.")


def packages() -> None:
    """What the browser is driven and judged with, in .build, once."""
    stamp = BUILD / "packages"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == " ".join(PACKAGES):
        return
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("There is no npm on PATH, which brings axe-core. Install Node.js with npm.")
    subprocess.run([npm, "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", BUILD, *PACKAGES], check=True)
    stamp.write_text(" ".join(PACKAGES), encoding="utf-8")


def main() -> int:
    BUILD.mkdir(parents=True, exist_ok=True)
    browser = chromium()
    packages()
    pages = []
    for name, found in PAGES.items():
        begun = time.perf_counter()
        report = report_on(found, title="Data platforms behind Immuta", generated="2026-11-28T10:00:00Z")
        page = as_html(report)
        seconds = time.perf_counter() - begun
        path = BUILD / f"{name}.html"
        path.write_text(page, encoding="utf-8")
        print(f"{name}: {len(report.platforms)} platforms, {len(page) / 1024:.0f} KiB, built in {seconds:.2f} s", flush=True)
        words = "repaired" if any(platform.name == "repaired" for platform in report.platforms) else report.platforms[0].name
        pages.append({"name": name, "path": str(path), "summary": report.summary, "search": words, "secret": SECRET})
    (BUILD / "pages.json").write_text(json.dumps({"chromium": browser, "pages": pages}), encoding="utf-8")
    return subprocess.run([shutil.which("node") or "node", HERE / "check.cjs", BUILD], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
