"""The counters of the error budget: which time counts, and as what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.control.scrape import scraped
from tests.control.test_control_status import NOW, plan
from trimtab.control.metrics import Metrics
from trimtab.control.slo_time import SloTime
from trimtab.core.plan import Condition, ConditionStatus, Plan
from trimtab.core.snapshot import Snapshot

TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN
KEPT = Condition("SLOMet", TRUE, "LatencyWithinTarget", "")
BROKEN = Condition("SLOMet", FALSE, "LatencyAboveTarget", "")
EMPTY = Snapshot(())


def at(seconds: float, *verdicts: Condition) -> Plan:
    """A plan so long after the first, of a model with that verdict, where there is one."""
    models = {plan().key: replace(plan(), conditions=(v,)) for v in verdicts}
    return Plan(NOW + seconds, models)


def counted(*plans: Plan) -> tuple[float, float] | None:
    """Seconds judged and broken after those plans; None where there is no series."""
    time = SloTime()
    for each in plans:
        time.note(each)
    judged, broken = (list(family.samples) for family in time.collect())
    assert [s.labels for s in judged] == [s.labels for s in broken]
    return (judged[0].value, broken[0].value) if judged else None


def test_the_time_since_the_last_plan_counts_by_the_verdict_of_this_one() -> None:
    told = counted(at(0, KEPT), at(5, KEPT), at(12, BROKEN), at(15, KEPT))
    assert told == (15.0, 7.0)


def test_a_model_begins_at_zero_or_rate_would_not_see_its_first_seconds() -> None:
    assert counted(at(0, BROKEN)) == (0.0, 0.0)
    assert counted(at(0), at(5, BROKEN)) == (0.0, 0.0)
    assert counted(at(0), at(5, BROKEN), at(10, BROKEN)) == (5.0, 5.0)


@pytest.mark.parametrize(
    "verdict",
    [
        Condition("SLOMet", UNKNOWN, "LatencyUnknown", ""),
        Condition("SLOMet", TRUE, "NoTraffic", ""),
        Condition("SLOMet", FALSE, "CapacityShort", ""),
        Condition("Ready", FALSE, "Starting", ""),
    ],
)
def test_what_nobody_measured_is_neither_kept_nor_broken(verdict: Condition) -> None:
    assert counted(at(0, KEPT), at(5, verdict), at(10, BROKEN)) == (5.0, 5.0)


def test_a_verdict_speaks_for_a_minute_at_most() -> None:
    """The operator was away for an hour: nobody knows how that hour was."""
    assert counted(at(0, KEPT), at(3600, BROKEN)) == (60.0, 60.0)
    assert counted(at(0, KEPT), at(-30, BROKEN)) == (0.0, 0.0), "a clock that was set back"


def test_a_model_that_is_gone_leaves_no_series() -> None:
    assert counted(at(0, KEPT), at(5, KEPT), at(10)) is None


def test_who_leads_no_more_counts_no_more_and_begins_anew() -> None:
    time = SloTime()
    time.note(at(0, BROKEN))
    time.note(at(5, BROKEN))
    time.forget()
    assert not [s for family in time.collect() for s in family.samples]
    time.note(at(50, BROKEN))
    assert {s.value for family in time.collect() for s in family.samples} == {0.0}


def test_they_are_shown_as_counters_under_their_names() -> None:
    time, metrics = (at(0, BROKEN), at(5, BROKEN)), Metrics()
    for each in time:
        metrics.show(each, EMPTY)
    text = scraped(metrics)
    assert "# TYPE trimtab_slo_judged_seconds_total counter" in text
    labels = 'modeldeployment="digits",namespace="shop"'
    assert f"trimtab_slo_broken_seconds_total{{{labels}}} 5.0" in text
    metrics.forget_models()
    assert "digits" not in scraped(metrics)
