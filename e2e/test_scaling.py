"""A story under load: a step up, the operator killed in it, Prometheus lost, and back down."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal

import pytest

from e2e.kit.access import wait_for
from e2e.kit.drift import STATUS_MANAGER, drift, written_by_trimtab
from e2e.kit.recorder import Moment, Recorder
from e2e.kit.saturation import easy_load, step_beyond
from e2e.kit.served import Stage
from e2e.load.process import LoadProcess
from e2e.load.stats import summarise

BUDGET = Decimal("0.60")
LOW_S, HIGH_S, AFTER_S = 40, 500, 240
SETTLED_S, PROMETHEUS_DOWN_S = 60, 180


class Story:
    """The load and the record that all chapters share."""

    def __init__(self, stage: Stage, load: LoadProcess, record: Recorder) -> None:
        self.stage = stage
        self.load = load
        self.record = record
        wait_for("the load to begin", lambda: load.started_at_s is not None, seconds=20)
        self.started_s = load.started_at_s or 0.0
        # From when p99 was within its target again until nothing was read, in seconds of the load.
        self.settled_s = self.blind_s = 0.0

    def wait_until(self, second: float) -> None:
        """Sleeps until that second of the load."""
        time.sleep(max(0.0, self.started_s + second - time.time()))


@pytest.fixture(scope="module")
def story(stage: Stage, most: float) -> Iterator[Story]:
    """The digits model under an easy load, then more than one replica answers, and back."""
    stage.put(stage.digits())
    stage.await_condition("Ready", "True", seconds=240)
    low = easy_load(most)
    schedule = f"{LOW_S}s@{low},{HIGH_S}s@{step_beyond(most)},{AFTER_S}s@{low}"
    with stage.record() as record, stage.load(stage.way_in(), schedule, seed=3) as load:
        yield Story(stage, load, record)


def test_1_a_step_is_answered_although_the_operator_is_killed_in_it(story: Story) -> None:
    story.wait_until(LOW_S)
    step_s = time.time()
    wait_for("the first patch", lambda: story.stage.replicas() > 1, seconds=30)
    print(f"first patch after {time.time() - step_s:.1f} s")
    story.stage.kill_operator()
    wait_for("enough replicas", lambda: newest(story).ready >= 2, seconds=120)
    story.stage.await_operator()
    # It came back without memory, in the middle of a change, and took nothing away.
    counts = [m.replicas for m in story.record.since(step_s)]
    assert counts == sorted(counts)


def test_2_without_prometheus_nothing_shrinks(story: Story) -> None:
    stage = story.stage
    stage.await_condition("MetricsAvailable", "True", seconds=60)
    # Left alone before that, a fleet that a wrong profile made too small is late all the while.
    stage.await_condition("SLOMet", "True", seconds=200)
    story.settled_s = time.time() - story.started_s
    time.sleep(SETTLED_S)
    stage.stop_prometheus()
    stopped_s = time.time()
    story.blind_s = stopped_s - story.started_s
    stage.await_condition("MetricsAvailable", "False", seconds=60)
    status, reason = stage.condition("MetricsAvailable")
    assert status == "False"
    assert reason in {"PrometheusUnreachable", "PrometheusTimeout"}
    time.sleep(max(0.0, stopped_s + PROMETHEUS_DOWN_S - time.time()))
    counts = [m.replicas for m in story.record.since(stopped_s)]
    assert counts == sorted(counts)
    stage.start_prometheus()
    took_s = stage.await_condition("MetricsAvailable", "True", seconds=45)
    print(f"metrics are back {took_s:.1f} s after Prometheus is")


def test_3_it_shrinks_again_when_the_load_has_gone(story: Story) -> None:
    peak = max(m.replicas for m in story.record.moments)
    assert peak >= 2
    story.wait_until(LOW_S + HIGH_S)
    # The rate's window, the stabilisation and the summary's window follow one another.
    wait_for("a smaller fleet", lambda: newest(story).replicas < peak, seconds=AFTER_S)
    report = story.load.report(AFTER_S + 60)
    # While nothing is read the fleet stays as it is, whatever becomes of the machine.
    settled = summarise(report.results, story.settled_s, story.blind_s)
    assert settled.p99_s is not None
    print(f"p99 on the scaled fleet: {1000 * settled.p99_s:.0f} ms")
    # The clients' own: Triton's summaries, by which 150 ms are kept, leave out its front end, which
    # on a quarter of a slow core is a part of it.
    assert settled.p99_s <= 1.5 * 0.150
    everything = summarise(report.results)
    print(f"connections refused and tried again: {everything.connect_retries}")
    assert everything.connect_retries <= everything.requests / 5000
    assert everything.failed == 0, everything.errors


def test_4_the_budget_held_at_every_moment(story: Story) -> None:
    assert max(m.cost_per_hour for m in story.record.moments) <= BUDGET


def test_5_git_has_nothing_to_undo(story: Story) -> None:
    """After an up and a down, a killed operator and a lost Prometheus: what a GitOps tool would
    apply is what is there, so that no ignoreDifferences are needed."""
    stage = story.stage
    assert drift(stage.access, stage.digits()) == ""
    written = written_by_trimtab(stage.access, "-n", stage.namespace, "modeldeployment", "digits")
    assert written == {f"{STATUS_MANAGER}/status": ["f:status"]}


def newest(story: Story) -> Moment:
    """The newest moment of the record."""
    moment = story.record.last
    assert moment is not None
    return moment
