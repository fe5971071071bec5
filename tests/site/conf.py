# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx's settings for the site that C(tests/run site) builds."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes

project = "community.immuta"
copyright = "the community.immuta contributors"
html_title = "community.immuta"
extensions = ["sphinx_antsibull_ext"]
pygments_style = "ansible"
highlight_language = "YAML+Jinja"
html_theme = "sphinx_ansible_theme"
html_theme_options = {"collapse_navigation": True, "navigation_depth": 2, "vcs_pageview_mode": "edit"}
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
smartquotes = False  # a message can be found as it was printed
html_use_index = False
html_copy_source = False
nitpicky = True
# The page of the changelog is empty, and therefore without a title, until the first release.
suppress_warnings = ["toc.no_title"]

# What pages of antsibull-docs refer to in the documentation of Ansible itself. Its inventory is not read, because the build uses no network.
ANSIBLE = "https://docs.ansible.com/projects/ansible/devel"
ELSEWHERE = {
    "action_plugins": f"{ANSIBLE}/plugins/action.html#action-plugins",
    "ansible_configuration_settings": f"{ANSIBLE}/reference_appendices/config.html#ansible-configuration-settings",
    "common_return_values": f"{ANSIBLE}/reference_appendices/common_return_values.html#common-return-values",
}


# The pages name the pictures by their public address, which this build does not need.
PUBLIC_IMAGES = "https://raw.githubusercontent.com/ansible-collections/community.immuta/main/docs/images/"
SECTION = re.compile(r"^(.+)\n([-~])\2+\n((?:(?!\.\. toctree).*\n)*?)\.\. toctree::\n((?: +:.*\n)+)", re.M)
PLUGIN = re.compile(r"^( {4,})((\w+)_(?:module|role|lookup|inventory))$", re.M)


def prepare(_app: Any, page: str, source: list[str]) -> None:
    """Take the pictures from this build. On the first page, give each group of pages a heading and each plugin a short name for the navigation."""
    source[0] = source[0].replace(PUBLIC_IMAGES, "/images/")
    if page == "index":
        captioned = SECTION.sub(r"\1\n\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\n\3.. toctree::\n    :caption: \1\n\4", source[0])
        source[0] = PLUGIN.sub(r"\1\3 <\2>", captioned)


def find_elsewhere(_app: Any, _env: Any, wanted: Any, text: Any) -> nodes.reference | None:
    """Return a link into Ansible's documentation. None, which Sphinx reports, for every other target that does not exist."""
    name = wanted["reftarget"]
    if wanted["reftype"] == "envvar" and name.startswith("ANSIBLE_"):
        url = f"{ANSIBLE}/reference_appendices/config.html#envvar-{name}"
    elif name in ELSEWHERE:
        url = ELSEWHERE[name]
    else:
        return None
    return nodes.reference("", "", text, internal=False, refuri=url)


def setup(app: Any) -> None:
    app.connect("source-read", prepare)
    app.connect("missing-reference", find_elsewhere)
