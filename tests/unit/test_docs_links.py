# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links lead somewhere: those of Markdown files to a file or a heading, those to the repository to a file in it, all others to a web address.

Sphinx checks the references of the pages (tests/run site). No address is visited.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tools.checks.commands import ROOT, tracked

TEXTS = (".md", ".rst", ".yml", ".py", ".toml")
HERE = r"ansible-collections/community\.immuta"
REPOSITORY = re.compile(rf"https://(?:github\.com/{HERE}/(?:blob|tree)|raw\.githubusercontent\.com/{HERE})/main/([\w./-]+)")
ADDRESS = re.compile(r"https?://(?!\.)[^\s<>\"'`)\]}|\\]+")
LINK = re.compile(r"\[(?:[^\]]|\][^(])*?\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
MARKDOWN = [name for name in tracked() if name.endswith(".md") and not name.startswith(("LICENSES", "tests/"))]
SOURCES = [name for name in tracked() if name.endswith(TEXTS) and name.startswith((*MARKDOWN, "docs/", "plugins/", "roles/", "playbooks/", "galaxy.yml"))]


PAGES = [name for name in SOURCES if name.startswith("docs/docsite/rst/")]
COLLECTION = "ansible_collections.community.immuta."
DOCSITE = f"{COLLECTION}docsite."


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def anchors(name: str) -> set[str]:
    """The anchors that GitHub gives the headings of a Markdown file."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", read(name)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def problems(name: str, text: str) -> list[str]:
    """The links of a Markdown file that lead nowhere."""
    found = []
    for target in LINK.findall(FENCED.sub("", text)):
        path, _mark, anchor = target.partition("#")
        if urlsplit(target).scheme:
            continue
        file = (ROOT / name).parent / path if path else ROOT / name
        missing = not file.exists() or (anchor and anchor not in anchors(str(file.resolve().relative_to(ROOT))))
        found += [target] if missing else []
    return found


def odd(address: str) -> bool:
    """Whether an address cannot be one of the web; examples are in example.com or on a host of their own."""
    parts = urlsplit(address.rstrip(".,:;*"))
    return parts.scheme not in ("https", "http") or not re.fullmatch(r"[\w.-]+(:\d+)?", parts.netloc) or "//" in parts.path


@pytest.mark.parametrize("name", MARKDOWN)
def test_every_link_of_a_markdown_file_leads_to_a_file_or_a_heading(name: str) -> None:
    assert problems(name, read(name)) == []


@pytest.mark.parametrize("name", SOURCES)
def test_every_address_in_the_repository_is_that_of_a_file(name: str) -> None:
    paths = [path.rstrip(".") for path in REPOSITORY.findall(read(name))]
    assert not [path for path in paths if not (ROOT / path).exists()]


@pytest.mark.parametrize("name", [name for name in SOURCES if name.endswith((".md", ".rst")) or name == "galaxy.yml"])
def test_every_other_address_has_the_form_of_one(name: str) -> None:
    assert not [address for address in ADDRESS.findall(read(name)) if odd(address)]


@pytest.mark.parametrize("name", PAGES)
def test_every_reference_of_a_page_is_to_a_page_or_a_module(name: str) -> None:
    known = {f"{DOCSITE}{Path(page).stem}" for page in PAGES} | {f"{COLLECTION}{path.stem}_module" for path in (ROOT / "plugins/modules").glob("*.py")}
    assert not set(re.findall(r":ref:`(?:[^`<]*<)?([^`>]+)>?`", read(name))) - known


@pytest.mark.parametrize("name", PAGES)
def test_every_section_that_a_page_names_is_there(name: str) -> None:
    named = re.findall(rf"\*([^*\n]+)\*\s+in\s+:ref:`{re.escape(DOCSITE)}(\w+)`", read(name))
    assert not [(title, page) for title, page in named if f"\n{title}\n---" not in read(f"docs/docsite/rst/{page}.rst")]


def test_pictures_are_small_and_shown() -> None:
    pictures = {path.name: path.stat().st_size for path in (ROOT / "docs" / "images").glob("*.png")}
    assert pictures and max(pictures.values()) < 150_000
    shown = "".join(read(name) for name in SOURCES if name.endswith((".md", ".rst")))
    assert not [name for name in pictures if f"/docs/images/{name}" not in shown]


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    text = "[a](docs/nothing.md) [b](#no-such-heading) [c](SECURITY.md#the-gate) [d](https://example.com/x)\n```\n[e](nothing)\n```\n"
    assert problems("README.md", text) == ["docs/nothing.md", "#no-such-heading"]
    assert REPOSITORY.findall("see https://github.com/ansible-collections/community.immuta/blob/main/docs/nothing.md.") == ["docs/nothing.md."]
    assert [odd(address) for address in ("https:///x", "https://a b", "https://example.com//x", "https://example.com/x")] == [True, True, True, False]
