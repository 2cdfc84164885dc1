"""How busy the machine is, from Triton's metrics: the highest of each gauge while a load runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

import aiohttp

from trimtab.profile.errors import ProfileError

# Name in the metrics: what it is called here, and the factor to that unit.
_GAUGES: Mapping[str, tuple[str, float]] = {
    "nv_gpu_utilization": ("GPU utilisation, %", 100.0),
    "nv_gpu_memory_used_bytes": ("GPU memory, MiB", 1.0 / 2**20),
    "nv_gpu_power_usage": ("GPU power, W", 1.0),
    "nv_cpu_utilization": ("CPU utilisation, %", 100.0),
    "nv_cpu_memory_used_bytes": ("memory of the machine, MiB", 1.0 / 2**20),
}
_EVERY_S = 1.0
_TIMEOUT = aiohttp.ClientTimeout(total=5)


def read_gauges(text: str) -> dict[str, float]:
    """The largest value of each gauge, over all GPUs; those that are absent or 0 are left out."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        name = line.partition("{")[0].partition(" ")[0]
        if name not in _GAUGES:
            continue
        called, factor = _GAUGES[name]
        with contextlib.suppress(ValueError):
            found[called] = max(found.get(called, 0.0), factor * float(line.rpartition(" ")[2]))
    return {called: value for called, value in found.items() if value > 0.0}


@contextlib.asynccontextmanager
async def watched(
    session: aiohttp.ClientSession, url: str | None
) -> AsyncIterator[dict[str, float]]:
    """A mapping that fills while the block runs; without a URL it stays empty.

    ProfileError where nothing answers at the URL.
    """
    found: dict[str, float] = {}
    if url is None:
        yield found
        return
    await _look(session, url, found)
    task = asyncio.create_task(_keep_looking(session, url, found))
    try:
        yield found
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, ProfileError):
            await task


async def _keep_looking(session: aiohttp.ClientSession, url: str, found: dict[str, float]) -> None:
    while True:
        await asyncio.sleep(_EVERY_S)
        await _look(session, url, found)


async def _look(session: aiohttp.ClientSession, url: str, found: dict[str, float]) -> None:
    try:
        async with session.get(url, timeout=_TIMEOUT) as response:
            text, status = await response.text(errors="replace"), response.status
    except (TimeoutError, aiohttp.ClientError, ValueError) as error:
        raise ProfileError(
            f"--metrics-url: nothing answers at {url} ({error}): it is http://HOST:8002/metrics"
        ) from error
    if status != 200:
        raise ProfileError(
            f"--metrics-url: {url} answers status {status}: it is http://HOST:8002/metrics"
        )
    for called, value in read_gauges(text).items():
        found[called] = max(found.get(called, 0.0), value)
