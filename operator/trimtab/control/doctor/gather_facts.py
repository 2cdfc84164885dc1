"""Facts of an install: its settings file, its cluster and its Prometheus. Writes nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from trimtab.control.doctor.facts import Facts, LeftOut, Prometheus
from trimtab.control.doctor.gather_cluster import gather_cluster
from trimtab.control.doctor.gather_pods import gather_pods
from trimtab.control.doctor.gather_prometheus import gather_prometheus
from trimtab.control.look import LookError, Where, connected
from trimtab.control.settings import Settings, SettingsError, load_settings
from trimtab.observe.errors import PrometheusError
from trimtab.observe.pod_metrics import open_pod_metrics
from trimtab.observe.prometheus import ClientSettings, open_client
from trimtab.observe.queries import ReadSettings


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user gave. `config` None: there is no settings file. `namespaces`: empty for those
    that the settings name."""

    config: Path | None = None
    prometheus: str | None = None
    where: Where = field(default_factory=Where)
    namespaces: Sequence[str] = ()


async def gather_facts(asked: Asked) -> Facts:
    """Never raises for what is wrong with the install: that is a fact."""
    settings, trouble, left_out = _settings(asked.config)
    facts = Facts(time.time(), settings, trouble, left_out=tuple(left_out))
    namespaces = tuple(asked.namespaces or (settings.namespaces if settings else ()))
    try:
        async with connected(asked.where) as kube:
            cluster, hidden = await gather_cluster(kube, settings, namespaces)
        facts = replace(facts, cluster=cluster, left_out=(*facts.left_out, *hidden))
    except LookError as error:
        facts = replace(facts, cluster_trouble=str(error))
    return await _with_prometheus(await _with_pods(facts), asked.prometheus)


async def _with_pods(facts: Facts) -> Facts:
    """From elsewhere than the operator's pod other policies hold."""
    if facts.cluster is None:
        return facts
    if facts.cluster.account is None:
        why = "not asked by the operator: run it in its pod"
        return replace(facts, left_out=(*facts.left_out, LeftOut("the way to the pods", why)))
    async with open_pod_metrics() as pods:
        return replace(facts, answered=await gather_pods(pods, facts.cluster.ready_pods))


def _settings(config: Path | None) -> tuple[Settings | None, str | None, list[LeftOut]]:
    """The settings, or why they cannot be used, or that there are none to check."""
    if config is None:
        why = "no settings file is here: give --config, or run it in the operator's pod"
        return None, None, [LeftOut("settings and Lease", why)]
    try:
        return load_settings(config), None, []
    except SettingsError as error:
        return None, str(error), []


async def _with_prometheus(facts: Facts, url: str | None) -> Facts:
    client = _client(facts.settings, url)
    if client is None:
        left_out = LeftOut("Prometheus", "no address is known: give --prometheus URL")
        return replace(facts, left_out=(*facts.left_out, left_out))
    reading = facts.settings.reading() if facts.settings else ReadSettings()
    models = facts.cluster.gathered.snapshot.models if facts.cluster else ()
    try:
        async with open_client(client) as opened:
            told: Prometheus = await gather_prometheus(opened, reading, models, facts.now_s)
    except PrometheusError as error:
        return replace(facts, prometheus_trouble=error)
    except ValueError as error:
        return replace(facts, prometheus_trouble=str(error))
    return replace(facts, prometheus=told)


def _client(settings: Settings | None, url: str | None) -> ClientSettings | None:
    """The settings' client, at another address where one is given."""
    if settings is None:
        return ClientSettings(url) if url else None
    client = settings.client()
    return replace(client, base_url=url) if url else client
