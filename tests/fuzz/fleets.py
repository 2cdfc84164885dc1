"""Whole fleets over time: the decision keeps every rule at every step, and its status is valid."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.core.rules import RULES, Scene
from tests.fuzz.schema import hold, status_schema
from tests.fuzz.target import Target
from trimtab.control.status import Status, build_status
from trimtab.core.explain import explain


def check(data: st.DataObject) -> None:
    """Up to six decisions, each on what the one before has made of the fleet."""
    scene = Scene.drawn(data, most_ticks=0)
    statuses = _hold(scene, {})
    for _ in range(data.draw(st.integers(0, 5))):
        scene = scene.later(data)
        statuses = _hold(scene, statuses)


def _hold(scene: Scene, before: dict[str, Status]) -> dict[str, Status]:
    for rule in RULES:
        rule(scene)
    written = {}
    for state, plan in scene.models():
        name = state.spec.key.name
        told = explain(plan, state.spec, scene.before.accelerator_classes)
        written[name] = build_status(state, told, before.get(name, {}), scene.now_s)
        hold(status_schema(), written[name])
    return written


TARGETS = (Target("fleets", st.data(), check, share=4, few=2, batch=100),)
