"""The operator's process: settings, clients, kopf and the loop, started and stopped together."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import Any, cast

import kopf

from trimtab.actuate.client import KubeClient
from trimtab.control import handlers
from trimtab.control.caches import Caches
from trimtab.control.logs import configure_logging
from trimtab.control.loop import Loop
from trimtab.control.metrics import Metrics
from trimtab.control.server import serve
from trimtab.control.settings import Settings, SettingsError, load_settings
from trimtab.observe.asker import open_asker
from trimtab.observe.errors import PrometheusCredentialsUnreadable
from trimtab.observe.prometheus import open_client

log = logging.getLogger(__name__)

_STUCK_AFTER_S = 120.0


def run(config: Path, port: int) -> None:
    """Runs the operator until SIGTERM; raises SettingsError for a bad file, or for one that it
    names."""
    settings = load_settings(config)
    configure_logging(settings.log_format)
    try:
        asyncio.run(_run(settings, port))
    except PrometheusCredentialsUnreadable as error:
        raise SettingsError(f"{config}: {error}") from error


async def _run(settings: Settings, port: int) -> None:
    caches, metrics = Caches(), Metrics()
    async with (
        await KubeClient.connect() as kube,
        open_client(settings.client()) as prometheus,
        open_asker() as asker,
    ):
        loop = Loop(settings, kube, prometheus, caches, metrics, asker=asker)
        health = _Health(loop)
        async with serve(port, metrics, alive=health.alive, ready=health.ready):
            ticking = asyncio.create_task(loop.run(), name="ticks")
            try:
                await _watch(settings, caches, loop)
            finally:
                ticking.cancel()
                await asyncio.gather(ticking, return_exceptions=True)
                await loop.close()


async def _watch(settings: Settings, caches: Caches, loop: Loop) -> None:
    """Runs kopf until it is told to stop. Its end is the end of the process: a watch that cannot
    be kept up must not leave an operator that decides on yesterday's cluster (nolar/kopf#1108)."""
    kopf_settings = kopf.OperatorSettings()
    handlers.configure(kopf_settings)
    await kopf.operator(
        registry=handlers.registry(caches, loop.wake, nodes=settings.nodes),
        settings=kopf_settings,
        # kopf's own guess asks the password database for a name that a pod's user does not have.
        identity=cast("Any", "trimtab"),
        standalone=True,
        clusterwide=not settings.namespaces,
        namespaces=settings.namespaces,
    )


class _Health:
    """Alive: the loop turns. Ready: it has decided once."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._started_s = time.time()

    def alive(self) -> str | None:
        """None, or since when no decision completed."""
        since = self._loop.last_tick_s or self._started_s
        age_s = time.time() - since
        limit_s = max(_STUCK_AFTER_S, 10 * self._loop.settings.tick_s)
        return f"no decision completed for {age_s:.0f} s" if age_s > limit_s else None

    def ready(self) -> str | None:
        """None, or why not yet."""
        return None if self._loop.last_tick_s else "no decision completed yet"
