"""What `make variants` writes: a row a variant, as JSON and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.variants.ladder import Climb


def rows(task: str, report: Mapping[str, Any], climbs: Mapping[str, Climb]) -> list[dict[str, Any]]:
    """`speedup_triton`: requests a second on one core at a p99 that the baseline has too, as a
    multiple of the baseline's; None where the variant is refused and not served.
    """
    baseline = report["variants"][0]
    base = climbs[baseline["name"]]
    limit_ms = base.limit_ms()
    return [
        {
            "task": task,
            "name": variant["name"],
            "published": variant["published"],
            "reason": "; ".join(variant["reasons"]),
            "accuracy": variant.get("accuracy"),
            "reference_accuracy": baseline["accuracy"],
            "accuracy_ci": variant.get("ci95"),
            **_served(climbs.get(variant["name"]), base, limit_ms),
            "size_bytes": variant.get("size_bytes"),
        }
        for variant in report["variants"]
    ]


def _served(climb: Climb | None, base: Climb, limit_ms: float) -> dict[str, Any]:
    if climb is None:
        return {"speedup_triton": None}
    best, least = climb.best(limit_ms), base.best(limit_ms)
    return {
        "speedup_triton": round(best.per_s / least.per_s, 2),
        "requests_per_s": best.per_s,
        "p99_ms": best.p99_ms,
        "p99_limit_ms": limit_ms,
        "server_cpu_ms": best.cpu_ms,
        "right_in_triton": None if climb.right is None else round(climb.right, 4),
    }


def table(found: Sequence[Mapping[str, Any]]) -> str:
    """The rows as Markdown, and the reasons of those that are refused below."""
    head = "task, variant|accuracy, %|95 %|KiB|requests/s|p99, ms|CPU ms a request|speed"
    lines = [f"| {head.replace('|', ' | ')} |", "|" + "---|" * len(head.split("|"))]
    lines += [f"| {' | '.join(_cells(row))} |" for row in found]
    lines.append("")
    lines += [
        f"- `{row['task']}` {row['name']} is refused: {row['reason']}"
        for row in found
        if not row["published"]
    ]
    return "\n".join(lines)


def _cells(row: Mapping[str, Any]) -> list[str]:
    accuracy, ends, size = row["accuracy"], row["accuracy_ci"], row["size_bytes"]
    cells = [
        f"`{row['task']}` {row['name']}",
        "-" if accuracy is None else f"{100 * accuracy:.2f}",
        "-" if ends is None else "[{:.1f}, {:.1f}]".format(*(100 * end for end in ends)),
        "-" if size is None else f"{size / 1024:,.0f}",
    ]
    if row["speedup_triton"] is None:
        return [*cells, "refused", "", "", ""]
    return [
        *cells,
        f"{row['requests_per_s']:.0f}",
        f"{row['p99_ms']:.1f}",
        f"{row['server_cpu_ms']:.2f}",
        f"x{row['speedup_triton']:.2f}",
    ]
