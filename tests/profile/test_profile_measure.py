"""The measurements, against a Triton in memory whose times are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.profile.fake import MODEL, FakeServer, straight
from trimtab.profile import predict
from trimtab.profile.capacity import measure_capacity
from trimtab.profile.errors import ProfileError
from trimtab.profile.live import Due
from trimtab.profile.loads import SHARES, measure_loads
from trimtab.profile.play import Played
from trimtab.profile.points import ROUNDS, measure_points
from trimtab.profile.watch import Watch

SIZES = (1, 2, 4, 8, 16)


async def test_points_are_the_times_of_executions() -> None:
    steps: list[int] = []
    points = await measure_points(Watch(FakeServer()), MODEL, SIZES, 2.0, steps.append)
    assert [p.batch for p in points] == list(SIZES)
    for point in points:
        assert point.seconds.value == pytest.approx(straight(point.batch))
        assert point.seconds.low <= point.seconds.value <= point.seconds.high
        assert point.executions >= ROUNDS
    assert sum(steps) == ROUNDS


async def test_triton_makes_the_batches_where_it_can() -> None:
    server = FakeServer()
    points = await measure_points(Watch(server), MODEL, SIZES, 2.0)
    assert [p.is_formed for p in points] == [False, True, True, True, True]
    assert all(each.items == 1 for each in server.loads[-1])


class Slow(FakeServer):
    """Requests that leave together arrive one after the other, half a millisecond apart."""

    async def play(self, due: Sequence[Due], timeout_s: float) -> Played:
        late = [Due(each.at_s + 0.0005 * n, each.items) for n, each in enumerate(due)]
        return await super().play(sorted(late), timeout_s)


async def test_a_quick_model_is_kept_busy_until_a_batch_is_together() -> None:
    def quick(batch: int) -> float:
        return 0.0004 + 0.0001 * batch

    server = Slow(time=quick)
    points = await measure_points(Watch(server), MODEL, (1, 4), 2.0)
    assert points[1].is_formed
    assert points[1].seconds.value == pytest.approx(quick(4))
    assert server.loads[-1][0].items == 16


async def test_clients_carry_the_batches_where_triton_makes_none() -> None:
    alone = replace(MODEL, batches=False)
    points = await measure_points(Watch(FakeServer(alone)), alone, (1, 4), 2.0)
    assert not any(p.is_formed for p in points)
    assert points[1].seconds.value == pytest.approx(straight(4))


async def test_clients_carry_the_batches_where_bursts_make_others() -> None:
    """A model so fast that requests never wait for it, though Triton would join them."""
    fast = FakeServer(replace(MODEL, batches=False))
    points = await measure_points(Watch(fast), MODEL, (4,), 2.0)
    assert not points[0].is_formed


async def test_one_slow_execution_moves_no_median() -> None:
    count = 0

    def now_and_then(batch: int) -> float:
        nonlocal count
        count += 1
        return 1.0 if count % 100 == 0 else straight(batch)

    points = await measure_points(Watch(FakeServer(time=now_and_then)), MODEL, (1,), 0.5)
    assert points[0].seconds.value == pytest.approx(straight(1))


async def test_a_backend_that_tells_no_batch_sizes_is_refused() -> None:
    server = FakeServer()
    server.reports_batches = False
    with pytest.raises(ProfileError, match="batch_stats tells of no execution of 1 items"):
        await measure_points(Watch(server), MODEL, SIZES, 2.0)


async def test_what_a_model_answers_instead_is_told() -> None:
    server = FakeServer()
    server.failing = "status 400: unexpected shape"
    with pytest.raises(ProfileError, match="1 of 1 requests: status 400: unexpected shape"):
        await measure_points(Watch(server), MODEL, SIZES, 2.0)


@pytest.mark.parametrize("instances", [1, 2])
async def test_capacity_is_what_full_batches_allow(instances: int) -> None:
    model = replace(MODEL, instances=instances)
    found = await measure_capacity(Watch(FakeServer(model)), straight(1), straight(16), 2.5)
    assert found.is_reached
    assert found.offered > found.rate
    assert found.rate == pytest.approx(instances * 16 / straight(16), rel=0.05)


async def test_without_an_answer_there_is_no_capacity() -> None:
    def stuck(batch: int) -> float:
        return 1000.0

    with pytest.raises(ProfileError, match="no request was answered in time"):
        await measure_capacity(Watch(FakeServer(time=stuck)), 0.002, 0.017, 2.5)


async def test_measured_latencies_are_those_that_core_predicts() -> None:
    watch = Watch(FakeServer())
    points = await measure_points(watch, MODEL, SIZES, 1.0)
    most = 16 / straight(16)
    loads = await measure_loads(watch, most, 10.0)
    replica = predict.replica(MODEL, points)
    assert [load.share for load in loads] == list(SHARES)
    for load in loads:
        assert load.rate == pytest.approx(load.share * most, rel=0.1)
        assert load.failed == 0
        assert load.outside_s == pytest.approx(0.0, abs=1e-9)
        assert replica.latency_s(load.rate, 99.0) == pytest.approx(load.p99_s.value, rel=0.15)


async def test_failed_requests_are_counted_and_not_timed() -> None:
    server = FakeServer()
    server.failing = "status 503: queue full"
    (first, *_) = await measure_loads(Watch(server), 100.0, 5.0)
    assert first.failed == 0  # the first request of a load is not counted: the queue is empty
    server.time = lambda batch: 0.5
    with pytest.raises(ProfileError, match="queue full"):
        await measure_loads(Watch(server), 0.001, 1.0)


async def test_what_passes_outside_of_triton_is_told() -> None:
    server = FakeServer()
    server.outside_s = 0.003
    (first, *_) = await measure_loads(Watch(server), 100.0, 5.0)
    assert first.outside_s == pytest.approx(0.003)


def test_the_front_end_is_what_the_capacity_lacks() -> None:
    from tests.profile.results import points

    most = 1.0 / (1.0 / (16 / straight(16)) + 0.0005)
    assert predict.front_end_s(MODEL, points(), most) == pytest.approx(0.0005)
    assert predict.front_end_s(MODEL, points(), 10_000.0) == 0.0
    slower = predict.replica(MODEL, points(), 0.0005)
    assert slower.saturation_rate == pytest.approx(most)


async def test_loads_leave_when_they_are_due_whatever_the_server_does() -> None:
    """Open loop: a server that stalls is asked as often as one that does not."""
    slow = FakeServer(time=lambda batch: 0.3)
    await Watch(slow).play([Due(0.01 * n) for n in range(100)])
    assert [each.at_s for each in slow.loads[-1]] == [0.01 * n for n in range(100)]
