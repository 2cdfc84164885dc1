"""The loop: gather, read, decide, apply, tell. One tick over every ModelDeployment."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from trimtab.actuate import kinds, names
from trimtab.actuate.client import KubeClient
from trimtab.actuate.client_errors import ApiError, Forbidden, Invalid
from trimtab.actuate.errors import ActuateError, NameTaken
from trimtab.actuate.fence import NotLeading
from trimtab.actuate.kinds import Kind
from trimtab.actuate.silence import Silence
from trimtab.api.resources import ObjectKey
from trimtab.control.apply import Actor
from trimtab.control.caches import OPTIONAL, Caches, watched
from trimtab.control.gather import Gathered, gather
from trimtab.control.listing import list_into
from trimtab.control.metrics import Metrics
from trimtab.control.output_check import Checker
from trimtab.control.packed import whole
from trimtab.control.recall import recall
from trimtab.control.settings import Settings
from trimtab.control.status import build_problem_status
from trimtab.control.teller import Teller
from trimtab.control.watching import Watching
from trimtab.control.witness import Pods, Witness
from trimtab.core.compression import Compressed
from trimtab.core.conditions import halted, rolling_out, stalled
from trimtab.core.decide import decide
from trimtab.core.memory import Memory
from trimtab.core.plan import ModelPlan, Plan
from trimtab.core.signals import Missing
from trimtab.core.snapshot import ModelReadings, ModelState, Snapshot
from trimtab.observe.asker import Asker
from trimtab.observe.errors import PrometheusError
from trimtab.observe.fleet import Querier, read_fleet
from trimtab.observe.history import Ranges

log = logging.getLogger(__name__)

_LOOK_S = 30.0
_BURST_S = 0.2
_RECALL_AGAIN_S = 60.0
_AT_ONCE = 64  # models whose writes wait for an answer; more than the client sends at a time


class Prometheus(Querier, Ranges, Protocol):
    """What the loop asks of its Prometheus client."""


@dataclass
class Loop:
    """The state that outlives a tick. `memory` may be lost at any time; see core.memory.

    `asker`: asks pods the samples of output checks; without one none is asked. `pods`: asks them
    what they count while Prometheus does not tell; without one nobody does. `watching`: what kopf
    watches; without one it watches everything. `silence`: how long ago the API server gave no
    answer.
    """

    settings: Settings
    kube: KubeClient
    prometheus: Prometheus
    caches: Caches
    metrics: Metrics
    memory: Memory = field(default_factory=Memory)
    last_tick_s: float | None = None
    asker: Asker | None = None
    pods: Pods | None = None
    watching: Watching | None = None
    silence: Silence = field(default_factory=Silence)

    def __post_init__(self) -> None:
        self.actor = Actor(self.kube, self.caches, self.settings.install(), self.metrics)
        self._teller = Teller(self.actor, self.caches, self.metrics)
        self._woken, self._hurried = asyncio.Event(), asyncio.Event()
        self.checker: Checker | None = None
        if self.asker is not None:
            port = self.actor.install.http_port
            self.checker = Checker(self.kube, self.caches, self.asker, port, self.wake)
        self.witness: Witness | None = None
        if self.pods is not None:
            port, reading = self.actor.install.metrics_port, self.settings.reading()
            self.witness = Witness(self.pods, self.caches, reading, port)
        self._told: dict[tuple[Kind, ObjectKey], str] = {}
        self._elsewhere: dict[ObjectKey, str] = {}
        self._synced_s: float | None = None
        self._next_kind = 0
        self._looked_s = 0.0
        self._recall_at_s = 0.0

    def wake(self, *, at_once: bool = False) -> None:
        """Starts the next tick now; where it need not be `at_once`, together with what else wakes
        it in the next moment: a burst of edits is one wake."""
        self._woken.set()
        if at_once:
            self._hurried.set()

    async def lead(self, anew: bool) -> None:
        """Ticks until cancelled. No failure of one tick ends the loop. Everything is listed before
        the first decision; `anew`: another has decided since, and what is remembered of its time is
        wrong, so that the memory begins as after a restart."""
        self._synced_s = None
        if anew:
            self.memory = Memory()
            self._recall_at_s = 0.0
        try:
            await self._turn()
        finally:
            await self.close()

    async def _turn(self) -> None:
        while True:
            started = time.monotonic()
            self._woken.clear()
            self._hurried.clear()
            try:
                await self._sync_if_due()
                await self.tick(time.time())
            except ApiError as error:
                self.metrics.errors.labels("kubernetes", error.reason).inc()
                log.warning("this tick decides nothing: %s", error)
            except NotLeading as error:
                log.info("this tick ends: %s", error)
            except Exception:
                self.metrics.errors.labels("trimtab", "Bug").inc()
                log.exception("this tick failed; the fleet stays as it is")
            spent = time.monotonic() - started
            self.metrics.tick_seconds.observe(spent)
            await self._pause(max(0.0, self.settings.tick_s - spent))

    async def tick(self, now_s: float) -> Plan:
        """One decision over everything, applied and told."""
        gathered = gather(self.caches, self.actor.install)
        snapshot = gathered.with_readings(await self._read(gathered.snapshot.models, now_s))
        silent_s = self.silence.age_s
        if silent_s is not None:
            snapshot = replace(snapshot, unanswered_s=now_s - silent_s)
        if self.checker is not None:
            snapshot = self.checker.noted(snapshot, now_s)
            self.checker.start_due(snapshot, now_s)
        await self._recall_once(snapshot, now_s)
        plan, self.memory = decide(snapshot, self.memory, now_s, self.settings.policy())
        self._teller.begin(len(snapshot.models), self.settings.tick_s)
        models = iter(snapshot.models)
        await asyncio.gather(
            *(self._settle_all(models, plan, gathered, now_s) for _ in range(_AT_ONCE))
        )
        await self._tell_problems(gathered, now_s)
        self._tell_elsewhere(gathered.elsewhere)
        self._count(snapshot, plan)
        self.last_tick_s = time.time()
        self.metrics.last_tick.set(self.last_tick_s)
        return plan

    async def _read(
        self, models: Sequence[ModelState], now_s: float
    ) -> Mapping[ObjectKey, ModelReadings]:
        """What Prometheus tells, and of whom it does not, the pods themselves."""
        reading = read_fleet(self.prometheus, self.settings.reading(), models, now_s)
        if self.witness is None:
            return await reading
        readings, _ = await asyncio.gather(reading, self.witness.ask(models, now_s))
        return self.witness.told(models, readings, now_s)

    async def _recall_once(self, snapshot: Snapshot, now_s: float) -> None:
        """Reads the past back, once. Until it can be read the loop goes on with what it sees."""
        if now_s < self._recall_at_s or not snapshot.models:
            return
        settings, models = self.settings, snapshot.models
        try:
            self.memory = await recall(
                self.prometheus,
                settings.reading(),
                models,
                self.memory,
                settings.policy(),
                now_s,
            )
            self._recall_at_s = math.inf
        except (PrometheusError, TimeoutError) as error:
            self._recall_at_s = now_s + _RECALL_AGAIN_S
            said = str(error) or "no answer in time"
            log.warning("the load before this start is not known yet: %s", said)

    async def close(self) -> None:
        """Gives up what runs beside the ticks."""
        if self.checker is not None:
            await self.checker.close()

    async def sync(self) -> None:
        """Lists everything watched: the base that events build on, and the mend for lost ones."""
        for kind in self._kinds():
            await self._list(kind)
        self._synced_s = time.monotonic()

    def _kinds(self) -> tuple[Kind, ...]:
        return (*watched(nodes=self.settings.nodes), *OPTIONAL)

    async def _list(self, kind: Kind) -> None:
        await list_into(self.caches, self.kube, kind, self.settings.namespaces)

    async def _sync_if_due(self) -> None:
        if self._synced_s is None:
            await self.sync()
            return
        try:
            await self._sync_one_if_due()
            await self._look_for_new_kinds()
        except ApiError as error:
            # The watches go on, and so does the loop: to stop here would end in a restart by
            # the liveness probe, and the memory of the load would be lost with it.
            self.metrics.errors.labels("kubernetes", error.reason).inc()
            log.warning("the listing is tried again: %s", error)

    async def _sync_one_if_due(self) -> None:
        """One kind at a time: all at once, of a fleet of thousands, delay a decision by seconds."""
        every, since_s = self._kinds(), self._synced_s or 0.0
        if time.monotonic() - since_s >= self.settings.resync_s / len(every):
            await self._list(every[self._next_kind % len(every)])
            self._next_kind += 1
            self._synced_s = time.monotonic()

    async def _look_for_new_kinds(self) -> None:
        """Of which the CRD was installed meanwhile: a model may wait for it."""
        if time.monotonic() - self._looked_s < _LOOK_S:
            return
        for kind in OPTIONAL:
            watched = self.watching is None or self.watching.covers(kind)
            if watched and self.caches.knows(kind):
                continue
            await self._list(kind)
            if self.watching is not None and self.caches.knows(kind):
                await self.watching.begin(kind)
        self._looked_s = time.monotonic()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
            async with asyncio.timeout(_BURST_S):
                await self._hurried.wait()

    async def _settle_all(
        self, models: Iterator[ModelState], plan: Plan, gathered: Gathered, now_s: float
    ) -> None:
        """Settles one model after the other, of those that others who do the same leave."""
        for state in models:
            await self._settle(state, plan.models[state.spec.key], gathered, now_s)

    async def _settle(
        self, state: ModelState, plan: ModelPlan, gathered: Gathered, now_s: float
    ) -> None:
        """Applies one model's plan and writes its status; its failure is its own."""
        try:
            await self._apply_and_tell(state, plan, gathered, now_s)
        except NotLeading:
            raise
        except Exception:
            self.metrics.errors.labels("trimtab", "Bug").inc()
            log.exception("%s could not be brought to its plan; it stays", state.spec.key)

    async def _apply_and_tell(
        self, state: ModelState, plan: ModelPlan, gathered: Gathered, now_s: float
    ) -> None:
        key, snapshot = state.spec.key, gathered.snapshot
        compressed = gathered.compressed.get(key)
        try:
            if plan.act:
                await self.actor.apply(state, plan, snapshot, compressed)
                if self.actor.rolling(state):
                    plan = replace(plan, conditions=rolling_out(plan.conditions))
        except (ActuateError, ApiError) as error:
            plan = self._refused(key, plan, error)
        if compressed is not None and plan.act:
            compressed = await self._compress(state, compressed, snapshot)
        await self._teller.tell(state, plan, snapshot, compressed, now_s)

    async def _compress(
        self, state: ModelState, compressed: Compressed, snapshot: Snapshot
    ) -> Compressed:
        """Sees to the compression's Job. What the API server has against it is the compression's
        trouble, and serving goes on."""
        try:
            await self.actor.compress(state, compressed, snapshot)
        except (ActuateError, ApiError) as error:
            side = "kubernetes" if isinstance(error, ApiError) else "trimtab"
            self.metrics.errors.labels(side, error.reason).inc()
            log.warning("%s: its compression: %s", state.spec.key, error)
            if isinstance(error, ActuateError | Forbidden | Invalid):
                reason = "ApplyRefused" if isinstance(error, ApiError) else error.reason
                return replace(compressed, reason=reason, message=f"{error}")
        return compressed

    def _refused(
        self, key: ObjectKey, plan: ModelPlan, error: ActuateError | ApiError
    ) -> ModelPlan:
        """The plan with the condition of what kept it from being applied."""
        side = "kubernetes" if isinstance(error, ApiError) else "trimtab"
        self.metrics.errors.labels(side, error.reason).inc()
        log.warning("%s: %s", key, error)
        passing = isinstance(error, NameTaken) and error.passing
        lasting = isinstance(error, ActuateError | Forbidden | Invalid) and not passing
        if not lasting:
            return plan  # the next tick tries again
        reason = "ApplyRefused" if isinstance(error, ApiError) else error.reason
        return replace(plan, conditions=halted(plan.conditions, stalled(reason, f"{error}")))

    async def _tell_problems(self, gathered: Gathered, now_s: float) -> None:
        """Conditions of the ModelDeployments that could not be parsed."""
        for told in [t for t in self._told if t not in gathered.problems]:
            del self._told[told]
        for (kind, key), problems in gathered.problems.items():
            text = "; ".join(problems)
            if self._told.get((kind, key)) != text:
                log.warning("%s %s: %s", kind.kind, key, text)
                self._told[kind, key] = text
            obj = self.caches.get(kind, key)
            if kind is not kinds.MODEL_DEPLOYMENT or obj is None:
                continue
            status = build_problem_status(
                obj["metadata"].get("generation", 0),
                whole(obj.get("status")),
                stalled("InvalidSpec", text),
                now_s,
            )
            await self._teller.write(key, status, now_s)

    def _tell_elsewhere(self, elsewhere: Mapping[ObjectKey, str]) -> None:
        """Says once of each model that another install serves it; its status is that one's."""
        for key, whose in elsewhere.items():
            if self._elsewhere.get(key) != whose:
                log.info(
                    "%s is served by the install %r and left alone; its label %s=%s brings it here",
                    *(key, whose, names.INSTALL_LABEL, self.actor.install.instance),
                )
        self._elsewhere = dict(elsewhere)

    def _count(self, snapshot: Snapshot, plan: Plan) -> None:
        self.metrics.show(plan, snapshot)
        read = [s.readings for s in snapshot.models]
        readings = [*(r.arrival_rate for r in read), *(r.latency_s for r in read)]
        lost = {r.reason for r in readings if isinstance(r, Missing)}
        for reason in (r for r in lost if r.startswith("Prometheus")):
            self.metrics.errors.labels("prometheus", reason).inc()
        self._teller.forget(plan.models.keys())
