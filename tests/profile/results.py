"""A report as a run would leave it."""

from __future__ import annotations

from tests.profile.fake import MODEL, straight
from trimtab.profile.capacity import Capacity
from trimtab.profile.interval import Quantile
from trimtab.profile.loads import Load
from trimtab.profile.points import Point
from trimtab.profile.report import Report


def around(seconds: float) -> Quantile:
    return Quantile(seconds, 0.9 * seconds, 1.1 * seconds)


def points() -> tuple[Point, ...]:
    return tuple(Point(b, around(straight(b)), 100 * b, b > 1) for b in (1, 4, 16))


def report() -> Report:
    load = Load(0.6, 500.0, 1000, 2, around(0.004), around(0.02), 0.0001)
    return Report("triton 2.51.0", MODEL, "cpu", points(), Capacity(900.0, 1300.0, True), (load,))
