"""The p99 of each minute around a step of the true service times, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

_COLOURS = {1.0: "#888888", 0.8: "#2f7d4f", 1.2: "#2563a8"}
_RED = "#b8322a"


def draw(path: Path, results: Sequence[dict[str, Any]], step_minute: float) -> None:
    """Writes p99 by minute against the SLO, and the replicas under it.

    Of each result: factor, target_s, and minutes with p99_s (None with a drop: a gap) and replicas.
    """
    # Ids by chance would change the file at each run.
    mpl.rcParams["svg.hashsalt"] = "step"
    figure, (latency, replicas) = plt.subplots(
        2, 1, figsize=(9, 5.5), sharex=True, height_ratios=(2, 1), constrained_layout=True
    )
    for row in results:
        minutes = row["minutes"]
        colour, label = _COLOURS.get(row["factor"]), f"service times x{row['factor']:g}"
        p99_ms = [float("nan") if m["p99_s"] is None else 1e3 * m["p99_s"] for m in minutes]
        latency.plot(p99_ms, color=colour, label=label, linewidth=1.4)
        replicas.step(
            range(len(minutes)), [m["replicas"] for m in minutes], where="post", color=colour
        )
    target_ms = 1e3 * results[0]["target_s"]
    latency.axhline(target_ms, color=_RED, linestyle="--", label=f"SLO {target_ms:g} ms")
    # A burst lasts a minute at a second or more, and what is to be seen lies about the target.
    latency.set_yscale("log")
    latency.set_ylabel("p99 of the minute, ms")
    figure.legend(loc="outside upper center", frameon=False, ncols=4, fontsize=8)
    replicas.set_ylabel("mean replicas")
    replicas.set_ylim(bottom=0)
    replicas.set_xlabel("minute")
    for axis in (latency, replicas):
        axis.axvline(step_minute, color="black", linewidth=0.8, linestyle=":")
        axis.spines[["top", "right"]].set_visible(False)
    latency.annotate(" step", (step_minute, latency.get_ylim()[1]), va="top", fontsize=8)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)
