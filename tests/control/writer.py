"""A process that takes part in an election and writes without a pause, whatever it is told: the
fence alone holds it back. `python -m tests.control.writer NAMESPACE NAME`.

Every write makes a ConfigMap of its own, and resource versions tell in which order they came. It
prints a line when writes begin to pass, and when they begin to be refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import sys

from trimtab.actuate.client import KubeClient
from trimtab.actuate.client_errors import ApiError
from trimtab.actuate.fence import Fence, NotLeading
from trimtab.api.resources import ObjectKey
from trimtab.control.elector import Elector
from trimtab.control.lease import Candidate, LeaseTimes
from trimtab.control.metrics import Metrics

TIMES = LeaseTimes(duration_s=3.0, renew_deadline_s=2.0, retry_s=0.4)


async def _write(kube: KubeClient, namespace: str, name: str) -> None:
    said = ""
    for count in itertools.count():
        meta = {"name": f"{name}-{count}", "namespace": namespace, "labels": {"writer": name}}
        try:
            await kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
            now = "writes"
        except NotLeading:
            now = "refused"
        except ApiError as error:
            now = error.reason
        if now != said:
            print(now, flush=True)
        said = now
        await asyncio.sleep(0.005)


async def _run(namespace: str, name: str) -> None:
    fence = Fence()

    async def lead(_: bool) -> None:
        await asyncio.Event().wait()

    async with (
        await KubeClient.connect(fence=fence) as kube,
        await KubeClient.connect(timeout_s=1.0) as lease_kube,
    ):
        candidate = Candidate(ObjectKey(namespace, "writers"), name, TIMES)
        elector = Elector(lease_kube, candidate, fence, Metrics(), lead)
        tasks = [
            asyncio.create_task(elector.run()),
            asyncio.create_task(_write(kube, namespace, name)),
        ]
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, tasks[0].cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await tasks[0]
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(_run(*sys.argv[1:]))
