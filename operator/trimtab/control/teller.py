"""What was decided, told: status, Events, log lines and counts."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import NamedTuple

from trimtab.actuate import kinds
from trimtab.actuate.client_errors import ApiError
from trimtab.api.resources import ModelDeployment, ObjectKey, RawObject
from trimtab.control.apply import Actor
from trimtab.control.caches import Caches
from trimtab.control.events import transitions
from trimtab.control.logs import log_fields
from trimtab.control.metrics import Metrics
from trimtab.control.packed import whole
from trimtab.control.status import Figures, News, Status, build_status, news_of
from trimtab.core.compression import Compressed
from trimtab.core.explain import Explanation, explain
from trimtab.core.plan import ModelPlan
from trimtab.core.snapshot import ModelState, Snapshot

log = logging.getLogger(__name__)


class _Looked(NamedTuple):
    """What a status was built of, what it was held against, and since when its figures wait: it was
    no news, and the same held against the same would be none again, but for figures."""

    spec: ModelDeployment
    live: RawObject
    said: tuple[object, ...]
    at_s: float


class Teller:
    """Tells each model's decision, and writes what is news of it."""

    def __init__(self, actor: Actor, caches: Caches, metrics: Metrics) -> None:
        self._actor = actor
        self._caches = caches
        self._metrics = metrics
        self._written_s: dict[ObjectKey, float] = {}
        self._looked: dict[ObjectKey, _Looked] = {}
        self._figures = Figures()

    def begin(self, models: int, tick_s: float) -> None:
        """A tick over so many models begins."""
        self._figures.begin(models, tick_s)

    async def tell(
        self,
        state: ModelState,
        plan: ModelPlan,
        snapshot: Snapshot,
        compressed: Compressed | None,
        now_s: float,
    ) -> None:
        """Notes one decision in log and metrics, and writes the status where it is news."""
        key, decision = state.spec.key, plan.decision
        self._metrics.decisions.labels(decision.action, decision.binding or "None").inc()
        obj = self._caches.get(kinds.MODEL_DEPLOYMENT, key)
        rests = decision.action == "Hold" and not log.isEnabledFor(logging.DEBUG)
        said = _said(state, plan, compressed)
        if rests and obj is not None and self._is_known(state.spec, obj, said, now_s):
            return
        told = explain(plan, state.spec, snapshot.accelerator_classes)
        _log_decision(told)
        if obj is None:
            return
        status = build_status(state, told, whole(obj.get("status")), now_s, compressed)
        as_of_s = await self.write(key, status, now_s)
        if as_of_s is None:
            self._looked.pop(key, None)
        else:
            self._looked[key] = _Looked(state.spec, obj, said, as_of_s)

    async def write(self, key: ObjectKey, status: Status, now_s: float) -> float | None:
        """Writes a status that is news, and the Events that go with it. Returns since when its
        figures have waited where there is nothing to write yet, else None."""
        obj = self._caches.get(kinds.MODEL_DEPLOYMENT, key)
        if obj is None:
            return None
        live = whole(obj.get("status"))
        last_s, news = self._written_s.get(key), news_of(status, live)
        since_s = None if last_s is None else now_s - last_s
        if news is News.NONE:
            return now_s
        if news is News.FIGURES and not self._figures.take(since_s):
            return None if self._figures.are_due(since_s) else last_s
        try:
            await self._actor.write_status(obj, status)
        except ApiError as error:
            self._metrics.errors.labels("kubernetes", error.reason).inc()
            log.warning("the status of %s was not written: %s", key, error)
            return None
        self._written_s[key] = now_s
        for note in transitions(status, live):
            await self._actor.post_event(obj, note.type, note.reason, note.message)
        return None

    def forget(self, present: Collection[ObjectKey]) -> None:
        """Drops what is known of models that are gone."""
        for key in [k for k in self._written_s if k not in present]:
            if self._caches.get(kinds.MODEL_DEPLOYMENT, key) is None:
                del self._written_s[key]
                self._looked.pop(key, None)
                self._actor.forget(key)

    def _is_known(
        self, spec: ModelDeployment, live: RawObject, said: tuple[object, ...], now_s: float
    ) -> bool:
        last = self._looked.get(spec.key)
        return (
            last is not None
            and last.spec is spec
            and last.live is live
            and last.said == said
            and not self._figures.are_due(now_s - last.at_s)
        )


def _said(state: ModelState, plan: ModelPlan, compressed: Compressed | None) -> tuple[object, ...]:
    """All that a transition of the status can come from, besides its spec: see status.news_of."""
    decision = plan.decision
    return (
        state.workloads,
        state.checked,
        compressed,
        plan.targets,
        plan.cost_per_hour,
        plan.budget_per_hour,
        plan.latency.source,
        decision.action,
        decision.binding,
        [c.name for c in decision.constraints],
        [(c.type, c.status, c.reason) for c in plan.conditions],
    )


def _log_decision(told: Explanation) -> None:
    level = logging.DEBUG if told.action == "Hold" else logging.INFO
    if log.isEnabledFor(level):
        log.log(level, "%s", told.line, extra=log_fields(told))
