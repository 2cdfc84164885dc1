"""Takes part in the election: reads and writes the Lease, opens the fence, starts and stops the
work that only the leader does."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
import uuid
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from random import SystemRandom
from typing import Any, Protocol

from trimtab.actuate.client_errors import ApiError, Conflict, NotFound
from trimtab.actuate.fence import Clock, Fence, elapsed_s
from trimtab.actuate.kinds import LEASE, Kind
from trimtab.api.resources import RawObject
from trimtab.control.lease import Candidate
from trimtab.control.metrics import Metrics

log = logging.getLogger(__name__)

_RANDOM = SystemRandom()

Lead = Callable[[bool], Coroutine[Any, Any, None]]
"""What the leader does until it is cancelled. True: another may have led since it last did."""


class LeaseApi(Protocol):
    """What is needed of the API server. `client.KubeClient` has it: one without a fence, since the
    lease is what opens it, and of its own, so that no renewal waits for a slot behind writes."""

    async def find(self, kind: Kind, name: str, namespace: str | None = None) -> RawObject | None:
        """The live object, None where there is none."""

    async def create(self, obj: RawObject) -> dict[str, Any]:
        """Creates it; Conflict where it exists."""

    async def replace(self, obj: RawObject) -> dict[str, Any]:
        """Replaces it; Conflict where its resourceVersion is not the newest."""


def new_identity() -> str:
    """The pod's name and something random: a container that starts anew is not the one before."""
    return f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}"


class Elector:
    """One candidate at work."""

    def __init__(
        self,
        kube: LeaseApi,
        candidate: Candidate,
        fence: Fence,
        metrics: Metrics,
        lead: Lead,
        *,
        clock: Clock = elapsed_s,
    ) -> None:
        self._kube = kube
        self._me = candidate
        self._fence = fence
        self._metrics = metrics
        self._lead = lead
        self._clock = clock
        self._leading: asyncio.Task[None] | None = None
        self._term: tuple[str, int] | None = None
        self._told = self._trouble = ""
        self.turned_s: float | None = None
        self.led_since_s: float | None = None

    @property
    def knows(self) -> bool:
        """Whether it has read the Lease."""
        return self._me.seen is not None

    async def run(self) -> None:
        """Takes part until it is cancelled; then it gives the lease up."""
        try:
            while True:
                try:
                    await self.turn()
                except Exception:
                    # A bug must not end the election; a lead ends by its deadline.
                    self._metrics.errors.labels("trimtab", "Bug").inc()
                    log.exception("a look at the Lease %s failed", self._me.place)
                await asyncio.sleep(self._me.wait_s(self._clock(), _RANDOM.random()))
        finally:
            await self._resign()

    async def turn(self) -> None:
        """One look at the Lease, with a bid where one may be made, and what follows from it."""
        await self._act()
        now_s = self._clock()
        # A holder's turn ends with its lease, or what must stop then would wait for an answer.
        left_s = self._me.until_s - now_s if self._me.leads(now_s) else None
        try:
            async with asyncio.timeout(left_s):
                await self._take_part()
            self._trouble = ""
        except TimeoutError:
            self._trouble = "the API server did not answer in time"
        except ApiError as error:
            self._note_trouble(error)
        await self._act()
        self.turned_s = time.time()

    async def _take_part(self) -> None:
        place = self._me.place
        for _ in range(2):
            if not self._me.leads(self._clock()):
                lease = await self._kube.find(LEASE, place.name, place.namespace)
                self._become(self._me.observed(lease, self._clock()))
            bid = self._me.bid(self._clock(), datetime.now(UTC))
            if bid is None:
                return
            asked_s = self._clock()
            put = self._kube.replace if bid["metadata"].get("resourceVersion") else None
            try:
                lease = await (put or self._kube.create)(bid)
            except (Conflict, NotFound):
                self._become(self._me.refused())
            else:
                self._become(self._me.granted(lease, asked_s, self._clock()))
                return

    def _become(self, me: Candidate) -> None:
        """Takes what was learnt, and moves the fence with it in the same breath."""
        self._me = me
        self._fence.open(me.until_s)

    async def _act(self) -> None:
        """Starts or stops leading, as the lease says by now."""
        leads = self._me.leads(self._clock())
        if leads and self._leading is None:
            self._start()
        elif not leads and self._leading is not None:
            log.warning("leads no more: %s", self._why())
            await self._stop()
        elif self._leading is not None and self._leading.done():
            self._leading.result()
        self._tell_holder()

    def _start(self) -> None:
        seen = self._me.seen
        assert seen is not None, "a lease that is held was seen"
        anew, self._term = seen.term != self._term, seen.term
        self.led_since_s = time.time()
        log.info("leads: holds the Lease %s as %s", self._me.place, self._me.identity)
        self._leading = asyncio.create_task(self._lead(anew), name="leading")

    async def _stop(self) -> None:
        if self._leading is not None:
            self._leading.cancel()
            await asyncio.gather(self._leading, return_exceptions=True)
        self._leading = self.led_since_s = None
        self._metrics.forget_models()

    async def _resign(self) -> None:
        """Gives the lease up once the last write is answered, so that no two write at one time."""
        self._fence.close()
        await self._fence.idle()
        await self._stop()
        self._metrics.leader.set(0)
        try:
            if await self._give_up():
                log.info("gave up the Lease %s", self._me.place)
        except ApiError as error:
            log.warning("the Lease %s was not given up: %s", self._me.place, error)

    async def _give_up(self) -> bool:
        """False where the lease was not ours."""
        place = self._me.place
        given_up = self._me.release(datetime.now(UTC))
        if given_up is None:
            return False
        try:
            await self._kube.replace(given_up)
        except Conflict:
            # A renewal was on its way when we were told to stop, and its answer never came.
            lease = await self._kube.find(LEASE, place.name, place.namespace)
            self._me = self._me.observed(lease, self._clock())
            given_up = self._me.release(datetime.now(UTC))
            if given_up is None:
                return False
            await self._kube.replace(given_up)
        return True

    def _why(self) -> str:
        seen = self._me.seen
        if seen is not None and seen.gone:
            return f"the Lease {self._me.place} was deleted"
        if seen is not None and seen.holder != self._me.identity:
            return f"{seen.holder or 'somebody'} took the Lease {self._me.place}"
        late = f"no renewal for {self._me.times.renew_deadline_s:g} s"
        return f"{late}: {self._trouble}" if self._trouble else late

    def _note_trouble(self, error: ApiError) -> None:
        said = f"{error}"
        self._metrics.errors.labels("kubernetes", error.reason).inc()
        if said != self._trouble:
            log.warning("the Lease %s could not be read or written: %s", self._me.place, said)
        self._trouble = said

    def _tell_holder(self) -> None:
        seen = self._me.seen
        self._metrics.leader.set(1 if self._leading is not None else 0)
        if seen is None:
            return
        self._metrics.lease_transitions.set(seen.transitions)
        if seen.holder != self._told and seen.holder not in ("", self._me.identity):
            log.info("stands by: %s holds the Lease %s", seen.holder, self._me.place)
        self._told = seen.holder
