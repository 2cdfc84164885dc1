"""What holds for every fleet, every reading and every past."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.rules import RULES, Scene


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.data())
def test_every_rule_holds_for_every_fleet(data: st.DataObject) -> None:
    # One run for all of them: to draw a fleet takes longer than to decide and to check it.
    scene = Scene.drawn(data)
    for rule in RULES:
        rule(scene)
