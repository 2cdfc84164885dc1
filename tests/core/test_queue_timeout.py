"""Late requests go last: how long one may wait, and how a fleet is sized when nobody waits for
what is late."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tests.core.builders import INT8, deployment, steady, steps, variant
from tests.core.story import NO_ROOM_FOR_BURSTS, Model, Story
from trimtab.api.resources import ModelDeployment, UriSource
from trimtab.core.queue_timeout import late_go_last, queue_timeout_s
from trimtab.core.signals import Known


def last(spec: ModelDeployment) -> ModelDeployment:
    """The same model, where who is late goes last."""
    return replace(spec, triton=replace(spec.triton, late_last=True))


def test_half_the_target_may_be_waited_whatever_is_learnt() -> None:
    assert queue_timeout_s(last(deployment(target_ms=80.0)), "int8") == pytest.approx(0.040)
    story = Story(Model(last(deployment()), steady(250), truth=1.4))
    story.until(600)
    assert {t.queue_timeout_s for m in story.history for t in m.plan.targets} == {0.050}


def test_it_stays_while_a_variant_gives_way_or_every_pod_would_restart() -> None:
    story = Story(Model(last(deployment()), steady(250)))
    story.until(120)
    story.respec(variants=(variant("int8", "0.98", 10.0), variant("tiny", "0.97", 2.0)))
    story.until(600)
    assert {t.key.variant for m in story.history for t in m.plan.targets} == {"int8", "tiny"}
    assert {t.queue_timeout_s for m in story.history for t in m.plan.targets} == {0.050}


def test_in_turn_within_a_bound_or_with_a_config_of_its_own_everyone_keeps_his_place() -> None:
    spec = last(deployment())
    (int8,) = spec.variants
    fetched = replace(spec, variants=(replace(int8, source=UriSource("s3://bucket/models")),))
    for kept in (deployment(), last(deployment(max_queue=100)), fetched):
        assert queue_timeout_s(kept, "int8") is None
    assert not late_go_last(last(deployment(max_queue=100)))


def noisy(spec: ModelDeployment) -> Story:
    """200 requests/s that vary by a twelfth from one reading to the next, as services do."""
    draw = random.Random(5)
    drawn: dict[float, float] = {}

    def load(t_s: float) -> float:
        return drawn.setdefault(t_s, 200.0 * draw.gauss(1.0, 1.0 / 12.0))

    story = Story(Model(spec, load), policy=NO_ROOM_FOR_BURSTS)
    return story.until(1800)


def mean_size(story: Story) -> float:
    sizes = [sum(t.replicas for t in m.plan.targets) for m in story.history if m.t_s > 300]
    return sum(sizes) / len(sizes)


def test_the_noise_of_a_service_is_not_followed_where_it_makes_few_late() -> None:
    """In turn, ten seconds at a twelfth too much make all of them late; so each is planned for."""
    assert mean_size(noisy(last(deployment()))) < mean_size(noisy(deployment())) - 0.1


def test_a_jump_is_followed_at_once_also_a_minute_after_another() -> None:
    """What the last minutes brought is no noise that the service makes."""
    load = steps((0, 100), (600, 250), (690, 100), (780, 250))
    story = Story(Model(last(deployment(most=20)), load), policy=NO_ROOM_FOR_BURSTS)
    story.until(790)
    assert sum(t.replicas for t in story.plan().targets) >= 3


def test_what_is_late_is_worked_off_in_half_a_minute_and_not_in_ten_seconds() -> None:
    def wanted(spec: ModelDeployment) -> int:
        story = Story(Model(spec, steady(100)).running(INT8, 2), policy=NO_ROOM_FOR_BURSTS)
        story.until(60)
        story.model.reshape = lambda r: replace(r, pending=Known(1200.0, 65.0))
        story.until(65)
        return sum(t.replicas for t in story.plan().targets)

    # 1,200 in flight: 120 more a second in turn, where everyone who comes waits for them; else 40.
    assert (wanted(deployment()), wanted(last(deployment()))) == (3, 2)
