"""The election as it befalls one operator: it begins, ends, and is given up."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from tests.control.scrape import scraped
from tests.control.world import FakeKube
from trimtab.actuate import kinds
from trimtab.actuate.client_errors import Conflict, Forbidden, Unavailable
from trimtab.actuate.fence import Fence, NotLeading
from trimtab.api.resources import ObjectKey, RawObject
from trimtab.control.elector import Elector
from trimtab.control.lease import Candidate, LeaseTimes
from trimtab.control.metrics import Metrics

PLACE = ObjectKey("trimtab-system", "trimtab")
TIMES = LeaseTimes(15.0, 10.0, 2.0)


class LeaseServer(FakeKube):
    """An API server that may be down, or hold every request."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.held = asyncio.Event()
        self.held.set()
        self.faults: list[Exception] = []

    @property
    def spec(self) -> dict[str, Any]:
        return dict(self.find_one("Lease")["spec"])

    def edited(self, **spec: Any) -> None:
        """As if somebody had written the Lease by hand."""
        lease = self.find_one("Lease")
        self.put({**lease, "spec": {**lease["spec"], **spec}})

    async def find(self, kind: Any, name: str, namespace: str | None = None) -> Any:
        await self._answers()
        return await super().find(kind, name, namespace)

    async def replace(self, obj: RawObject) -> dict[str, Any]:
        await self._answers()
        return await super().replace(obj)

    async def create(self, obj: RawObject) -> dict[str, Any]:
        await self._answers()
        return await super().create(obj)

    async def _answers(self) -> None:
        await self.held.wait()
        if self.faults:
            raise self.faults.pop()
        if self.down:
            raise Unavailable("GET", 0, "ClientConnectorError", "connection refused")


class Operator:
    """One elector, with a clock that the story moves, and what it was told to do."""

    def __init__(self, server: LeaseServer, name: str, times: LeaseTimes = TIMES) -> None:
        self.now_s = 1000.0
        self.fence = Fence(lambda: self.now_s)
        self.metrics = Metrics()
        self.leads, self.began = False, asyncio.Event()
        self.anew: list[bool] = []
        candidate = Candidate(PLACE, name, times)
        self.elector = Elector(
            server, candidate, self.fence, self.metrics, self._lead, clock=lambda: self.now_s
        )

    async def turn(self, *, after_s: float = 0.0) -> bool:
        """Whether it leads after another look."""
        self.now_s += after_s
        await self.elector.turn()
        await asyncio.sleep(0)  # what it started begins
        return self.leads

    def may_write(self) -> bool:
        try:
            self.fence.check()
        except NotLeading:
            return False
        return True

    def series(self, name: str) -> str:
        """The value of one series."""
        lines = scraped(self.metrics).splitlines()
        return next(line.split()[1] for line in lines if line.startswith(f"{name} "))

    async def _lead(self, anew: bool) -> None:
        self.anew.append(anew)
        self.leads = True
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.leads = False


@pytest.fixture
def server() -> LeaseServer:
    return LeaseServer()


@pytest.fixture
def a(server: LeaseServer) -> Operator:
    return Operator(server, "a")


@pytest.fixture
def b(server: LeaseServer) -> Operator:
    return Operator(server, "b")


async def test_one_leads_and_the_other_stands_by(
    a: Operator, b: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert await a.turn()
        assert not await b.turn()
    assert (a.may_write(), b.may_write()) == (True, False)
    assert caplog.messages == [
        "leads: holds the Lease trimtab-system/trimtab as a",
        "stands by: a holds the Lease trimtab-system/trimtab",
    ]
    assert (a.series("trimtab_leader"), b.series("trimtab_leader")) == ("1.0", "0.0")
    assert b.elector.knows


async def test_a_stopped_leader_may_not_write_when_it_wakes(a: Operator, b: Operator) -> None:
    """SIGSTOP, the other takes over, SIGCONT: the clock says so before any request does."""
    await a.turn()
    await b.turn()
    assert await b.turn(after_s=15.0)
    a.now_s += 15.0
    assert a.leads  # nobody has told it yet
    assert not a.may_write()
    assert not await a.turn()


async def test_a_leader_that_cannot_renew_stops_at_its_deadline_and_comes_back_the_same(
    server: LeaseServer, a: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    await a.turn()
    server.down = True
    assert await a.turn(after_s=9.9)
    assert not await a.turn(after_s=0.1)
    assert "leads no more: no renewal for 10 s: GET: connection refused" in caplog.text
    assert not await a.turn(after_s=600.0)
    server.down = False
    assert await a.turn(after_s=2.0)
    # Nobody else has led: what it remembers is still true.
    assert a.anew == [True, False]
    assert server.spec["leaseTransitions"] == 0


async def test_who_comes_back_after_another_led_begins_anew(a: Operator, b: Operator) -> None:
    await a.turn()
    await b.turn()
    await b.turn(after_s=15.0)
    await a.turn(after_s=16.0)
    assert await a.turn(after_s=15.0)
    assert a.anew == [True, True]
    assert a.series("trimtab_lease_transitions") == "2.0"


async def test_what_leads_is_stopped_before_anything_is_waited_for(
    server: LeaseServer, a: Operator
) -> None:
    await a.turn()
    server.held.clear()
    a.now_s += 10.0
    turning = asyncio.create_task(a.elector.turn())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not a.leads
    server.held.set()
    await turning


async def test_a_renewal_without_an_answer_does_not_outlive_the_lease(
    server: LeaseServer, a: Operator
) -> None:
    await a.turn()
    server.held.clear()
    a.now_s += 9.99
    await a.elector.turn()  # ends, although nobody answers
    server.held.set()


async def test_a_hand_that_wrote_the_lease_costs_a_look_and_not_the_lead(
    server: LeaseServer, a: Operator
) -> None:
    await a.turn()
    server.edited()
    assert await a.turn(after_s=2.0)
    a.now_s += 9.0
    assert a.may_write()  # it was renewed after all
    assert a.anew == [True]


async def test_a_lease_that_was_given_to_another_by_hand_ends_the_lead(
    server: LeaseServer, a: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    await a.turn()
    server.edited(holderIdentity="somebody")
    assert not await a.turn(after_s=2.0)
    assert not a.may_write()
    assert "leads no more: somebody took the Lease trimtab-system/trimtab" in caplog.text


async def test_a_refused_renewal_closes_the_fence_before_the_next_look(
    server: LeaseServer, a: Operator
) -> None:
    await a.turn()
    server.edited(holderIdentity="somebody")
    find, seen = server.find, []

    async def watched(*given: Any) -> Any:
        seen.append(a.may_write())
        return await find(*given)

    server.find = watched  # type: ignore[method-assign, assignment]
    await a.turn(after_s=2.0)
    assert seen == [False]


async def test_missing_rights_are_told_once_and_it_knows_nothing(
    server: LeaseServer, a: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    async def refused(*_: Any) -> None:
        raise Forbidden("GET /lease", 403, "Forbidden", "cannot get resource leases")

    server.find = refused  # type: ignore[method-assign, assignment]
    await a.turn()
    await a.turn(after_s=2.0)
    assert caplog.text.count("cannot get resource leases") == 1
    assert not a.elector.knows


async def test_a_bug_does_not_end_the_election(
    server: LeaseServer, caplog: pytest.LogCaptureFixture
) -> None:
    hurried = Operator(server, "a", LeaseTimes(1.0, 0.5, 0.01))
    server.faults.append(ValueError("a Lease that nobody had thought of"))
    electing = asyncio.create_task(hurried.elector.run())
    await hurried.began.wait()
    electing.cancel()
    await asyncio.gather(electing, return_exceptions=True)
    assert "a Lease that nobody had thought of" in caplog.text


async def test_who_is_told_to_stop_hands_over_at_once(
    server: LeaseServer, a: Operator, b: Operator
) -> None:
    electing = asyncio.create_task(a.elector.run())
    await a.began.wait()
    assert not await b.turn()
    electing.cancel()
    await asyncio.gather(electing, return_exceptions=True)
    assert (a.leads, a.may_write(), server.spec["holderIdentity"]) == (False, False, "")
    assert await b.turn(after_s=2.0)
    assert server.spec["leaseTransitions"] == 1


async def test_the_lease_is_given_up_after_the_last_write_and_not_before(
    server: LeaseServer, a: Operator
) -> None:
    electing = asyncio.create_task(a.elector.run())
    await a.began.wait()
    with a.fence.write():
        electing.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        assert not a.may_write()  # another write would not be sent
        assert server.spec["holderIdentity"] == "a"
    await asyncio.gather(electing, return_exceptions=True)
    assert server.spec["holderIdentity"] == ""


async def test_a_renewal_on_its_way_does_not_keep_the_lease_from_being_given_up(
    server: LeaseServer, a: Operator
) -> None:
    electing = asyncio.create_task(a.elector.run())
    await a.began.wait()
    server.edited()  # the renewal arrived, and its answer did not
    electing.cancel()
    await asyncio.gather(electing, return_exceptions=True)
    assert server.spec["holderIdentity"] == ""


async def test_another_ones_lease_is_not_given_up(server: LeaseServer, a: Operator) -> None:
    electing = asyncio.create_task(a.elector.run())
    await a.began.wait()
    server.edited(holderIdentity="b")
    electing.cancel()
    await asyncio.gather(electing, return_exceptions=True)
    assert server.spec["holderIdentity"] == "b"


async def test_two_that_come_at_once_make_one_leader(a: Operator, b: Operator) -> None:
    await asyncio.gather(a.turn(), b.turn())
    assert [a.leads, b.leads].count(True) == 1


async def test_the_fake_server_compares_and_swaps(server: LeaseServer, a: Operator) -> None:
    """Or none of these stories would tell anything."""
    await a.turn()
    stale = await server.find(kinds.LEASE, PLACE.name, PLACE.namespace)
    server.edited()
    with pytest.raises(Conflict):
        await server.replace(stale)
