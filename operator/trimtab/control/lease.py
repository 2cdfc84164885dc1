"""Who leads, by a Lease that all candidates read and write. Pure: time is an argument.

What a candidate may conclude, of clocks that agree on nothing but how long a second is:

- Its own lease holds for `renew_deadline_s` from the moment it asked for the last renewal that was
  granted. Not from the answer: the others may have seen the renewal before it came.
- Another's lease has run out when it was seen unchanged for its whole duration. The times written
  in it are of another machine's clock and are never compared.

The deadline is shorter than the duration, so the holder has stopped before another begins, as long
as no clock runs faster than another by more than their ratio (15 s to 10 s: by half). A write names
the version that it saw, so of two who take the lease at one moment one is refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from trimtab.actuate.kinds import LEASE
from trimtab.api.resources import ObjectKey, RawObject

JITTER = 0.2
"""Candidates wait by up to so much longer than the retry period, or they would all ask at once."""


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """Seconds. The holder renews every `retry_s` and stops writing `renew_deadline_s` after its
    last renewal; another takes over once it has seen none for `duration_s`.

    Raises ValueError, by the names of the settings file, where these cannot be kept.
    """

    duration_s: float = 15.0
    renew_deadline_s: float = 10.0
    retry_s: float = 2.0

    def __post_init__(self) -> None:
        if self.duration_s < 1.0:
            raise ValueError(f"lease.duration must be at least 1s; got {self.duration_s:g}s")
        if self.retry_s <= 0.0:
            raise ValueError(f"lease.retryPeriod must be more than 0s; got {self.retry_s:g}s")
        if self.renew_deadline_s >= self.duration_s:
            raise ValueError(
                f"lease.renewDeadline must be shorter than lease.duration ({self.duration_s:g}s),"
                " or the holder still writes when another takes over; got"
                f" {self.renew_deadline_s:g}s: two thirds of the duration is usual"
            )
        longest_s = (1.0 + JITTER) * self.retry_s
        if self.renew_deadline_s <= longest_s:
            raise ValueError(
                f"lease.renewDeadline must be longer than {1.0 + JITTER:g} times lease.retryPeriod"
                f" ({longest_s:g}s), or one late renewal loses the lease; got"
                f" {self.renew_deadline_s:g}s: raise it, or lower lease.retryPeriod"
            )


@dataclass(frozen=True, slots=True)
class Seen:
    """The Lease as last read or written, and when it was first seen so. `gone`: it was there, and
    is not any more."""

    lease: RawObject
    at_s: float
    gone: bool = False

    @property
    def holder(self) -> str:
        """Empty where it was released."""
        return str(self._spec.get("holderIdentity") or "")

    @property
    def transitions(self) -> int:
        """How often it went from one holder to another."""
        return int(self._spec.get("leaseTransitions") or 0)

    @property
    def term(self) -> tuple[str, int]:
        """The same as long as nobody else held it in between."""
        return self.lease["metadata"].get("uid") or "", self.transitions

    def version(self) -> tuple[str, str]:
        """Another with every write, whatever was written."""
        meta = self.lease["metadata"]
        return meta.get("uid") or "", meta.get("resourceVersion") or ""

    def expires_s(self, times: LeaseTimes) -> float:
        """When it has run out if it stays unchanged; its holder's word for how long it holds goes
        before our own settings, which may be others."""
        return self.at_s + float(self._spec.get("leaseDurationSeconds") or times.duration_s)

    @property
    def _spec(self) -> dict[str, Any]:
        return dict(self.lease.get("spec") or {})


@dataclass(frozen=True, slots=True)
class Candidate:
    """One who would lead. `identity` is unique for each process; `until_s`: may write until then.

    Every method is given the time by the candidate's own clock and returns what it knows then.
    """

    place: ObjectKey
    identity: str
    times: LeaseTimes = LeaseTimes()
    seen: Seen | None = None
    until_s: float = -math.inf

    def leads(self, now_s: float) -> bool:
        """Whether it may write."""
        return now_s < self.until_s

    def observed(self, lease: RawObject | None, now_s: float) -> Candidate:
        """After the Lease was read; None: there is none. `now_s`: when the answer had come."""
        if lease is None:
            if self.seen is None:
                return self
            # Deleted, which tells nobody to stop: its holder finds out at its next renewal.
            return replace(self, seen=replace(self.seen, gone=True), until_s=-math.inf)
        seen = Seen(lease, now_s)
        if self.seen is not None and seen.version() == self.seen.version():
            seen = replace(seen, at_s=self.seen.at_s)
        until_s = self.until_s if seen.holder == self.identity else -math.inf
        return replace(self, seen=seen, until_s=until_s)

    def bid(self, now_s: float, wall: datetime) -> dict[str, Any] | None:
        """What to write in order to lead, or go on leading; None where it is another's.

        Without a resourceVersion it is to be created. `wall`: for people who read the Lease.
        """
        seen = self.seen
        if seen is not None and not self._free(seen, now_s):
            return None
        at = _micro_time(wall)
        spec = {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": math.ceil(self.times.duration_s),
            "acquireTime": at,
            "renewTime": at,
            "leaseTransitions": 0,
        }
        if seen is None or seen.gone:
            return self._lease({"name": self.place.name, "namespace": self.place.namespace}, spec)
        old = seen.lease.get("spec") or {}
        if seen.holder == self.identity:
            spec |= {"acquireTime": old.get("acquireTime") or at}
            spec |= {"leaseTransitions": seen.transitions}
        else:
            spec |= {"leaseTransitions": seen.transitions + 1}
        return self._lease(seen.lease["metadata"], {**old, **spec})

    def granted(self, lease: RawObject, asked_s: float, now_s: float) -> Candidate:
        """After a bid was accepted. `asked_s`: when it was sent."""
        until_s = asked_s + self.times.renew_deadline_s
        return replace(self, seen=Seen(lease, now_s), until_s=until_s)

    def refused(self) -> Candidate:
        """After somebody else wrote first: whose it is must be read anew, and until then it is
        nobody's to write."""
        return replace(self, until_s=-math.inf)

    def release(self, wall: datetime) -> dict[str, Any] | None:
        """What to write so that another need not wait; None where there is nothing to give up."""
        if self.seen is None or self.seen.gone or self.seen.holder != self.identity:
            return None
        old = self.seen.lease.get("spec") or {}
        # A second is the shortest that the API server takes.
        given_up = {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _micro_time(wall)}
        return self._lease(self.seen.lease["metadata"], {**old, **given_up})

    def wait_s(self, now_s: float, random: float) -> float:
        """Seconds until it looks again; `random` in [0, 1)."""
        retry_s = self.times.retry_s
        if self.leads(now_s):
            return min(retry_s, self.until_s - now_s)
        wait_s = retry_s * (1.0 + JITTER * random)
        if self.seen is None:
            return wait_s
        left_s = self.seen.expires_s(self.times) - now_s
        return min(wait_s, left_s) if left_s > 0.0 else wait_s

    def _free(self, seen: Seen, now_s: float) -> bool:
        return seen.holder in ("", self.identity) or now_s >= seen.expires_s(self.times)

    @staticmethod
    def _lease(metadata: RawObject, spec: RawObject) -> dict[str, Any]:
        return {**LEASE.named, "metadata": dict(metadata), "spec": dict(spec)}


def _micro_time(wall: datetime) -> str:
    return wall.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
