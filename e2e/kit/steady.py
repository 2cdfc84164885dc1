"""One model under one steady load, to which things are done: what must hold all the while."""

from __future__ import annotations

import itertools
import math
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from e2e.kit.access import wait_for
from e2e.kit.faulty_prometheus import FaultyPrometheus
from e2e.kit.install import NAMESPACE as OPERATOR_NAMESPACE
from e2e.kit.operator import LABEL as OPERATOR_LABEL
from e2e.kit.processes import pids_of_pod, signal_pod
from e2e.kit.recorder import PERIOD_S, Moment, Recorder
from e2e.kit.served import Stage
from e2e.load.process import LoadProcess
from e2e.load.stats import Second

BUDGET = Decimal("0.60")
MOST_REPLICAS = 5
# Such as an operator that takes what it cannot read for no load needs to take a replica away: the
# stabilisation, and a tick or two.
STABILISATION_S = 5
TICKS_TO_HARM = 5
CALM_S = 2.0 * STABILISATION_S
PASSING = frozenset(
    {
        "MetricsMissing",
        "NotReadyYet",
        "ProxiesBehind",
        "ShrinkStep",
        "SpeedUnknown",
        "Stabilization",
    }
)
"""Guards that let go of replicas sooner or later; ProxiesBehind after a minute."""
TICK_S, STALE_AFTER_S = 2, 8
INSTALL = (
    *("--set", "roomForBursts=false", "--set", f"tick={TICK_S}s"),
    *("--set", "prometheus.longWindow=20s", "--set", "prometheus.fastWindow=6s"),
    *("--set", f"prometheus.staleAfter={STALE_AFTER_S}s"),
)
"""Values of the chart: short windows, so that a fault shows, and is over, within seconds."""
LOAD = 2.2
"""Times what one replica answers at most. How many are needed for it nobody can say beforehand:
what a replica can is learnt."""
TRUE_LOAD = 0.8
"""Of the load that there is: a decision on less did not know it. What is measured wavers, by a
tenth where pods have come and gone."""
UNKNOWN_S = STALE_AFTER_S + 2 * TICK_S + PERIOD_S
"""For so long the load may be told for less than it is: what a pod that is lost was sent was never
answered, and is in no sum until the others have it, or until it is too old to be read: a tick later
that is decided, and one more until it is seen."""
_LONGEST_S = 300  # of what is done to it
OLD_POD_S = 2 * 20.0
"""A pod that is Ready for so long must be in every sum (two long windows)."""


def same_twice(stage: Stage, *, left: bool = True, least: int = 1) -> dict[str, Any]:
    """The digits model with its fast variant under two names, of which one may run: a switch
    between them changes nothing but pods."""
    model = stage.digits(
        budget={"perHour": str(BUDGET)},
        scaling={
            "minReplicas": least,
            "maxReplicas": max(MOST_REPLICAS, least),
            "scaleDown": {"stabilization": f"{STABILISATION_S}s"},
        },
    )
    spec = model["spec"]
    (fast,) = [v for v in spec["variants"] if v["name"] == "int8"]
    may, may_not = {"accuracy": "0.98"}, {"accuracy": "0.97"}
    # So patient that a replica is used to what it can: the fleet is then the load's, and not that
    # of the moment's latencies.
    spec["slo"] = {"latency": {"percentile": 99, "target": "500ms"}, "minAccuracy": "0.98"}
    spec["variants"] = [
        {**fast, "name": "left", **(may if left else may_not)},
        {**fast, "name": "right", **(may_not if left else may)},
    ]
    return model


class Steady:
    """The load goes on, and the record with it, through every test that is given this."""

    def __init__(
        self,
        stage: Stage,
        prometheus: FaultyPrometheus,
        rate: float,
        load: LoadProcess,
        record: Recorder,
    ) -> None:
        self.stage = stage
        self.prometheus = prometheus
        self._rate = rate
        self._load = load
        self._record = record
        self._seconds: list[Second] = []

    # -- what is there ----------------------------------------------------------------------

    @property
    def now(self) -> Moment:
        """The newest moment of the record."""
        moment = self._record.last
        assert moment is not None
        return moment

    def since(self, at_s: float) -> list[Moment]:
        """The moments from `at_s` (epoch seconds) on."""
        return self._record.since(at_s)

    def has_grown(self) -> bool:
        """Whether several run: of one alone there is nothing to take away."""
        return self._record.last is not None and self.now.replicas > 1

    def settle(self) -> None:
        """Waits until readings are there, the promise is kept, and the fleet has been for some
        seconds as the load alone would have it: one that is held for a while shrinks in the midst
        of what is done next, and one with a queue loses it with the pod that is killed."""

        def settled() -> bool:
            moments = self.since(time.time() - CALM_S)
            return (
                bool(moments)
                and all(m.replicas == m.ready == m.existing for m in moments)
                and len({m.replicas for m in moments}) == 1
                and all(
                    _condition(moments[-1], c) == "True" for c in ("MetricsAvailable", "SLOMet")
                )
                and not PASSING & {m.status["decision"].get("binding") for m in moments}
            )

        wait_for("a settled fleet", settled, seconds=240)

    def await_old_pods(self) -> None:
        """Waits until no reading may do without any of the pods."""

        def young_s() -> float:
            ready = [
                c for p in self.pods() for c in p["status"]["conditions"] if c["type"] == "Ready"
            ]
            newest = max(c["lastTransitionTime"] for c in ready)
            return OLD_POD_S - (time.time() - _epoch_s(newest))

        wait_for("pods that are old enough", lambda: young_s() < 0.0, seconds=180)

    def pods(self) -> list[dict[str, Any]]:
        """The model's pods that are not on their way out."""
        selector = "trimtab.dev/model-deployment=digits"
        found = self.stage.get("pods", "-l", selector)["items"]
        return [p for p in found if not p["metadata"].get("deletionTimestamp")]

    @contextmanager
    def more(self, replicas: float) -> Iterator[None]:
        """While inside, so many replicas' worth of load besides; none of it may fail."""
        schedule = f"{_LONGEST_S}s@{self._rate * replicas / LOAD:.0f}"
        with self.stage.load(self.stage.way_in(), schedule, seed=6) as load:
            yield
            load.stop()
            failed = [result.error for result in load.report(60).results if result.error]
        assert not failed

    # -- what the operator did --------------------------------------------------------------

    def ticks(self) -> int:
        """Decisions that the operator of now has completed."""
        operator = self.stage.operator
        return int(operator.metrics(operator.name())["trimtab_tick_seconds_count"])

    def kill_operator(self) -> None:
        """SIGKILL by pid, with no word to anybody, and a new pod at once: the kubelet would let a
        container that dies again and again wait longer each time."""
        for pod in self.stage.operator.pods():
            signal_pod(pod["metadata"]["uid"], "trimtab", signal.SIGKILL)
        where = ("-n", OPERATOR_NAMESPACE, "-l", OPERATOR_LABEL)
        force = ("--grace-period=0", "--force", "--wait=false")
        self.stage.access.kubectl("delete", "pod", *where, *force)

    def await_started(self) -> None:
        """Waits until there is a process to kill."""

        def runs() -> bool:
            uids = [p["metadata"]["uid"] for p in self.stage.operator.pods()]
            return any(pids_of_pod(uid, "trimtab") for uid in uids)

        wait_for("a process of the operator", runs, seconds=60, period_s=0.2)

    def await_ticks(self, count: int) -> None:
        """Waits for so many more decisions: who is blocked makes none."""
        goal = self.ticks() + count
        wait_for(f"{count} more ticks", lambda: self.ticks() >= goal, seconds=20 + 10 * count)

    # -- what must hold ---------------------------------------------------------------------

    def failed(self) -> int:
        """Requests that failed since this was last asked."""
        fresh = self._load.new_seconds()
        self._seconds += fresh
        return sum(second.failed for second in fresh)

    def lost_with_a_pod(self) -> int:
        """Requests that still go to a pod that ended, until every proxy knows: of three seconds."""
        return round(3.0 * self._rate / self.now.ready)

    @contextmanager
    def unharmed(
        self, *, may_fail: int = 0, cut_off: bool = False, most: int = MOST_REPLICAS
    ) -> Iterator[None]:
        """Whatever is done inside: no load is taken for less than it is, nothing shrinks while it
        cannot be read, bounds (`most` replicas) and budget hold at every recorded moment, and no
        more than `may_fail` requests fail. cut_off: none gets through to the pods, so that there is
        less load and any number fails."""
        self.failed()
        began_s = time.time()
        yield
        if not cut_off:
            self.knew_the_load(began_s)
        for before, after in itertools.pairwise(self.since(began_s)):
            seen = {_condition(m, "MetricsAvailable") for m in (before, after)}
            assert "True" in seen or after.replicas >= before.replicas, (before, after)
        self.within_bounds(began_s, most)
        failed = self.failed()
        assert cut_off or failed <= may_fail

    def knew_the_load(self, since_s: float) -> None:
        """The load was not told for less than it is since then, but for a moment. A smaller fleet
        alone is no harm: what a replica can is learnt."""
        low_s = longest_s(self.since(since_s), self._told_too_low)
        print(f"told for less than it is: {low_s:.1f} s at most")
        assert low_s <= UNKNOWN_S

    def _told_too_low(self, moment: Moment) -> bool:
        """Who is blind says no rate, and so none that is too low."""
        rate = _demand(moment)
        return rate is not None and rate < TRUE_LOAD * self._rate

    def within_bounds(self, since_s: float, most: int = MOST_REPLICAS) -> None:
        """Bounds and budget held at every recorded moment since then. The bound is each variant's:
        what comes may be there before what goes has gone."""
        moments = self.since(since_s)
        assert max(n for m in moments for n in m.asked.values()) <= most
        assert max(m.cost_per_hour for m in moments) <= BUDGET


def longest_s(moments: Sequence[Moment], what: Callable[[Moment], bool]) -> float:
    """Seconds of the longest time in which `what` held at every moment, up to the first at which it
    held no more."""
    longest, began_s = 0.0, math.inf
    for moment in moments:
        longest = max(longest, moment.at_s - began_s)
        if not what(moment):
            began_s = math.inf
        elif began_s == math.inf:
            began_s = moment.at_s
    return longest


def _demand(moment: Moment) -> float | None:
    """Requests per second that the newest decision was for."""
    said = (moment.status.get("decision") or {}).get("demandRate")
    return float(said.partition(" ")[0]) if said else None


def _condition(moment: Moment, kind: str) -> str:
    found = moment.status.get("conditions", ())
    return next((str(c["status"]) for c in found if c["type"] == kind), "")


def _epoch_s(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
