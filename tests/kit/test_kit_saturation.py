"""What one replica answers at most, and the load that is made of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.kit.saturation import (
    SaturationError,
    closed_loop,
    easy_load,
    most_per_second,
    step_beyond,
)
from e2e.load import Endpoint, TensorSpec, calls_for
from tests.load.server import Server

CALLS = calls_for("m", "127.0.0.1", TensorSpec())


@pytest.fixture
def server() -> Iterator[Server]:
    with Server().running() as server:
        yield server


def endpoint(server: Server) -> Endpoint:
    return Endpoint.parse(f"http://127.0.0.1:{server.port}")


@pytest.mark.parametrize(
    ("most", "rate"), [(30.0, 45), (66.0, 100), (100.0, 150), (121.4, 180), (138.0, 205)]
)
def test_the_step_is_a_round_number_half_above_what_one_replica_answers(
    most: float, rate: int
) -> None:
    assert step_beyond(most) == rate
    assert step_beyond(most, 2.0) == pytest.approx(2.0 * most, abs=2.5)


@pytest.mark.parametrize(("most", "rate"), [(120.0, 15), (33.0, 4), (27.0, 4)])
def test_the_easy_load_is_a_small_part_of_it(most: float, rate: int) -> None:
    assert easy_load(most) == rate


@pytest.mark.parametrize(("most", "mend"), [(20.0, "more cpu"), (500.0, "less cpu")])
def test_a_machine_that_is_too_slow_or_too_fast_is_told_with_the_mend(
    most: float, mend: str
) -> None:
    with pytest.raises(SaturationError, match=f"give cpu-quarter {mend} in"):
        step_beyond(most)


def test_the_rate_is_that_of_the_best_stretch() -> None:
    slow, steady = [0.4, 0.9], [1.0 + i / 64 for i in range(192)]
    disturbed = [4.5 + i / 16 for i in range(32)]
    assert most_per_second([*slow, *steady, *disturbed], window_s=2.0) == 64.0
    assert most_per_second([], window_s=2.0) == 0.0


async def test_every_client_asks_again_until_the_requests_are_used_up(server: Server) -> None:
    ends_s = await closed_loop(endpoint(server), CALLS, seconds=60.0, requests=100)
    assert len(ends_s) == server.connections == 100
    assert ends_s == sorted(ends_s)


async def test_it_ends_with_its_time(server: Server) -> None:
    ends_s = await closed_loop(endpoint(server), CALLS, seconds=0.1, requests=10**9)
    assert 0.1 <= ends_s[-1] < 5.0


async def test_an_error_ends_it_and_is_named(server: Server) -> None:
    server.answer = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(SaturationError, match="could not be measured: status 503"):
        await closed_loop(endpoint(server), CALLS, seconds=60.0, requests=10**9)
