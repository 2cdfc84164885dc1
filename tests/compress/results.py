"""Measured results for tests, made by hand."""

from __future__ import annotations

from trimtab.compress.measure import Quality
from trimtab.compress.report import Report, Result
from trimtab.compress.timing import Point


def quality(accuracy: float = 0.99, drop: float = 0.0, **changed: float) -> Quality:
    """On 1000 items, with intervals of a point to either side."""
    return Quality(
        items=1000,
        accuracy=accuracy,
        accuracy_interval=(accuracy - 0.01, min(1.0, accuracy + 0.01)),
        drop=drop,
        drop_interval=(drop - 0.01, drop + 0.01),
        apart=changed.get("apart", 1e-6),
        agreement=changed.get("agreement", 1.0),
    )


def points(ms: float, ratio: float) -> tuple[Point, ...]:
    """At batches of 1 and 8, known within one per cent."""
    return tuple(Point(batch, ms * batch, ratio, 0.99 * ratio, 1.01 * ratio) for batch in (1, 8))


def result(name: str, accuracy: float, ms: float, *reasons: str) -> Result:
    """Beside a baseline of 4 ms and 0.99."""
    return Result(
        name=name,
        recipe={"quantise": {"mode": "static"}},
        reasons=reasons,
        quality=quality(accuracy, 0.99 - accuracy),
        size_bytes=250_000,
        points=points(ms, ms / 4),
    )


def report() -> Report:
    """A baseline, two that are published, and two that are refused."""
    return Report(
        model="digits",
        metric="share of items whose largest output is the right class",
        machine="A processor, 2 CPUs",
        results=(
            result("fp32", 0.99, 4.0),
            result("int8", 0.988, 1.5),
            result("pruned30-int8", 0.981, 0.7),
            result("int8-dynamic", 0.99, 4.1, "no gain"),
            Result("bf16", {"precision": "bf16"}, ("ONNX Runtime cannot run it",)),
        ),
        files={"report": "out/report.json"},
    )
