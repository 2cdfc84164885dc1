"""Health and metrics over HTTP, as a kubelet and Prometheus ask for them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import aiohttp
from aiohttp.test_utils import unused_port
from prometheus_client.parser import text_string_to_metric_families

from tests.control.test_control_status import CLASSES, NOW, full, state
from trimtab.control.metrics import Metrics
from trimtab.control.server import serve
from trimtab.core.plan import Plan
from trimtab.core.snapshot import Snapshot


async def test_a_scrape_brings_every_family_once() -> None:
    metrics = Metrics()
    metrics.show(Plan(NOW, {state().spec.key: full()}), Snapshot((state(),), CLASSES))
    async with serve((port := unused_port()), metrics, alive=well, ready=well):
        text = await fetch(port, "/metrics")
        assert await fetch(port, "/metrics", method="HEAD") == ""
    names = [f.name for f in text_string_to_metric_families(text)]
    assert len(names) == len(set(names))
    assert {"trimtab_target_replicas", "trimtab_tick_seconds", "trimtab_slo_judged_seconds"} <= {
        *names
    }


async def test_a_probe_is_answered_in_the_midst_of_a_scrape() -> None:
    """Of five thousand models a scrape takes seconds, and a probe waits for one."""
    told: list[str] = []

    class Slow(Metrics):
        def exposition(self) -> Iterator[bytes]:
            for number in range(100):
                told.append(f"family {number}")
                yield b"# more\n"

    def probed() -> None:
        told.append("probe")

    async with serve((port := unused_port()), Slow(), alive=probed, ready=well):
        await asyncio.gather(fetch(port, "/metrics"), fetch(port, "/healthz"))
    assert told.index("probe") < told.index("family 99")


async def fetch(port: int, path: str, *, method: str = "GET") -> str:
    """The text of an answer of 200."""
    url = f"http://127.0.0.1:{port}{path}"
    async with aiohttp.ClientSession() as session, session.request(method, url) as response:
        assert response.status == 200
        return await response.text()


def well() -> None:
    """Nothing is wrong."""
