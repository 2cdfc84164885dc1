"""Everything that was found out of an install. Data: what is wrong with it, the checks say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from trimtab.actuate.kinds import Kind
from trimtab.api.resources import ObjectKey, RawObject
from trimtab.control.doctor.needed_rights import Right
from trimtab.control.gather import Gathered
from trimtab.control.settings import Settings
from trimtab.core.snapshot import ModelReadings
from trimtab.observe.errors import PrometheusError
from trimtab.observe.gateway_queries import GatewayMetric
from trimtab.observe.queries import Metric, ReadSettings
from trimtab.observe.table import FleetTable, Outcome


class LeftOut(NamedTuple):
    """A check that could not be made, and why."""

    check: str
    why: str


@dataclass(frozen=True, slots=True)
class Room:
    """What the nodes hold of a class: `places` for its pods by selector and tolerations alone,
    `replicas` of it were they empty, and how many more are `free` now."""

    places: int
    replicas: int
    free: int


class OperatorPod(NamedTuple):
    """A pod of some trimtab on the cluster; `instance` is None where an older chart says none."""

    namespace: str
    release: str
    instance: str | None


@dataclass(frozen=True, slots=True)
class Lease:
    """The Lease of the leader, if there is one, as `holder` renewed it last (epoch seconds)."""

    place: ObjectKey
    holder: str = ""
    renewed_s: float | None = None
    duration_s: float = 0.0


class ReadyPod(NamedTuple):
    """A Ready pod of a model, and where it tells its metrics (host and port)."""

    key: ObjectKey
    address: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the API server told.

    `absent`: kinds it does not have. `hidden`: kinds that may not be read. `rooms`: by class; one
    that could not be counted is absent. `pod_monitors`: the selectors of trimtab's. `account`: the
    operator's, None where its rights could not be asked for; `denied`: what it may not do.
    `served`: field paths of our kinds, as far as they are published. `ahead_s`: how far its clock
    is ahead of ours. `lease`: None where it was not read. `ready_pods`: some of each
    namespace, where its settings are known.
    """

    gathered: Gathered
    absent: frozenset[Kind] = frozenset()
    hidden: frozenset[Kind] = frozenset()
    rooms: Mapping[str, Room] = field(default_factory=dict)
    pod_monitors: Mapping[ObjectKey, RawObject] = field(default_factory=dict)
    operators: frozenset[OperatorPod] = frozenset()
    account: str | None = None
    denied: tuple[Right, ...] = ()
    served: Mapping[str, frozenset[str]] = field(default_factory=dict)
    ahead_s: float | None = None
    lease: Lease | None = None
    ready_pods: tuple[ReadyPod, ...] = ()


@dataclass(frozen=True)
class Prometheus:
    """What Prometheus told: the answers of a tick, the models' readings of them, and one of each
    model's series that lack a label."""

    url: str
    reading: ReadSettings
    answers: Mapping[Metric, Outcome]
    gateways: Mapping[GatewayMetric, Outcome]
    readings: Mapping[ObjectKey, ModelReadings]
    unlabelled: Outcome = ()

    @cached_property
    def table(self) -> FleetTable:
        """The answers as the tick reads them."""
        return FleetTable.of(self.answers, self.reading)


@dataclass(frozen=True, slots=True)
class Facts:
    """The whole. `*_trouble`: why that part could not be read at all; of Prometheus a text where
    the address itself is none. `answered`: of the Ready pods that were asked their metrics, whether
    they told."""

    now_s: float
    settings: Settings | None = None
    settings_trouble: str | None = None
    cluster: Cluster | None = None
    cluster_trouble: str | None = None
    prometheus: Prometheus | None = None
    prometheus_trouble: PrometheusError | str | None = None
    answered: Mapping[ObjectKey, bool] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
