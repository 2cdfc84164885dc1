"""Who leads: what a candidate concludes of the Lease, by its own clock alone."""

from __future__ import annotations

import copy
import heapq
import itertools
import math
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.api.resources import ObjectKey, RawObject
from trimtab.control.lease import JITTER, Candidate, LeaseTimes

PLACE = ObjectKey("trimtab-system", "trimtab")
TIMES = LeaseTimes(duration_s=15.0, renew_deadline_s=10.0, retry_s=2.0)
WALL = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


class Server:
    """One Lease, written by compare-and-swap."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self._versions = itertools.count(1)

    def write(self, body: dict[str, Any]) -> RawObject | None:
        """None where the version is not the newest."""
        known = self.lease["metadata"]["resourceVersion"] if self.lease else None
        if body["metadata"].get("resourceVersion") != known:
            return None
        meta = {**body["metadata"], "uid": "one", "resourceVersion": str(next(self._versions))}
        self.lease = {**body, "metadata": meta}
        return self.read()

    def read(self) -> RawObject | None:
        """As it is now, whatever comes later."""
        return copy.deepcopy(self.lease)


def turn(me: Candidate, server: Server, now_s: float) -> Candidate:
    """A look and a bid, without delay."""
    me = me.observed(server.read(), now_s)
    bid = me.bid(now_s, WALL)
    if bid is None:
        return me
    answer = server.write(bid)
    return me.refused() if answer is None else me.granted(answer, now_s, now_s)


def candidates() -> tuple[Candidate, Candidate]:
    return Candidate(PLACE, "a", TIMES), Candidate(PLACE, "b", TIMES)


# -- stories ------------------------------------------------------------------------------


def test_the_first_to_come_leads_and_says_so_in_the_lease() -> None:
    server, (a, b) = Server(), candidates()
    a = turn(a, server, 100.0)
    b = turn(b, server, 5000.0)  # its clock began elsewhere
    assert (a.leads(100.0), b.leads(5000.0)) == (True, False)
    assert server.lease is not None
    assert server.lease["spec"] == {
        "holderIdentity": "a",
        "leaseDurationSeconds": 15,
        "acquireTime": "2026-01-02T03:04:05.678901Z",
        "renewTime": "2026-01-02T03:04:05.678901Z",
        "leaseTransitions": 0,
    }


def test_a_holder_renews_and_the_other_waits_for_as_long_as_it_does() -> None:
    server, (a, b) = Server(), candidates()
    for second in range(0, 100, 2):
        a = turn(a, server, float(second))
        b = turn(b, server, second + 0.5)
        assert a.leads(float(second))
        assert not b.leads(second + 0.5)
    assert a.seen is not None
    assert a.seen.transitions == 0


def test_a_renewal_moves_the_time_of_renewal_and_not_that_of_the_take_over() -> None:
    server, (a, _) = Server(), candidates()
    a = turn(a, server, 0.0)
    bid = a.bid(2.0, WALL + timedelta(seconds=2))
    assert bid is not None
    assert bid["spec"]["acquireTime"] == "2026-01-02T03:04:05.678901Z"
    assert bid["spec"]["renewTime"] == "2026-01-02T03:04:07.678901Z"


def test_a_dead_holders_lease_is_taken_when_it_was_seen_unchanged_for_its_duration() -> None:
    server, (a, b) = Server(), candidates()
    a = turn(a, server, 0.0)
    b = turn(b, server, 1.0)
    assert b.wait_s(15.5, 0.0) == pytest.approx(0.5)  # it looks when it runs out, and not later
    assert not turn(b, server, 15.9).leads(15.9)
    b = turn(b, server, 16.0)
    assert b.leads(16.0)
    assert b.seen is not None
    assert b.seen.transitions == 1
    assert not a.leads(10.0)  # and the first had stopped by itself


def test_a_holder_that_finds_another_in_the_lease_leads_no_more() -> None:
    server, (a, b) = Server(), candidates()
    a = turn(a, server, 0.0)
    b = turn(b, server, 1.0)
    turn(b, server, 16.0)
    assert not a.observed(server.lease, 9.0).leads(9.0)


def test_a_renewal_counts_from_when_it_was_asked_for() -> None:
    """Its answer took 8 s, and for as long the others have counted."""
    server, (a, _) = Server(), candidates()
    bid = a.bid(0.0, WALL)
    assert bid is not None
    answer = server.write(bid)
    assert answer is not None
    a = a.granted(answer, asked_s=0.0, now_s=8.0)
    assert a.leads(9.9)
    assert not a.leads(10.0)


def test_a_refused_bid_is_nobodys_lease_until_it_was_read() -> None:
    server, (a, _) = Server(), candidates()
    a = turn(a, server, 0.0)
    assert server.lease is not None
    server.lease["metadata"]["resourceVersion"] = "a user's annotation"
    bid = a.bid(2.0, WALL)
    assert bid is not None
    assert bid["metadata"]["resourceVersion"] != "a user's annotation"
    assert server.write(bid) is None
    a = a.refused()
    assert not a.leads(2.0)
    assert turn(a, server, 2.1).leads(2.1)


def test_a_released_lease_is_taken_at_once() -> None:
    server, (a, b) = Server(), candidates()
    a = turn(a, server, 0.0)
    b = turn(b, server, 1.0)
    given_up = a.release(WALL)
    assert given_up is not None
    assert server.write(given_up) is not None
    b = turn(b, server, 2.0)
    assert b.leads(2.0)
    assert server.lease is not None
    assert server.lease["spec"]["leaseDurationSeconds"] == 15
    assert b.release(WALL) is not None
    assert a.observed(server.lease, 3.0).release(WALL) is None  # not its own


def test_the_same_term_goes_on_where_nobody_led_in_between() -> None:
    server, (a, b) = Server(), candidates()
    a = turn(a, server, 0.0)
    assert a.seen is not None
    term = a.seen.term
    a = turn(a, server, 500.0)  # the API server was away
    assert a.seen is not None
    assert (a.leads(500.0), a.seen.term) == (True, term)
    b = turn(turn(b, server, 501.0), server, 516.0)
    a = turn(turn(a, server, 517.0), server, 532.0)
    assert a.seen is not None
    assert a.leads(532.0)
    assert a.seen.term != term


def test_a_deleted_lease_tells_its_holder_nothing_so_the_others_wait() -> None:
    server, (a, b) = Server(), candidates()
    a = turn(a, server, 0.0)
    b = turn(b, server, 1.0)
    server.lease = None
    b = turn(b, server, 2.0)
    assert not b.leads(2.0)
    assert turn(b, server, 16.0).leads(16.0)
    server.lease = None
    assert turn(a, server, 4.0).leads(4.0)  # its holder makes it anew


def test_the_holders_word_for_its_duration_goes_before_our_own_settings() -> None:
    server = Server()
    patient = LeaseTimes(duration_s=60.0, renew_deadline_s=40.0)
    turn(Candidate(PLACE, "a", patient), server, 0.0)
    b = turn(Candidate(PLACE, "b", TIMES), server, 0.0)
    assert not turn(b, server, 59.0).leads(59.0)
    assert turn(b, server, 60.0).leads(60.0)


def test_what_others_write_in_the_lease_stays() -> None:
    server, (a, _) = Server(), candidates()
    a = turn(a, server, 0.0)
    assert server.lease is not None
    server.lease["metadata"]["labels"] = {"team": "vision"}
    server.lease["spec"]["strategy"] = "OldestEmulationVersion"
    a = turn(a, server, 2.0)
    assert server.lease["metadata"]["labels"] == {"team": "vision"}
    assert server.lease["spec"]["strategy"] == "OldestEmulationVersion"


@pytest.mark.parametrize(
    ("times", "says"),
    [
        ((15.0, 15.0, 2.0), r"lease\.renewDeadline must be shorter than lease\.duration \(15s\)"),
        ((15.0, 20.0, 2.0), "got 20s"),
        ((15.0, 2.4, 2.0), r"longer than 1\.2 times lease\.retryPeriod \(2\.4s\).*got 2\.4s"),
        ((0.5, 0.4, 0.1), r"lease\.duration must be at least 1s; got 0\.5s"),
        ((15.0, 10.0, 0.0), r"lease\.retryPeriod must be more than 0s; got 0s"),
    ],
)
def test_times_that_cannot_be_kept_are_refused(
    times: tuple[float, float, float], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        LeaseTimes(*times)


# -- any two candidates, whatever befalls them --------------------------------------------

# Between two steps of a process. By a clock that was set back less than a moment may be left of a
# Lease than real time can be told apart by, and it would be waited for without end.
LEAST_S = 1e-9


@dataclass
class Fate:
    """What befalls one candidate: how fast its clock runs, and of every request how long it is on
    its way there and back, whether the answer is lost, and for how long the process is stopped
    before it goes on (a SIGSTOP, a long garbage collection)."""

    rate: float
    requests: Iterator[tuple[float, float, bool]]
    pauses: Iterator[float]
    offset_s: float = 0.0
    born_s: float = 0.0
    dies_s: float = math.inf

    def clock(self, real_s: float) -> float:
        """Its own clock."""
        return self.offset_s + real_s * self.rate

    def real(self, local_s: float) -> float:
        """When its clock shows that."""
        return (local_s - self.offset_s) / self.rate


@dataclass
class Simulation:
    """Real time, in which the server works and both candidates live."""

    times: LeaseTimes = TIMES
    server: Server = field(default_factory=Server)
    now_s: float = 0.0
    may_write: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def live(self, fates: dict[str, Fate], until_s: float) -> None:
        """Runs all candidates."""
        order = itertools.count()
        lives = {name: self._life(name, fate) for name, fate in fates.items()}
        due: list[tuple[float, int, str | Callable[[], None]]] = []
        for name, fate in fates.items():
            heapq.heappush(due, (fate.born_s, next(order), name))
        while due and due[0][0] < until_s:
            self.now_s, _, who = heapq.heappop(due)
            if callable(who):
                who()
                continue
            if self.now_s >= fates[who].dies_s:
                continue
            after_s, work = next(lives[who], (math.inf, None))
            if work is not None:  # a request arrives at its own time, whoever still waits for it
                heapq.heappush(due, (self.now_s + work[0], next(order), work[1]))
            heapq.heappush(due, (self.now_s + max(after_s, LEAST_S), next(order), who))

    def _life(self, name: str, fate: Fate) -> Generator[tuple[float, Any], None, None]:
        me = Candidate(PLACE, name, self.times)
        while True:
            me = yield from self._turn(me, fate)
            yield me.wait_s(fate.clock(self.now_s), 0.5) / fate.rate + next(fate.pauses), None

    def _turn(self, me: Candidate, fate: Fate) -> Generator[tuple[float, Any], None, Candidate]:
        if not me.leads(fate.clock(self.now_s)):
            read: list[RawObject | None] = []
            there_s, back_s, lost = next(fate.requests)
            yield there_s + back_s, (there_s, lambda: read.append(self.server.read()))
            if lost:
                return me
            me = self._now(me.observed(read[0], fate.clock(self.now_s)), fate)
            yield next(fate.pauses), None
        bid = me.bid(fate.clock(self.now_s), WALL)
        if bid is None:
            return me
        asked_s, wrote = fate.clock(self.now_s), list[RawObject | None]()
        there_s, back_s, lost = next(fate.requests)
        send = lambda: wrote.append(self.server.write(bid))  # noqa: E731
        if lost:  # the client gives up; the request may still arrive, and much later
            yield min(self.times.renew_deadline_s / 2, there_s), (there_s, send)
            return me
        yield there_s + back_s, (there_s, send)
        yield next(fate.pauses), None
        if wrote[0] is None:
            return self._now(me.refused(), fate)
        return self._now(me.granted(wrote[0], asked_s, fate.clock(self.now_s)), fate)

    def _now(self, me: Candidate, fate: Fate) -> Candidate:
        """Notes from when to when the fence is open by that knowledge."""
        spans = self.may_write.setdefault(me.identity, [])
        if spans and spans[-1][1] > self.now_s:
            spans[-1] = (spans[-1][0], self.now_s)
        ends_s = fate.real(me.until_s)
        if ends_s > self.now_s:
            spans.append((self.now_s, ends_s))
        return me


def test_time_goes_on_however_short_a_wait() -> None:
    class Hasty(Simulation):
        waits = 0

        def _life(self, name: str, fate: Fate) -> Generator[tuple[float, Any], None, None]:
            while self.waits < 1000:
                self.waits += 1
                yield 2.0**-60, None

    simulation = Hasty()
    simulation.live({"a": Fate(1.0, iter(()), iter(()), born_s=1.0)}, until_s=1.0 + 1e-7)
    assert 10 < simulation.waits < 1000


def fates() -> st.SearchStrategy[Callable[[float], Fate]]:
    """By the rate of its clock. Often all is quick but for one long stop: with everything slow at
    once nobody ever leads for long, and nothing is tested."""
    delay = st.floats(0.0, 0.1) | st.floats(0.0, 8.0)
    request = st.tuples(delay, delay, st.booleans())
    quick = st.just([(0.0, 0.0, False)])
    requests = quick | quick | st.lists(request, min_size=1, max_size=12)
    stop = st.tuples(st.integers(1, 20), st.floats(1.0, 8.0)).map(lambda s: [*[0.0] * s[0], s[1]])
    pauses = st.just([0.0]) | stop | stop | st.lists(st.floats(0.0, 8.0), min_size=1, max_size=12)
    return st.builds(
        lambda asked, stops, offset_s: (
            lambda rate: Fate(rate, itertools.cycle(asked), itertools.cycle(stops), offset_s)
        ),
        requests,
        pauses,
        st.floats(-1e6, 1e6),
    )


@pytest.mark.parametrize("rates", [(1.0, 1.45), (1.45, 1.0)], ids=str)
@settings(max_examples=150, deadline=None)
@given(fates(), fates())
def test_never_may_two_write_at_one_moment(
    rates: tuple[float, float], a: Callable[[float], Fate], b: Callable[[float], Fate]
) -> None:
    """Whatever is slow, lost or stopped, and with clocks of which one runs 1.45 times as fast as
    the other; 3 s to 2 s allow 1.5. They look often, or the one would rarely see at once what the
    other wrote, and there would be seconds to spare."""
    simulation = Simulation(LeaseTimes(3.0, 2.0, 0.1))
    simulation.live({"a": a(rates[0]), "b": b(rates[1])}, until_s=15.0)
    spans = sorted(
        (start, end, who) for who, all_ in simulation.may_write.items() for start, end in all_
    )
    for (_, end, one), (start, _, other) in itertools.pairwise(spans):
        assert one == other or end <= start + 1e-6, spans


@given(st.floats(5.0, 60.0), st.floats(0.0, 0.5), st.floats(0.0, 0.5))
def test_when_the_holder_dies_the_other_takes_over_in_time(
    died_s: float, a_delay_s: float, b_delay_s: float
) -> None:
    simulation = Simulation()

    def steady(delay_s: float, **life: float) -> Fate:
        requests = itertools.repeat((delay_s / 2, delay_s / 2, False))
        return Fate(1.0, requests, itertools.repeat(0.0), **life)

    a, b = steady(a_delay_s, dies_s=died_s), steady(b_delay_s, born_s=3.0)
    simulation.live({"a": a, "b": b}, until_s=died_s + 60.0)
    assert simulation.may_write["a"][0][0] < 3.0
    took_over_s = simulation.may_write["b"][0][0]
    # A look, the duration from then on, and the requests on either side of it.
    requests_s = a_delay_s / 2 + 3 * b_delay_s
    bound_s = TIMES.duration_s + TIMES.retry_s * (1 + JITTER) + requests_s
    assert took_over_s <= died_s + bound_s + 1e-6
