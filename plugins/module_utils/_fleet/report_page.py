# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report as one self-contained HTML page.

The template only formats the report. Jinja2 escapes every value, and invisible characters become escape codes. The content security policy
of the page allows only the script and the style in this file, by their checksums.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from .._core.errors import MissingLibrary
from .report import Report, escape_invisible

STYLE = """
:root {
  color-scheme: light dark;
  --page: light-dark(#f6f7f9, #14171c); --card: light-dark(#ffffff, #1d2129); --line: light-dark(#cfd4dc, #3a414d);
  --text: light-dark(#1b1f26, #e6e9ee); --soft: light-dark(#525b69, #a9b2c0); --mark: light-dark(#0b57d0, #8ab4ff);
  --failed: light-dark(#a8071a, #ff9c94); --unhealthy: light-dark(#9a3b00, #ffb077); --drifted: light-dark(#7a4d00, #f2cf66);
  --pending: light-dark(#1a4fb0, #9cc0ff); --owned: light-dark(#6b2fa0, #d5aeff); --fine: light-dark(#17652f, #86d9a0);
}
:root[data-theme="light"] { color-scheme: light; }
:root[data-theme="dark"] { color-scheme: dark; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
header, main, footer { max-width: 80rem; margin: 0 auto; padding: 1rem; }
header { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: start; justify-content: space-between; }
header > div { min-width: 0; flex: 1 1 16rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0; }
h2 { font-size: 1.2rem; margin: 0 0 .75rem; }
section { margin: 0 0 2rem; }
p { margin: .25rem 0; }
.soft, footer { color: var(--soft); font-size: .9rem; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: .5rem; background: var(--card); color: var(--mark); padding: .5rem 1rem; z-index: 1; }
:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px; }
button, input { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--soft); border-radius: .4rem; padding: .4rem .8rem; }
button { cursor: pointer; }
.numbers { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: .75rem; margin: 0; padding: 0; list-style: none; }
.numbers li { background: var(--card); border: 1px solid var(--line); border-radius: .4rem; padding: .5rem .8rem; }
.numbers li { border-top: .3rem solid var(--of, var(--soft)); }
.numbers strong { display: block; font-size: 1.4rem; line-height: 1.3; }
.failed { --of: var(--failed); } .unhealthy { --of: var(--unhealthy); } .drifted { --of: var(--drifted); }
.pending { --of: var(--pending); } .owned { --of: var(--owned); } .fine { --of: var(--fine); }
.badge { display: inline-block; color: var(--of); border: 1px solid currentColor; border-radius: 1rem; padding: 0 .6rem; margin: 0 .25rem .25rem 0; }
.badge, .numbers strong { font-weight: 600; }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; background: var(--card); border: 1px solid var(--line); }
caption { text-align: start; color: var(--soft); padding: 0 0 .4rem; }
th, td { text-align: start; vertical-align: top; padding: .5rem .8rem; border-top: 1px solid var(--line); min-width: 5rem; }
thead th { color: var(--soft); font-size: .9rem; overflow-wrap: normal; }
.name { min-width: 12rem; }
td > ul { margin: .25rem 0; padding-inline-start: 1.2rem; }
.error { color: var(--failed); font-weight: 400; }
.platforms { table-layout: fixed; } .platforms .name { width: 28%; } .platforms .state { width: 20%; }
code { font: .92em ui-monospace, monospace; white-space: pre-wrap; }
.facts { display: block; font-weight: 400; color: var(--soft); font-size: .9rem; }
.controls { display: flex; flex-wrap: wrap; gap: .75rem 1.5rem; align-items: end; margin: 0 0 .75rem; }
.controls[hidden] { display: none; }
fieldset { border: 0; margin: 0; padding: 0; min-width: 0; }
legend, .controls > div > label { padding: 0; color: var(--soft); font-size: .9rem; display: block; }
fieldset label { display: inline-flex; gap: .35rem; align-items: center; margin: .25rem 1rem .25rem 0; min-height: 1.75rem; }
input[type="radio"] { inline-size: 1.1rem; block-size: 1.1rem; margin: 0; accent-color: var(--mark); }
input[type="search"] { width: 100%; }
.controls > div { flex: 1 1 14rem; }
@media (max-width: 40rem) {
  .platforms, .platforms tbody, .platforms tr, .platforms th, .platforms td, .platforms caption { display: block; width: auto; }
  .platforms caption { padding: .5rem .8rem; }
  .platforms thead { position: absolute; left: -999rem; }
  .platforms tr[hidden] { display: none; }
  .platforms tbody th { border-top: 3px solid var(--line); }
  .platforms td { border-top: 0; padding-top: 0; }
  .platforms .name, .platforms .state { width: auto; }
  .numbers { grid-template-columns: repeat(2, 1fr); }
}
@media print {
  :root, :root[data-theme] { color-scheme: light; }
  body { background: none; font-size: 10pt; }
  .controls, .skip, button { display: none; }
  .wide { overflow: visible; }
  th, td, .name { min-width: 0; padding: .3rem .4rem; }
  thead th { font-size: 8pt; }
  tr, .numbers li { break-inside: avoid; }
  thead { display: table-header-group; }
}
"""

SCRIPT = """
"use strict";
(() => {
  const root = document.documentElement, theme = document.getElementById("theme"), form = document.getElementById("controls");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const showTheme = () => theme.setAttribute("aria-pressed", String(isDark()));
  theme.hidden = false;
  showTheme();
  system.addEventListener("change", showTheme);
  theme.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; showTheme(); });
  if (!form) return;
  const rows = [...document.querySelectorAll("#platforms tbody tr")].map((row) => ({
    row, states: row.dataset.states.split(" "), text: row.textContent.replace(/\\s+/g, " ").toLowerCase(),
  }));
  const count = document.getElementById("count"), total = rows.length;
  const apply = () => {
    const state = form.elements.state.value, words = form.elements.search.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let shown = 0;
    for (const each of rows) {
      const matches = (!state || each.states.includes(state)) && words.every((word) => each.text.includes(word));
      if (each.row.hidden === matches) each.row.hidden = !matches;
      shown += matches;
    }
    const text = `${shown} of ${total} platforms shown`;
    if (count.textContent !== text) count.textContent = text;
  };
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  apply();
})();
"""

TEMPLATE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{{ report.title }}</title>
<style>{{ style }}</style>
</head>
<body>
<a class="skip" href="#platforms">Skip to the platforms</a>
<header>
<div>
<h1><bdi>{{ report.title }}</bdi></h1>
<p class="soft">As of <time datetime="{{ report.generated }}">{{ report.generated }}</time></p>
</div>
<button type="button" id="theme" aria-pressed="false" hidden>Dark</button>
</header>
<main>
<section aria-labelledby="summary">
<h2 id="summary">Summary</h2>
<ul class="numbers">
<li><strong>{{ report.summary.platforms }}</strong> Platforms</li>
{% for state, title, number in report.filters %}
<li class="{{ state }}"><strong>{{ number }}</strong> {{ title }}</li>
{% endfor %}
<li><strong>{{ report.unmanaged_text }}</strong> In no inventory</li>
</ul>
</section>
<section aria-labelledby="tenants">
<h2 id="tenants">Tenants</h2>
<p class="soft">A platform can be in several states.</p>
<div class="wide" role="region" aria-label="Table of tenants" tabindex="0">
<table>
<caption>Platforms by tenant and state</caption>
<thead><tr><th scope="col" class="name">Tenant</th><th scope="col">Platforms</th>
{%- for state, title in report.columns %}<th scope="col">{{ title }}</th>{% endfor %}<th scope="col">In no inventory</th></tr></thead>
<tbody>
{% for tenant in report.tenants %}
<tr><th scope="row" class="name"><bdi>{{ tenant.name or "No tenant" }}</bdi>
{%- for error in tenant.errors %}<p class="error"><bdi>{{ error }}</bdi></p>{% endfor %}</th><td>{{ tenant.platforms }}</td>
{%- for state, title in report.columns %}<td>{{ tenant.counts[state] }}</td>{% endfor %}<td>{{ tenant.unmanaged_text }}</td></tr>
{% endfor %}
</tbody>
</table>
</div>
</section>
<section aria-labelledby="platforms-title">
<h2 id="platforms-title">Platforms</h2>
{% if report.platforms %}
<form class="controls" id="controls" role="search" aria-label="Platforms" hidden>
<fieldset><legend>Show</legend>
<label><input type="radio" name="state" value="" checked> All ({{ report.summary.platforms }})</label>
{% for state, title, number in report.filters %}
<label><input type="radio" name="state" value="{{ state }}"> {{ title }} ({{ number }})</label>
{% endfor %}
</fieldset>
<div><label for="search">Search names, messages and fields</label><input type="search" id="search" name="search" autocomplete="off" spellcheck="false"></div>
</form>
<p id="count" class="soft" role="status" aria-live="polite">{{ report.summary.platforms }} platforms</p>
<table class="platforms" id="platforms" role="table" tabindex="-1">
<caption>The platforms of the inventory, those that need attention first</caption>
<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader" class="name">Platform</th><th scope="col" role="columnheader" class="state">State</th>
<th scope="col" role="columnheader">Findings</th></tr></thead>
<tbody role="rowgroup">
{% for platform in report.platforms %}
<tr role="row" data-states="{{ platform.states | join(" ") }}">
<th scope="row" role="rowheader" class="name"><bdi>{{ platform.name }}</bdi>
{%- if platform.facts %} <span class="facts">
{%- for fact in platform.facts %}<bdi>{{ fact }}</bdi>{{ "" if loop.last else ", " }}{% endfor %}</span>{% endif %}</th>
<td role="cell" class="state">{% for state, title in platform.titles %}<span class="badge {{ state }}">{{ title }}</span> {% endfor %}
{%- if platform.status %} <span class="facts">Immuta says: <bdi>{{ platform.status }}</bdi></span>{% endif %}
{%- if platform.owner %} <span class="facts">Connection: <bdi>{{ platform.owner }}</bdi></span>{% endif %}</td>
<td role="cell"><p><bdi>{{ platform.message }}</bdi></p>
{%- if platform.failed_tests %}
<p>Failed validation tests:</p>
<ul>{% for test in platform.failed_tests %}<li><bdi>{{ test }}</bdi></li>{% endfor %}</ul>
{%- endif %}
{%- if platform.changes %}
<p>Fields that differ:</p>
<ul>{% for change in platform.changes %}<li><code><bdi>{{ change.field }}</bdi></code>: {% if change.secret %}a secret that will be sent
{%- else %}is <code><bdi>{{ change.shown_before }}</bdi></code> and should be <code><bdi>{{ change.shown_after }}</bdi></code>{% endif %}</li>{% endfor %}</ul>
{%- endif %}</td>
</tr>
{% endfor %}
</tbody>
</table>
{% else %}
<p id="platforms" tabindex="-1">The inventory has no platforms.</p>
{% endif %}
</section>
<section aria-labelledby="unmanaged">
<h2 id="unmanaged">In no inventory</h2>
{% if report.unmanaged is none %}
<p>Unmanaged platforms are unknown, because only a part of the group was compared or the variables of a host are wrong.</p>
{% elif report.unmanaged %}
<div class="wide" role="region" aria-label="Table of unmanaged platforms" tabindex="0">
<table>
<caption>Platforms of the tenants that no host of the inventory describes</caption>
<thead><tr><th scope="col" class="name">Name</th><th scope="col">Kind</th><th scope="col">Type</th><th scope="col">Tenant</th></tr></thead>
<tbody>
{% for platform in report.unmanaged %}
<tr><th scope="row" class="name"><bdi>{{ platform.key }}</bdi></th><td>{{ platform.kind }}</td><td><bdi>{{ platform.type }}</bdi></td>
<td><bdi>{{ platform.tenant }}</bdi></td></tr>
{% endfor %}
</tbody>
</table>
</div>
{% else %}
<p>Every platform that was read from the tenants is in the inventory.</p>
{% endif %}
{% if report.is_partial %}
<p>A tenant could not be read, so its unmanaged platforms are unknown.</p>
{% endif %}
</section>
</main>
<footer><p>SHA-256 of the plan: <code>{{ report.plan_sha256 }}</code></p></footer>
<script>{{ script }}</script>
</body>
</html>
"""


def as_html(report: Report) -> str:
    """Return the report as an HTML page. Raise MissingLibrary if Jinja2 is missing."""
    try:
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup
    except ImportError as missing:
        raise MissingLibrary("Jinja2") from missing

    def without_invisible(value: Any) -> Any:
        return value if isinstance(value, Markup) else escape_invisible(str(value))

    environment = Environment(autoescape=True, finalize=without_invisible, undefined=StrictUndefined, trim_blocks=True)
    page = environment.from_string(TEMPLATE).render(report=report, policy=POLICY, style=Markup(STYLE), script=Markup(SCRIPT))
    return page + "\n"


def _checksum(text: str) -> str:
    """Return the checksum of a script or style as a source expression of a content security policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


POLICY = f"default-src 'none'; style-src {_checksum(STYLE)}; script-src {_checksum(SCRIPT)}; base-uri 'none'; form-action 'none'"
