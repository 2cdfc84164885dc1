"""How many requests may wait: as many as a replica still answers in time, where a user lets any be
refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.builders import INT8, accelerator, deployment, steady, steps, variant
from tests.core.story import Model, Story
from trimtab.api.resources import UriSource, Variant
from trimtab.core.explain import explain
from trimtab.core.explain_text import text
from trimtab.core.latency import ReplicaModel, ServiceCurve
from trimtab.core.queue_bound import queue_bound
from trimtab.core.signals import Known, Missing
from trimtab.core.snapshot import ModelReadings

BATCHING = variant("int8", "0.98", 10.0, batch_ms={8: 24.0})
UNREACHABLE = Missing("PrometheusUnreachable", "Connection refused.")


def story_of(most: int = 200, of: Variant = BATCHING, most_replicas: int = 10) -> Story:
    """A model that may refuse, at a load that one replica carries."""
    spec = deployment(variants=(of,), max_batch=8, max_queue=most, most=most_replicas)
    return Story(Model(spec, steady(60)))


def bounds(story: Story, since_s: float = 0.0) -> set[int | None]:
    """The bounds that were rendered from that second on."""
    return {m.plan.targets[0].queue_size for m in story.history if m.t_s >= since_s}


@pytest.mark.parametrize(
    ("target_s", "cap", "instances", "items", "waiting"),
    [
        (0.100, 1, 1, 1.0, 9),  # nine of 10 ms after the one that has just begun
        (0.100, 8, 1, 1.0, 24),  # three batches of 24 ms after one; a fourth would end at 120 ms
        (0.100, 8, 2, 1.0, 48),
        (0.100, 8, 1, 4.0, 6),  # four items each: two requests are a batch
        (0.030, 8, 1, 1.0, 8),  # with less no full batch would ever form
        (0.005, 1, 1, 1.0, 1),  # a target that nobody meets
    ],
)
def test_as_many_wait_as_are_answered_in_time(
    target_s: float, cap: int, instances: int, items: float, waiting: int
) -> None:
    model = ReplicaModel(ServiceCurve(((1, 0.010), (8, 0.024))), instances, cap)
    assert queue_bound(model, target_s, items) == waiting
    throughput = model.saturation_rate * (target_s - model.curve.seconds(cap)) / items
    assert waiting <= max(throughput + 1e-9, cap / items, 1)


def test_who_accepts_refusals_gets_the_bound_that_the_target_allows() -> None:
    story = story_of()
    story.until(300)
    (target,) = story.plan().targets
    full_s = 0.010 + (target.batch_cap - 1) * 0.002
    ideal = target.batch_cap * (0.1 - full_s) / full_s
    assert target.queue_size is not None
    assert ideal / 1.5 <= target.queue_size <= ideal
    words = text(explain(story.plan(), story.model.spec, story.classes), 200)
    assert f"QueueBound: at a replica of int8 on cpu {target.queue_size} requests may wait" in words
    assert story.plan().decision.binding is None
    assert "nothing: load and promise alone decide" in words


def test_the_users_bound_is_the_most() -> None:
    story = story_of(most=5)
    story.until(300)
    assert bounds(story) == {5}
    assert "QueueBound" not in text(explain(story.plan(), story.model.spec, story.classes))


def test_nobody_is_refused_where_no_bound_was_asked_for() -> None:
    story = story_of(most=0)
    story.until(300)
    assert bounds(story) == {None}


def test_a_config_that_is_the_users_own_keeps_its_bound() -> None:
    story = story_of(of=replace(BATCHING, source=UriSource("s3://models/digits")))
    story.until(300)
    assert bounds(story) == {None}


def test_without_any_figure_the_users_bound_stays_until_serving_teaches() -> None:
    story = story_of(of=replace(BATCHING, profiles=()))
    story.model.profiles[INT8] = ServiceCurve(((1, 0.010), (8, 0.024)))
    story.until(5)
    assert bounds(story) == {None}
    story.until(300)
    assert bounds(story, 290) == {story.model.children[INT8].queue_size} != {None}


def test_a_speed_that_wanders_restarts_no_pod() -> None:
    # Times 15 % shorter and longer, again and again: as many bounds would be as many rollouts.
    story = story_of()
    story.until(300)
    settled = bounds(story, 300)
    for minute in range(6):
        story.model.truth = 0.85 if minute % 2 else 1.15
        story.until(360 + 60 * minute)
    assert bounds(story, 300) == settled


def test_a_speed_that_is_far_off_is_followed() -> None:
    # Three times as slow, the old bound would let wait what is answered after 300 ms.
    story = story_of()
    story.until(300)
    (before,) = bounds(story, 300)
    story.model.truth = 3.0
    story.until(600)
    (after,) = bounds(story, 600)
    assert before is not None
    assert after is not None
    assert after <= before / 2


def test_a_bound_that_is_lowered_is_obeyed_at_once_even_when_blind() -> None:
    story = story_of()
    story.until(300).model.blind = UNREACHABLE
    story.respec(triton=replace(story.model.spec.triton, max_queue_size=3))
    story.until(305)
    assert bounds(story, 305) == {3}


def test_an_operator_that_restarts_keeps_the_bound_that_serving_taught() -> None:
    # The profile is three times too fast. While the operator doubts the first readings again, it
    # would restart every pod for the bound of the profile, and once more for what serving taught.
    spec = deployment(max_queue=200)
    story = Story(Model(spec, steady(40), truth=3.0))
    story.until(600)
    taught = bounds(story, 600)
    story.forget()
    story.until(900)
    assert bounds(story, 600) == taught != {None}


def test_an_operator_that_restarts_blind_keeps_a_bound_without_a_profile() -> None:
    story = story_of(of=replace(BATCHING, profiles=()))
    story.model.profiles[INT8] = ServiceCurve(((1, 0.010), (8, 0.024)))
    story.until(300)
    taught = bounds(story, 300)
    story.forget()
    story.model.blind = UNREACHABLE
    story.until(360)
    assert bounds(story, 300) == taught != {None}


def test_what_was_learnt_is_not_rendered_where_the_rollout_could_not_surge() -> None:
    # One replica is all the money allows: a rollout would be an outage.
    spec = deployment(variants=(BATCHING,), max_batch=8, max_queue=200, per_hour="0.10", most=1)
    story = Story(Model(spec, steady(60)))
    story.until(300)
    before = bounds(story, 300)
    story.model.truth = 3.0
    story.until(600)
    assert bounds(story, 300) == before


def test_the_old_of_a_switch_keep_the_bound_they_were_started_with() -> None:
    # Their pods would all restart just when they carry the load until the new ones are Ready.
    slow = variant("fp32", "0.99", 25.0)
    spec = deployment(variants=(slow,), max_queue=200)
    story = Story(Model(spec, steps((0, 60))), start_up_s=40.0, classes=(accelerator(),))
    story.until(300)
    (old,) = bounds(story, 300)
    story.respec(variants=(variant("int8", "0.98", 10.0),))
    story.until(330)
    shown = {t.key.variant: t.queue_size for t in story.plan().targets}
    assert shown["fp32"] == old is not None
    assert shown["int8"] is not None
    assert shown["int8"] > old


def test_requests_of_several_items_fill_the_queue_sooner() -> None:
    def fours(readings: ModelReadings) -> ModelReadings:
        return replace(readings, items_per_request=Known(4.0, 0.0))

    one, four = story_of(), story_of(most_replicas=1)
    one.until(300)
    four.model.reshape = fours
    four.until(300)
    (whole,), (quarter,) = bounds(one, 300), bounds(four, 300)
    assert whole is not None
    assert quarter is not None
    assert quarter < whole / 2
