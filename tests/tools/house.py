# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw docs/images/house.svg, the packages of the plugins and who imports whom: .venv/bin/python tests/tools/house.py

The boxes are the folders, the arrows are the imports in their files. An import that another path of arrows already shows has no arrow of its own.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
PICTURE = ROOT / "docs" / "images" / "house.svg"
UTILS = "ansible_collections.community.immuta.plugins.module_utils."
USERS = "modules, action, lookup, inventory"
# A box and what it is for, in two lines.
LABELS = {
    USERS: ("what a playbook calls:", "documentation and one call"),
    "_ansible": ("a task becomes one result", "or one failure"),
    "_fleet": ("many platforms: plan, apply,", "prune, export, report"),
    "_platform": ("the workflow of one platform:", "steps, scripts, recovery"),
    "_reconcile": ("read, plan, validate,", "apply, wait"),
    "_sql": ("split, check and run scripts;", "ledger, drivers"),
    "_api": ("Immuta's endpoints,", "one method for each"),
    "_plan": ("desired and observed state", "become a plan"),
    "_http": ("a session: sign-in, TLS,", "deadline, retry"),
    "_model": ("platforms, technologies", "and fields as tables"),
    "_core": ("errors, secrets, waiting,", "the lock, names"),
}
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 264, 84, 28, 52, 20


def imports() -> dict[str, set[str]]:
    """Return the packages that each package imports."""
    found: dict[str, set[str]] = {}
    for path in sorted(PLUGINS.rglob("*.py")):
        inside = path.relative_to(PLUGINS).parts
        if inside[0] == "module_utils" and len(inside) > 2:
            package = inside[1]
        elif inside[0] in USERS.split(", "):
            package = USERS
        else:
            continue
        found.setdefault(package, set()).update({name for name in imported(path) if name != package})
    return found


def imported(path: Path) -> Iterator[str]:
    """Yield the packages of module_utils that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 2 and node.module:
            yield node.module.split(".", maxsplit=1)[0]
        elif isinstance(node, ast.ImportFrom) and node.level == 2:
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(UTILS):
            yield (node.module or "").removeprefix(UTILS).split(".", maxsplit=1)[0]


def below(name: str, graph: dict[str, set[str]]) -> set[str]:
    """Return all packages that a package imports, directly or through others."""
    return {other for direct in graph.get(name, ()) for other in (direct, *below(direct, graph))}


def arrows(graph: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Return the imports that no other path shows."""
    return sorted((name, to) for name, direct in graph.items() for to in direct if not any(to in below(other, graph) for other in direct - {to}))


def floors(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the packages from the top to the ground; each one is directly above the highest that it imports."""
    level: dict[str, int] = {}

    def height(name: str) -> int:
        if name not in level:
            level[name] = 1 + max((height(other) for other in graph.get(name, ())), default=-1)
        return level[name]

    tallest = max(map(height, graph))
    return [[name for name in LABELS if level.get(name) == number] for number in range(tallest, -1, -1)]


def draw() -> str:
    """Return the picture."""
    graph = imports()
    rows = floors(graph)
    widest = max(map(len, rows))
    total = widest * WIDTH + (widest - 1) * GAP_X + 2 * MARGIN
    places: dict[str, tuple[float, float]] = {}
    for number, row in enumerate(rows):
        left = (total - len(row) * WIDTH - (len(row) - 1) * GAP_X) / 2
        places |= {name: (left + column * (WIDTH + GAP_X), MARGIN + number * (HEIGHT + GAP_Y)) for column, name in enumerate(row)}
    tall = len(rows) * HEIGHT + (len(rows) - 1) * GAP_Y + 2 * MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {tall}" width="{total}" height="{tall}" role="img" aria-labelledby="title">',
        "<!-- Drawn by tests/tools/house.py -->",
        '<title id="title">The packages of the plugins. Each imports only from packages below it.</title>',
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">',
        '<path d="M0 0 L8 4 L0 8 z" fill="#5a6470"/></marker></defs>',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        '<g fill="none" stroke="#5a6470" stroke-width="1.5">',
    ]
    lines += [line(places[name], places[to], escape(f"{name} imports {to}")) for name, to in arrows(graph)]
    lines += ["</g>", '<g font-family="sans-serif" font-size="13" text-anchor="middle" fill="#1c2733">']
    lines += [box(name, *places[name]) for name in places]
    return "\n".join([*lines, "</g>", "</svg>", ""])


def line(start: tuple[float, float], end: tuple[float, float], title: str) -> str:
    x1, y1, x2, y2 = start[0] + WIDTH / 2, start[1] + HEIGHT, end[0] + WIDTH / 2, end[1] - 2
    near, bend = y2 + 2 - GAP_Y, GAP_Y / 2  # down between the boxes to the floor above the other one, and from there to it
    return (
        f'<path d="M{x1:g} {y1:g} V{near:g} C{x1:g} {near + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}" marker-end="url(#arrow)"><title>{title}</title></path>'
    )


def box(name: str, x: float, y: float) -> str:
    middle, (first, second) = x + WIDTH / 2, LABELS[name]
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="#e8f2fb" stroke="#2a6496"/>'
        f'<text x="{middle:g}" y="{y + 26:g}" font-weight="bold">{name}</text>'
        f'<text x="{middle:g}" y="{y + 49:g}">{first}</text><text x="{middle:g}" y="{y + 67:g}">{second}</text>'
    )


def main() -> int:
    PICTURE.write_text(draw(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
