"""The operator's process: settings, clients, kopf and the loop, started and stopped together."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from pathlib import Path
from typing import Any, cast

import kopf

from trimtab.actuate.client import KubeClient
from trimtab.actuate.fence import Fence
from trimtab.actuate.silence import Silence
from trimtab.control import handlers
from trimtab.control.caches import Caches
from trimtab.control.elector import Elector, new_identity
from trimtab.control.health import Health
from trimtab.control.lease import Candidate
from trimtab.control.logs import configure_logging
from trimtab.control.loop import Loop
from trimtab.control.metrics import Metrics
from trimtab.control.server import serve
from trimtab.control.settings import Settings, SettingsError, load_settings
from trimtab.control.watching import Watching
from trimtab.observe.asker import open_asker
from trimtab.observe.errors import PrometheusCredentialsUnreadable
from trimtab.observe.pod_metrics import open_pod_metrics
from trimtab.observe.prometheus import open_client

log = logging.getLogger(__name__)

# A tick makes objects by the hundred thousand, and hardly any of them in cycles: with Python's own
# thresholds a sixth of it goes into looking for some, through all that the caches hold.
_COLLECT_AFTER = (20_000, 20, 100)


def run(config: Path, port: int) -> None:
    """Runs the operator until SIGTERM; raises SettingsError for a bad file, or for one that it
    names."""
    settings = load_settings(config)
    configure_logging(settings.log_format)
    gc.set_threshold(*_COLLECT_AFTER)
    try:
        asyncio.run(_run(settings, port))
    except PrometheusCredentialsUnreadable as error:
        raise SettingsError(f"{config}: {error}") from error


async def _run(settings: Settings, port: int) -> None:
    caches, metrics, fence, watching = Caches(), Metrics(), Fence(), Watching()
    silence = Silence()
    place, times = settings.lease.place, settings.lease.times()
    async with (
        await KubeClient.connect(fence=fence, silence=silence) as kube,
        # Half the deadline: one renewal that gets no answer leaves time for another.
        await KubeClient.connect(
            timeout_s=times.renew_deadline_s / 2, silence=silence
        ) as lease_kube,
        open_client(settings.client()) as prometheus,
        open_asker() as asker,
        open_pod_metrics() as pods,
    ):
        loop = Loop(
            *(settings, kube, prometheus, caches, metrics),
            asker=asker,
            pods=pods,
            watching=watching,
            silence=silence,
        )
        candidate = Candidate(place, new_identity(), times)
        elector = Elector(lease_kube, candidate, fence, metrics, loop.lead)
        health = Health(loop, elector, settings.tick_s)
        async with serve(port, metrics, alive=health.alive, ready=health.ready):
            electing = asyncio.create_task(elector.run(), name="election")
            try:
                await _watch(settings, loop, watching, electing)
            finally:
                end(electing)
                await asyncio.gather(electing, return_exceptions=True)


async def _watch(
    settings: Settings, loop: Loop, watching: Watching, electing: asyncio.Task[None]
) -> None:
    """Runs kopf until it is told to stop. Its end is the end of the process: a watch that cannot
    be kept up must not leave an operator that decides on yesterday's cluster (nolar/kopf#1108)."""
    kopf_settings = kopf.OperatorSettings()
    handlers.configure(kopf_settings)
    started, stop = asyncio.Event(), asyncio.Event()
    obeying = asyncio.create_task(obey(started, stop, electing), name="signals")
    try:
        await kopf.operator(
            registry=handlers.registry(loop.caches, loop.wake, nodes=settings.nodes),
            settings=kopf_settings,
            # kopf's own guess asks the password database for a name that a pod's user has not.
            identity=cast("Any", "trimtab"),
            insights=watching.insights,
            memories=handlers.Forgetful(),
            standalone=True,
            clusterwide=not settings.namespaces,
            namespaces=settings.namespaces,
            ready_flag=started,
            stop_flag=stop,
        )
    finally:
        obeying.cancel()
        await asyncio.gather(obeying, return_exceptions=True)


async def obey(started: asyncio.Event, stop: asyncio.Event, electing: asyncio.Task[None]) -> None:
    """Gives the lease up as soon as a signal comes: kopf takes seconds to end its watches, in which
    nobody would lead. Its own handlers are there once it has started, and are replaced."""
    await started.wait()

    def told() -> None:
        end(electing)
        stop.set()

    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, told)


def end(electing: asyncio.Task[None]) -> None:
    """Cancels it once: a second time would cut off how it gives the lease up."""
    if not electing.cancelling():
        electing.cancel()
