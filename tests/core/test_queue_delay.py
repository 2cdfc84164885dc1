"""Waiting for a fuller batch: none where one instance serves, and the user's own where several do.

A delay that came or went would restart every pod, so it depends on nothing that is learnt.
"""

from __future__ import annotations

from dataclasses import replace

from tests.core.builders import deployment, steady, variant
from tests.core.story import Model, Story
from trimtab.api.resources import UriSource
from trimtab.core.queue_delay import queue_delay_s


def test_the_delay_stays_while_a_variant_is_learnt_and_while_it_gives_way() -> None:
    unknown = replace(variant("int8", "0.98", 10.0), profiles=())
    story = Story(Model(deployment(variants=(unknown,)), steady(250)))
    story.until(60)
    cheaper = variant("tiny", "0.97", 2.0)
    story.respec(variants=(variant("int8", "0.98", 10.0), cheaper))
    story.until(600)
    assert {t.key.variant for m in story.history for t in m.plan.targets} == {"int8", "tiny"}
    assert {t.queue_delay_s for m in story.history for t in m.plan.targets} == {0.0}


def test_of_several_instances_or_a_config_of_its_own_the_delay_is_the_users() -> None:
    spec = deployment()
    assert queue_delay_s(spec, "int8") == 0.0
    two = replace(spec, triton=replace(spec.triton, instance_count=2))
    assert queue_delay_s(two, "int8") is None
    (int8,) = spec.variants
    fetched = replace(int8, source=UriSource("s3://bucket/models"))
    assert queue_delay_s(replace(spec, variants=(fetched,)), "int8") is None
