"""The output check's shell: it reads samples, asks pods, and remembers what came of it.

Everything here runs beside the loop: a tick notes what is known and starts what is due, and waits
for neither. Whatever fails leaves a workload unknown, which changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from trimtab.actuate import kinds
from trimtab.api.resources import ObjectKey, OutputCheck
from trimtab.control.asking import AGAIN_S, Askable, Tried, is_due, next_pod
from trimtab.control.caches import Caches
from trimtab.control.sample import Kube, ReadSample, read_sample
from trimtab.core.agreement import disagrees, fingerprints
from trimtab.core.snapshot import (
    Agreement,
    Checked,
    ModelState,
    NoAnswer,
    Snapshot,
    Workload,
    WorkloadKey,
)
from trimtab.observe.asker import Asker, Unanswered
from trimtab.observe.sample import Questions

log = logging.getLogger(__name__)

FIRST_SHARE, LATER_SHARE = 0.25, 0.05
"""Of its time that a pod is kept busy: what has just started must be judged soon; later the check
must be no load. Either counts in the rates that the plan is made for."""
_OLD_AFTER = 2  # intervals without an answer after which the last one is no news any more

_Place = tuple[ObjectKey, WorkloadKey]
_Asked = tuple[ObjectKey, WorkloadKey | None]  # None: the API server, for the sample


@dataclass(frozen=True, slots=True)
class _Question:
    """One workload to be asked, and all that this needs."""

    place: _Place
    model: str
    pod: Askable
    fingerprint: str
    asked: Questions
    check: OutputCheck
    share: float


class Checker:
    """Asks pods the sample of their model. `wake` is called when there is news."""

    def __init__(
        self, kube: Kube, caches: Caches, asker: Asker, http_port: int, wake: Callable[[], None]
    ) -> None:
        self._kube = kube
        self._caches = caches
        self._asker = asker
        self._port = http_port
        self._wake = wake
        self._samples: dict[ObjectKey, ReadSample] = {}
        self._found: dict[_Place, Agreement] = {}
        self._tried: dict[_Place, Tried] = {}
        self._asked_s: dict[_Place, dict[str, float]] = defaultdict(dict)
        self._running: dict[_Asked, asyncio.Task[None]] = {}

    def noted(self, snapshot: Snapshot, now_s: float) -> Snapshot:
        """The snapshot with what is known of every model's answers."""
        self._forget({s.spec.key for s in snapshot.models if s.spec.output_check is not None})
        models = tuple(
            s
            if s.spec.output_check is None
            else replace(s, checked=self._known(s, s.spec.output_check, snapshot, now_s))
            for s in snapshot.models
        )
        return replace(snapshot, models=models)

    def start_due(self, snapshot: Snapshot, now_s: float) -> None:
        """Starts what is due, of a snapshot that `noted` made; waits for nothing."""
        for state in snapshot.models:
            check, key = state.spec.output_check, state.spec.key
            if check is None:
                continue
            sample = self._sample(key, check)
            if sample is None or now_s - sample.at_s >= AGAIN_S:
                self._start((key, None), partial(self._read, key, check, sample, now_s))
            if sample is not None and sample.asked is not None:
                for question in self._due(state, check, sample.asked, now_s):
                    self._start(question.place, partial(self._ask, question, now_s))

    async def settle(self) -> None:
        """Waits until nothing runs."""
        while self._running:
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def close(self) -> None:
        """Gives up what runs."""
        for task in tuple(self._running.values()):
            task.cancel()
        await self.settle()

    def _known(
        self, state: ModelState, check: OutputCheck, snapshot: Snapshot, now_s: float
    ) -> Checked:
        key, sample = state.spec.key, self._sample(state.spec.key, check)
        agreements = self._newest(state, sample)
        fingerprint_of = fingerprints(state.spec, snapshot.accelerator_classes)
        unanswered: dict[WorkloadKey, NoAnswer] = {}
        unasked: set[WorkloadKey] = set()
        for workload in (w for w in state.workloads if w.ready):
            now, place = fingerprint_of.get(workload.key), (key, workload.key)
            found, tried = agreements.get(workload.key), self._tried.get(place)
            known = found is not None and found.fingerprint == now
            old = found is None or now_s - found.at_s > _OLD_AFTER * check.interval_s
            if sample is not None and sample.trouble is not None:
                unanswered[workload.key] = sample.trouble
            elif tried is not None and tried.trouble is not None and tried.fingerprint == now:
                if not known or old:
                    unanswered[workload.key] = tried.trouble
            elif not known:
                unasked.add(workload.key)
        return Checked(tuple(agreements.values()), unanswered, frozenset(unasked))

    def _newest(self, state: ModelState, sample: ReadSample | None) -> dict[WorkloadKey, Agreement]:
        newest = {a.key: a for a in state.checked.agreements}
        for (model, workload), found in self._found.items():
            if model == state.spec.key and (
                workload not in newest or newest[workload].at_s <= found.at_s
            ):
                newest[workload] = found
        if sample is None or sample.asked is None:
            return newest
        # A sample that was wrong itself must not leave a variant out for ever.
        return {key: a for key, a in newest.items() if a.sample == sample.asked.hash}

    def _due(
        self, state: ModelState, check: OutputCheck, asked: Questions, now_s: float
    ) -> Iterator[_Question]:
        key, agreements = state.spec.key, {a.key: a for a in state.checked.agreements}
        for workload in state.workloads:
            place, known = (key, workload.key), agreements.get(workload.key)
            pod = self._pod(place, workload)
            if pod is None or workload.fingerprint is None:
                continue
            if is_due(workload, pod, known, self._tried.get(place), check, now_s):
                first = known is None or known.fingerprint != workload.fingerprint
                share = FIRST_SHARE if first else LATER_SHARE
                yield _Question(
                    place, state.spec.model, pod, workload.fingerprint, asked, check, share
                )

    def _pod(self, place: _Place, workload: Workload) -> Askable | None:
        names = {pod.name for pod in workload.pods}
        namespace = place[0].namespace
        own = (self._caches.get(kinds.POD, ObjectKey(namespace, name)) for name in sorted(names))
        asked_s = {n: s for n, s in self._asked_s[place].items() if n in names}
        self._asked_s[place] = asked_s
        return next_pod(workload, [pod for pod in own if pod is not None], asked_s, self._port)

    async def _read(
        self, key: ObjectKey, check: OutputCheck, before: ReadSample | None, now_s: float
    ) -> bool:
        try:
            sample = await read_sample(self._kube, key.namespace, check, before, now_s)
        except Exception as error:
            # As below: what was never read is waited for.
            trouble = NoAnswer("CheckFailed", f"{type(error).__name__}: {error}")
            sample = ReadSample((check.config_map, check.key), now_s, trouble=trouble)
            log.exception("the sample of %s could not be read", key)
        self._samples[key] = sample
        return before is None or (sample.asked, sample.trouble) != (before.asked, before.trouble)

    async def _ask(self, question: _Question, now_s: float) -> bool:
        place, trouble, news = question.place, None, True
        self._asked_s[place][question.pod.name] = now_s
        try:
            found = await self._answered(question, now_s)
            news = question.share == FIRST_SHARE or disagrees(found, question.check)
            self._found[place] = found
        except Unanswered as error:
            trouble = error.why
            log.info("%s: %s was not asked the sample: %s", *place, error)
        except Exception as error:
            # A bug must not hold a switch for ever: what was not tried is waited for.
            trouble = NoAnswer("CheckFailed", f"{type(error).__name__}: {error}")
            log.exception("%s: %s could not be asked the sample", *place)
        self._tried[place] = Tried(question.fingerprint, now_s, trouble)
        return news

    async def _answered(self, question: _Question, now_s: float) -> Agreement:
        pod, asked = question.pod, question.asked

        async def once() -> Agreement:
            agreed = await self._asker.agreed(
                pod.address, question.model, asked, share=question.share
            )
            return Agreement(
                key=question.place[1],
                agreed=agreed,
                items=asked.sample.items,
                at_s=now_s,
                fingerprint=question.fingerprint,
                sample=asked.hash,
                template=pod.template,
            )

        found = await once()
        if not disagrees(found, question.check):
            return found
        # It is left out for good, and one bad moment of one pod must not be the reason.
        return max(found, await once(), key=lambda each: each.agreed)

    def _sample(self, key: ObjectKey, check: OutputCheck) -> ReadSample | None:
        """The sample as last read; None where the spec names another by now."""
        sample = self._samples.get(key)
        return sample if sample is not None and sample.is_of(check) else None

    def _start(self, place: _Asked, work: Callable[[], Awaitable[bool]]) -> None:
        if place in self._running:
            return
        task = self._running[place] = asyncio.create_task(self._run(work))
        # Not at the end of the work: a task that is cancelled before it began has none.
        task.add_done_callback(lambda _: self._running.pop(place))

    async def _run(self, work: Callable[[], Awaitable[bool]]) -> None:
        """Wakes a decision for news alone: of a thousand models a thousand samples are read in
        a minute."""
        if await work():
            self._wake()

    def _forget(self, checked: set[ObjectKey]) -> None:
        """What is not checked any more must begin anew when it is again."""
        for key in [k for k in self._samples if k not in checked]:
            del self._samples[key]
        for known in (self._found, self._tried, self._asked_s):
            for place in [p for p in known if p[0] not in checked]:
                del known[place]
