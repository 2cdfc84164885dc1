"""One model of a run: its Deployments, its requests, its scrapes and its money."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from trimtab.api.resources import ModelDeployment, RoutingType
from trimtab.core.plan import Target
from trimtab.core.snapshot import ModelState, WorkloadKey
from trimtab.simulate.arrivals import Arrivals
from trimtab.simulate.cluster import Deployments, Inventory, SimPod, SimWorkload
from trimtab.simulate.fleet import Fleet, workload_keys
from trimtab.simulate.player import Player, largest_batch
from trimtab.simulate.readings import Reader, summary_quantile
from trimtab.simulate.scrapes import Scrapes
from trimtab.simulate.settings import RunSettings
from trimtab.simulate.trace import Trace
from trimtab.simulate.truth import Truth
from trimtab.simulate.view import View, view_of

_SECONDS_PER_HOUR = 3600.0
_EXECUTION = 2  # the stream of random service times, beside those of arrivals and routes


@dataclass(slots=True)
class Ledger:
    """Counts of one model's run: dollars spent, changes of replicas, variants brought in."""

    cost: float = 0.0
    scale_events: int = 0
    variant_switches: int = 0
    variants: frozenset[str] = field(default_factory=frozenset)


class SimModel:
    """One model; `advance` moves it on, `apply` changes its Deployments."""

    def __init__(
        self,
        fleet: Fleet,
        spec: ModelDeployment,
        number: int,
        trace: Trace,
        truth: Truth,
        settings: RunSettings,
        inventory: Inventory,
    ) -> None:
        self.spec = spec
        self.keys = workload_keys(spec)
        self._kinds = {key: i for i, key in enumerate(self.keys)}
        self._truth = truth
        self._changes_s = truth.changes_s(spec.key)
        self._settings = settings
        self._inventory = inventory
        self._prices = {
            c.name: float(c.price_per_hour or 0) for c in fleet.accelerator_classes.values()
        }
        seed = (settings.seed, number, _EXECUTION)
        self.player = Player(spec, largest_batch(spec), len(self.keys), seed)
        self.deployments = Deployments(spec.key.name)
        self.arrivals = Arrivals(trace, settings.seed, number)
        self.scrapes = Scrapes(
            self.player,
            settings.scrape_s,
            settings.history_s,
            summary_quantile(spec.slo.percentile),
        )
        self._reader = Reader(spec, self.scrapes, settings)
        self._scraped = 0
        self._seen: View | None = None
        self.ledger = Ledger()
        self.now_s = 0.0
        self._set_speeds()

    def start(self, targets: Iterable[Target]) -> None:
        """What the policy begins with, created in time to be Ready at second 0."""
        self.deployments.apply(targets, -self._settings.start_up_s)
        self.ledger.variants = self._variants()

    def begin(self) -> None:
        """The first second: what was created in time is Ready."""
        self._make_ready()

    def apply(self, targets: Iterable[Target]) -> None:
        """What the policy asks for now."""
        if self.deployments.apply(targets, self.now_s):
            self.ledger.scale_events += 1
            variants = self._variants()
            self.ledger.variant_switches += len(variants - self.ledger.variants)
            self.ledger.variants = variants

    @property
    def cost_rate(self) -> float:
        """Dollars an hour of all that holds a place now."""
        return self._view().cost_rate

    def state(self) -> ModelState:
        """As the operator sees it now."""
        view = self._view()
        readings = self._reader.read(view.rows, self.now_s)
        return ModelState(self.spec, view.workloads, readings, route=view.route)

    def replicas(self) -> dict[WorkloadKey, tuple[int, int]]:
        """Replicas asked for and Ready, by workload."""
        return self._view().replicas

    def existing(self) -> int:
        """Pods that hold a place and were not told to leave."""
        return self._view().existing

    def advance(self, end_s: float) -> None:
        """Plays up to `end_s`: pods become Ready, are scraped and leave on the way."""
        while self.now_s < end_s:
            to_s = min(end_s, self._next_event_s())
            times = self.arrivals.take(to_s)
            self.player.play(to_s, times, self.arrivals.route(len(times), *self._view().routes))
            self.now_s = to_s
            if to_s in self._changes_s:
                self._set_speeds()
            self._let_go()
            if to_s >= self._next_scrape_s():
                self._scraped += 1
                blind = self._settings.is_blind(to_s)
                self.scrapes.scrape(to_s, self._view().rows.rows, blind=blind)
            self._make_ready()

    def finish(self, end_s: float) -> None:
        """The end of the run: what waits is answered, and the last pods are paid for."""
        for workload, pod in self._pods():
            self._pay(workload, pod, end_s)
        self.player.finish(end_s)

    def _pods(self) -> list[tuple[SimWorkload, SimPod]]:
        return [(w, p) for w in self.deployments.workloads.values() for p in w.pods]

    def _variants(self) -> frozenset[str]:
        return frozenset(
            key.variant for key, w in self.deployments.workloads.items() if w.target.replicas
        )

    def _next_scrape_s(self) -> float:
        return (self._scraped + 0.5) * self._settings.scrape_s

    def _next_event_s(self) -> float:
        coming = [at for at in self._changes_s if at > self.now_s]
        coming += [
            p.ready_at_s
            for _, p in self._pods()
            if p.ready_at_s is not None and p.row is None and p.removed_s is None
        ]
        return min([self._next_scrape_s(), *coming])

    def _make_ready(self) -> None:
        """Pods whose time has come; a rollout that waited for one goes on."""
        for workload, pod in self._pods():
            due = pod.ready_at_s is not None and pod.ready_at_s <= self.now_s
            if due and pod.row is None and pod.removed_s is None:
                pod.row = self.player.add(self._kinds[workload.target.key], *pod.set_up)
                self.scrapes.pod_ready(pod.row)
                workload.view = None
                self.deployments.reconcile(workload, self.now_s)

    def _let_go(self) -> None:
        """Pods that have left and answered all they took."""
        gone = False
        for workload, pod in self._pods():
            if pod.removed_s is None or pod.gone_s is not None:
                continue
            ends_s = pod.removed_s + self._settings.drain_s
            if pod.row is not None:
                idle_s = self.player.idle_since_s(pod.row)
                ends_s = math.inf if idle_s is None else max(ends_s, idle_s)
            if ends_s <= self.now_s:
                self._pay(workload, pod, ends_s)
                pod.gone_s = ends_s
                if pod.row is not None:
                    self.player.remove(pod.row)
                self._inventory.give_back(workload.target.key.accelerator_class)
                gone = True
        if gone:
            self.deployments.forget_gone()

    def _pay(self, workload: SimWorkload, pod: SimPod, until_s: float) -> None:
        if pod.scheduled_s is not None and pod.gone_s is None:
            hours = (until_s - max(0.0, pod.scheduled_s)) / _SECONDS_PER_HOUR
            self.ledger.cost += hours * self._prices[workload.target.key.accelerator_class]

    def _view(self) -> View:
        """The model's pods as they are; made anew only where something changed."""
        workloads = self.deployments.workloads.values()
        unchanged = self._seen is not None and len(self._seen.workloads) == len(workloads)
        if self._seen is None or not unchanged or any(w.view is None for w in workloads):
            weighted = self.spec.routing.type is RoutingType.GATEWAY
            self._seen = view_of(tuple(workloads), self._prices, weighted=weighted)
        return self._seen

    def _set_speeds(self) -> None:
        self.player.set_speeds(
            [self._truth.at(self.spec.key, key, self.now_s) for key in self.keys]
        )
