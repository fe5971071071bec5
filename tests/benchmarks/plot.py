# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plot of the documentation: seconds over the number of platforms, a panel for each latency."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
mpl.rcParams["svg.hashsalt"] = "community.immuta"  # the same figures make the same file

import matplotlib.pyplot as plt  # noqa: E402  # the settings above have to come first

#: what is ours is drawn in colour
OURS = {"immuta_tenant": "#0b6e4f", "playbook register": "#2f6fb7", "playbook drift": "#8a4fbf", "the role on each host": "#c2571a"}


def draw(seconds: Mapping[tuple[str, int, int], float], path: Path) -> None:
    """Write C(path).svg and C(path).png. seconds: by way, number of platforms, and latency in milliseconds."""
    ways, counts, latencies = (list(dict.fromkeys(key[position] for key in seconds)) for position in range(3))
    figure, panels = plt.subplots(1, len(latencies), figsize=(5.5 * len(latencies), 4.6), sharey=True, squeeze=False, layout="constrained")
    for panel, latency in zip(panels[0], latencies, strict=True):
        for number, way in enumerate(ways):
            values = [seconds[way, count, latency] for count in counts]
            colour, marker = OURS.get(way, "#8c8c8c"), "osD^vXP*"[number]
            panel.plot(counts, values, marker=marker, color=colour, label=way, linestyle="-" if way in OURS else "--")
        panel.set(
            xscale="log", yscale="log", xlabel="platforms", title=f"The tenant takes {latency} ms for each answer" if latency else "The tenant answers at once"
        )
        panel.grid(visible=True, which="major", color="#e3e3e3")
    panels[0][0].set_ylabel("seconds of a run that finds nothing to do")
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})
    figure.savefig(path.with_suffix(".png"), dpi=110)
    plt.close(figure)
