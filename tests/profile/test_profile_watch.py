"""A server that serves others too is not measured."""

from __future__ import annotations

import pytest

from tests.profile.fake import FakeServer
from trimtab.profile.errors import ProfileError
from trimtab.profile.live import Due
from trimtab.profile.watch import Watch

THREE = [Due(0.0), Due(0.1), Due(0.2)]


async def test_a_server_of_ones_own_is_fine() -> None:
    watch = Watch(FakeServer())
    await watch.begin()
    taken = await watch.play(THREE)
    await watch.look_around()
    assert taken.grown.items == 3
    assert not watch.is_shared


async def test_traffic_before_the_first_request_is_seen() -> None:
    server = FakeServer()
    server.of_others = 5
    with pytest.raises(ProfileError, match="executed 5 inferences of this model within 1 s"):
        await Watch(server).begin()
    assert not server.loads


async def test_traffic_between_ones_own_is_seen() -> None:
    server = FakeServer()
    watch = Watch(server)
    await watch.begin()
    server.of_others = 1
    with pytest.raises(ProfileError, match=r"executed 4 inferences while 3 were sent\. .*--force"):
        await watch.play(THREE)


async def test_traffic_of_other_models_is_seen() -> None:
    server = FakeServer()
    watch = Watch(server)
    await watch.begin()
    server.of_other_models = 7
    with pytest.raises(ProfileError, match=r"other models meanwhile: resnet version 1 \(7\)"):
        await watch.look_around()


async def test_force_goes_on_and_remembers() -> None:
    server = FakeServer()
    server.of_others = server.of_other_models = 2
    watch = Watch(server, force=True)
    await watch.begin()
    await watch.play(THREE)
    assert watch.is_shared


async def test_several_servers_behind_an_address_are_seen() -> None:
    server = FakeServer()
    server.hidden = 2
    with pytest.raises(ProfileError, match="3 inferences were answered and the statistics tell of"):
        await Watch(server, force=True).play(THREE)
    assert server.paused_s == pytest.approx(1.0)


async def test_answers_of_the_cache_are_refused() -> None:
    server = FakeServer()
    server.cached = 1
    with pytest.raises(ProfileError, match="response cache"):
        await Watch(server, force=True).play(THREE)


async def test_what_was_given_up_may_be_executed_later() -> None:
    server = FakeServer()
    watch = Watch(server)
    server.failing, server.hidden = "no answer in time", 1
    await watch.play(THREE)
    server.failing, server.hidden = "", -1
    await watch.play(THREE)
    assert not watch.is_shared
    with pytest.raises(ProfileError, match="executed 4 inferences while 3 were sent"):
        await watch.play(THREE)
