"""What one replica answers at most, here and now, and the load that is a step beyond it.

A quarter of a core carries twice as much on one machine as on another: a fixed load is no step on
the one and a flood on the other.
"""

from __future__ import annotations

import asyncio
import itertools
from bisect import bisect_left
from collections.abc import Sequence

from e2e.kit.access import Access
from e2e.kit.install import Images
from e2e.kit.served import Stage
from e2e.load.exchange import Exchange
from e2e.load.generator import Endpoint
from e2e.load.payload import Call, calls_for

# Below, few requests are in time even alone; above, sending takes the CPU that serving needs.
LEAST_RATE, MOST_RATE = 40, 600
_CLIENTS = 16  # two of the largest batches: one waits while the other is computed
_SECONDS, _REQUESTS = 5.0, 4000  # whichever comes first ends the measurement
_WINDOW_S = 2.0  # answers come a batch at a time: of a second, one batch is a twentieth
_CONNECT_S, _ANSWER_S = 2.0, 10.0


class SaturationError(RuntimeError):
    """A replica could not be measured, or no sensible load is beyond it."""


def most_of_one_replica(access: Access, images: Images, variant: str | None = None) -> float:
    """The most requests per second that one replica of the digits model answers; `variant`: as
    that one, else as the cheapest.

    Measured on a model that may not grow, in a namespace that goes afterwards: so it neither
    scales the model that the load is for, nor teaches trimtab anything of it, nor marks its p99.
    """
    with Stage(access, images) as stage:
        bounds = {"minReplicas": 1, "maxReplicas": 1}
        stage.put(
            stage.digits_as(variant, scaling=bounds) if variant else stage.digits(scaling=bounds)
        )
        stage.await_condition("Ready", "True", seconds=240)
        url = stage.way_in()
        calls = calls_for("digits", url.removeprefix("http://"))
        return most_per_second(asyncio.run(closed_loop(Endpoint.parse(url), calls)))


def step_beyond(most: float, times: float = 1.5) -> int:
    """A round number of requests per second, so many times what one replica answers at most."""
    rate = 5 * round(most * times / 5)
    if LEAST_RATE <= rate <= MOST_RATE:
        return rate
    mend = "less cpu in e2e/demo/manifests/digits.yaml"
    if rate < LEAST_RATE:
        mend = "more cpu in e2e/demo/manifests/digits.yaml, or end what else keeps the machine busy"
    raise SaturationError(
        f"one replica answers at most {most:.0f} requests/s, and a step to {rate} is not between"
        f" {LEAST_RATE} and {MOST_RATE}: give cpu-quarter {mend}"
    )


def easy_load(most: float) -> int:
    """Requests/s that one replica has no trouble with: an eighth of what it answers at most.

    15 is that where a replica answers 120, and half of all it can on a machine without VNNI.
    """
    return max(4, round(most / 8))


def most_per_second(ends_s: Sequence[float], window_s: float = _WINDOW_S) -> float:
    """The highest rate at which answers came, at these ascending times, over any such window.

    Neither cold caches at the start nor a moment in which another had the CPU makes it less.
    """
    counts = (bisect_left(ends_s, end_s + window_s) - i for i, end_s in enumerate(ends_s))
    return max(counts, default=0) / window_s


async def closed_loop(
    endpoint: Endpoint,
    calls: Sequence[Call],
    *,
    seconds: float = _SECONDS,
    requests: int = _REQUESTS,
) -> list[float]:
    """When each answer came, in seconds from the start; every client asks again once answered.

    Latency would be flattered by clients that wait; what is answered at most is not.
    """
    now_s = asyncio.get_running_loop().time
    start_s = now_s()
    ends_s: list[float] = []
    errors: set[str] = set()
    left = itertools.islice(itertools.cycle(calls), requests)

    async def client() -> None:
        for call in left:
            if error := await _ask(endpoint, call):
                errors.add(error)
            else:
                ends_s.append(now_s() - start_s)
            if errors or now_s() - start_s >= seconds:
                return

    await asyncio.gather(*(client() for _ in range(_CLIENTS)))
    if errors:
        raise SaturationError(f"one replica could not be measured: {', '.join(sorted(errors))}")
    return ends_s


async def _ask(endpoint: Endpoint, call: Call) -> str:
    """Sends a request and waits for its answer; what was wrong with it, or nothing."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[str] = loop.create_future()
    exchange = Exchange(
        loop, call, lambda *end: answered.set_result(end[2]), scheduled_s=0.0, lag_s=0.0
    )
    exchange.start(endpoint.family, endpoint.address, _CONNECT_S, _ANSWER_S)
    return await answered
