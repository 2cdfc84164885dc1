"""Custom resources as somebody may apply them: refused in sentences, or decided on."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.api.manifest_cases import MANIFESTS, PARSERS, documents
from tests.fuzz.target import Target
from tests.hostile import json_values, nearly, places
from tests.strategies import START_S
from trimtab.api.resources import (
    AcceleratorClass,
    InferenceBudget,
    InvalidResource,
    ModelDeployment,
    ObjectKey,
)
from trimtab.core.decide import decide
from trimtab.core.memory import Memory
from trimtab.core.signals import Known
from trimtab.core.snapshot import ModelReadings, ModelState, Pod, Snapshot, Workload, WorkloadKey

_LARGE = 400  # entries: to copy a thousand variants for each case tells nothing new


def _documents() -> list[Any]:
    folders = (MANIFESTS / "good", MANIFESTS / "bad")
    found = [d for folder in folders for p in sorted(folder.glob("*.yaml")) for d in documents(p)]
    return [d for d in found if d["kind"] in PARSERS and sum(1 for _ in places(d)) < _LARGE]


CASES = st.tuples(
    st.sampled_from(sorted(PARSERS)), json_values | nearly(st.sampled_from(_documents()), most=4)
)


def check(case: tuple[str, Any]) -> None:
    """Either sentences, each of which can be written down, or a resource that can be decided on."""
    kind, obj = case
    named = obj.get("kind") if isinstance(obj, dict) else None
    if isinstance(named, str) and named in PARSERS:
        kind = named
    parsed, told = parsed_or_told(kind, obj)
    assert parsed is not None or told
    assert all(text.strip() and text.encode() for text in told)
    if isinstance(parsed, ModelDeployment):
        decides(parsed)


def parsed_or_told(kind: str, obj: Any) -> tuple[object | None, tuple[str, ...]]:
    """The resource, or why there is none."""
    try:
        return PARSERS[kind](obj), ()
    except InvalidResource as refusal:
        return None, refusal.problems


def decides(spec: ModelDeployment) -> None:
    """With a busy replica, a decision on the model does not fail."""
    names = sorted({c for v in spec.variants for c in v.accelerator_classes})
    key = WorkloadKey(spec.variants[0].name, spec.variants[0].accelerator_classes[0])
    running = Workload(key, 1, (Pod("a", START_S - 900.0, START_S - 800.0),))
    readings = ModelReadings(
        arrival_rate=Known(40.0, START_S),
        arrival_rate_fast=Known(90.0, START_S),
        pending=Known(3.0, START_S),
        latency_s=Known(0.04, START_S),
    )
    shared = ObjectKey(spec.key.namespace, spec.budget_ref or "")
    snapshot = Snapshot(
        (ModelState(spec, (running,), readings),),
        {name: AcceleratorClass(name, (("cpu", "1"),), Decimal("0.10")) for name in names},
        {shared: InferenceBudget(shared, Decimal(4))},
    )
    plan, memory = decide(snapshot, Memory(), START_S)
    idle = replace(snapshot, models=(ModelState(spec, (running,)),))
    later, _ = decide(idle, memory, START_S + 600.0)
    assert plan.models[spec.key].failure is None, plan.models[spec.key].failure
    assert later.models[spec.key].failure is None, later.models[spec.key].failure


TARGETS = (Target("resources", CASES, check, share=26),)
