"""trimtab behind a gateway, request by request."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.core.builders import accelerator, deployment, variant
from tests.core.story import NO_ROOM_FOR_BURSTS
from trimtab.api.resources import ModelDeployment, Objective, Routing, RoutingType
from trimtab.simulate.fleet import Fleet
from trimtab.simulate.policies.trimtab import Trimtab
from trimtab.simulate.report import Report, as_json
from trimtab.simulate.report_html import as_html
from trimtab.simulate.run import run
from trimtab.simulate.settings import RunSettings
from trimtab.simulate.trace import Trace

ACCURATE, FAST = variant("fp32", "0.99", 20.0), variant("int8", "0.98", 5.0)  # 28 and 176 req/s


def model(routing: Routing) -> ModelDeployment:
    spec = deployment(variants=(ACCURATE, FAST), per_hour="1.05", most=40)
    return replace(spec, routing=routing, objective=Objective.MAXIMIZE_ACCURACY)


def play(routing: Routing, rates: list[int]) -> Report:
    fleet = Fleet((model(routing),), {"cpu": accelerator()})
    trace = Trace(np.linspace(0.0, 60.0 * len(rates), len(rates) + 1), np.array(rates) * 60)
    settings = RunSettings(policy="trimtab", start_up_s=15.0, seed=1)
    return run(fleet, {fleet.models[0].key: trace}, Trimtab(NO_ROOM_FOR_BURSTS), settings)


def test_the_accurate_variant_serves_what_the_money_carries() -> None:
    rates = [400] * 5
    (mixed,) = play(Routing(RoutingType.GATEWAY), rates).models
    (alone,) = play(Routing(), rates).models
    assert mixed.accuracy_mean is not None
    assert alone.accuracy_mean == 0.98
    assert 0.983 < mixed.accuracy_mean < 0.99
    assert mixed.dropped == 0
    assert mixed.slo_attainment > 0.99


def test_no_switch_loses_a_request_or_breaks_the_budget() -> None:
    report = play(Routing(RoutingType.GATEWAY), [150, 150, 600, 600, 150, 150, 150, 400])
    (mixed,) = report.models
    assert report.budget_violation_seconds == 0.0
    assert mixed.dropped == 0
    assert mixed.variant_switches >= 1
    assert as_json(report)["models"]["digits"]["accuracy_mean"] > 0.98
    assert "fp32" in as_html(report)
