"""What is kept between ticks, and when it is made anew."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.control.world import World, model_deployment
from trimtab.actuate import kinds
from trimtab.actuate.children import build_children
from trimtab.api.parse import parse_model_deployment
from trimtab.api.resources import InvalidResource, ObjectKey, RawObject
from trimtab.control.compact import compact
from trimtab.control.parsed import Parsed
from trimtab.core.memo import Memo

KEY = ObjectKey("shop", "digits")


@pytest.fixture
def world() -> World:
    return World()


def declared(generation: int = 1, **spec: Any) -> dict[str, Any]:
    obj = model_deployment(**spec)
    obj["metadata"] |= {"uid": "u", "generation": generation}
    return obj


def test_a_new_status_is_no_reason_to_parse_again() -> None:
    parsed = Parsed()
    first = parsed.get(kinds.MODEL_DEPLOYMENT, KEY, declared(), parse_model_deployment)
    told = {**declared(), "status": {"observedGeneration": 1}}
    assert parsed.get(kinds.MODEL_DEPLOYMENT, KEY, told, parse_model_deployment) is first


@pytest.mark.parametrize(
    "later",
    [
        declared(generation=2, priority=7),
        # A newer CRD brings a default, and no new generation with it.
        declared(priority=7),
        {**declared(), "metadata": {**declared()["metadata"], "uid": "made anew"}},
    ],
)
def test_what_reads_differently_is_parsed_again(later: RawObject) -> None:
    parsed = Parsed()
    first = parsed.get(kinds.MODEL_DEPLOYMENT, KEY, declared(), parse_model_deployment)
    second = parsed.get(kinds.MODEL_DEPLOYMENT, KEY, later, parse_model_deployment)
    assert second == parse_model_deployment(later)
    assert second != first


def test_what_cannot_be_used_is_said_each_time_and_judged_once() -> None:
    asked: list[RawObject] = []

    def refuse(obj: RawObject) -> None:
        asked.append(obj)
        raise InvalidResource(("spec.model is missing: add it",))

    parsed = Parsed()
    for _ in range(3):
        with pytest.raises(InvalidResource, match="add it"):
            parsed.get(kinds.MODEL_DEPLOYMENT, KEY, declared(), refuse)
    assert len(asked) == 1


def test_a_result_holds_while_its_inputs_are_the_very_same() -> None:
    memo, a, b = Memo(), {"n": 1}, {"n": 2}
    made = memo.get("sum", (a, b), (), lambda: [3])
    assert memo.get("sum", (a, b), (), lambda: [0]) is made
    assert memo.get("sum", (a, {"n": 2}), (), lambda: [4]) == [4]
    assert memo.get("sum", (a,), (), lambda: [1]) == [1]
    memo.keep({"another"})
    assert memo.get("sum", (a,), (), lambda: [5]) == [5]


def test_equal_texts_of_two_answers_are_one() -> None:
    one, other = ({"".join(["na", "me"]): ["".join(["im", "age"])]} for _ in range(2))
    first, second = compact(one), compact(other)
    assert first == one
    assert first["name"][0] is second["name"][0]
    assert next(iter(first)) is next(iter(second))


async def test_children_are_built_anew_only_where_something_changed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[ObjectKey] = []

    def counted(*args: Any, **options: Any) -> Any:
        built.append(args[0].key)
        return build_children(*args, **options)

    monkeypatch.setattr("trimtab.control.apply.build_children", counted)
    world.kube.put(model_deployment())
    for _ in range(6):
        world.run_pods_that_stay()
        await world.tick()
    built.clear()
    world.run_pods_that_stay()
    await world.tick()
    assert not built
    deployment = world.kube.find_one("Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "somebody-elses:1"
    world.kube.touch(deployment)
    assert "Deployment/" in await world.tick()
    assert built == [KEY]


async def test_a_child_that_was_deleted_comes_back(world: World) -> None:
    world.kube.put(model_deployment())
    for _ in range(6):
        world.run_pods_that_stay()
        await world.tick()
    del world.kube.objects["Service", "shop", "digits"]
    assert "Service/" in await world.tick()


async def test_a_listing_comes_kind_by_kind(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """All at once, of a fleet of thousands, would delay a decision by seconds."""
    now_s, listed = 0.0, []
    clock = SimpleNamespace(monotonic=lambda: now_s)
    monkeypatch.setattr("trimtab.control.loop.time", clock)
    every = world.kube.list

    async def noted(kind: Any, *args: Any, **options: Any) -> Any:
        listed.append(kind)
        return await every(kind, *args, **options)

    monkeypatch.setattr(world.kube, "list", noted)
    await world.loop.sync()
    known = set(listed)
    listed.clear()
    turns = 0
    while now_s <= world.loop.settings.resync_s + 30.0:
        before = len(listed)
        await world.loop._sync_if_due()
        assert len(listed) - before <= 1
        now_s, turns = now_s + 5.0, turns + 1
    assert set(listed) == known
    assert len(listed) < turns / 2
