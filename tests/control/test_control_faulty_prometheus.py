"""A Prometheus that lies, through the real client: what cannot be read is told, and no more.

The same faults as on the cluster (e2e/faults), over a fake fleet.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import parse_qs

import pytest

from e2e.kit import faulty_prometheus as faults
from e2e.kit.faulty_prometheus import Fault, FaultyPrometheus
from tests.control.scraped import Scraped, ScrapedWorld
from tests.control.world import model_deployment
from trimtab.core.memory import Memory
from trimtab.observe.prometheus import ClientSettings, open_client

HERE = "127.0.0.1"
# The stabilisation and twice as many ticks as there are replicas to lose.
LONG = 14
# A slow one takes real time: on the cluster alone.
QUICK = [(fault, reason) for fault, reason in faults.TOLD if not fault.delay_s]


class Fleet(ScrapedWorld):
    """A fleet under a load, read through a Prometheus that can be spoilt."""

    faulty: FaultyPrometheus


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    fleet = Fleet()
    scaling = {"minReplicas": 1, "maxReplicas": 6, "scaleDown": {"stabilization": "30s"}}
    fleet.kube.put(model_deployment(scaling=scaling))
    fleet.scraped = Scraped(fleet.kube, lambda _: 250.0, fleet.now_s)
    with served(fleet.scraped) as truth, FaultyPrometheus(truth, HERE) as faulty:
        async with open_client(ClientSettings(faulty.url, timeout_s=5.0)) as client:
            fleet.faulty = faulty
            fleet.loop.prometheus = client
            await fleet.live(4)
            assert fleet.replicas > 2
            yield fleet


@pytest.mark.parametrize(("fault", "reason"), QUICK, ids=str)
async def test_what_cannot_be_read_is_told_and_changes_nothing(
    fleet: Fleet, fault: Fault, reason: str
) -> None:
    await suffer(fleet, fault, reason)


async def test_a_pod_that_drops_out_of_the_scrapes_does_not_lessen_the_load(fleet: Fleet) -> None:
    await suffer(fleet, faults.without_pod(fleet.kube.names("Pod")[0]), "PodWithoutSeries")


async def test_an_operator_that_starts_blind_takes_nothing_away(fleet: Fleet) -> None:
    before = fleet.replicas
    with fleet.faulty.suffers(faults.EMPTY):
        fleet.loop.memory = Memory()
        assert set(await fleet.live(LONG)) == {before}


async def suffer(fleet: Fleet, fault: Fault, reason: str) -> None:
    """Lives through a fault, and sees again with the first tick after it."""
    before = fleet.replicas
    with fleet.faulty.suffers(fault):
        assert set(await fleet.live(LONG)) == {before}
        assert fleet.conditions()["MetricsAvailable"] == ("False", reason)
    await fleet.live(1)
    assert fleet.conditions()["MetricsAvailable"] == ("True", "MetricsFound")


@contextmanager
def served(scraped: Scraped) -> Iterator[str]:
    """The URL of a Prometheus that answers truly."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            rows = []
            if self.path.endswith("/query"):
                at_s = float(form["time"][0])
                found = scraped.series(form["query"][0], at_s)
                rows = [{"metric": s.labels, "value": [at_s, f"{s.value!r}"]} for s in found]
            kind = "vector" if self.path.endswith("/query") else "matrix"
            data = {"resultType": kind, "result": rows}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"status": "success", "data": data}).encode())

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = HTTPServer((HERE, 0), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://{HERE}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
