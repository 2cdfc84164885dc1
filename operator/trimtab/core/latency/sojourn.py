"""How long a request stays in a replica, as quantiles, from what it finds on arrival.

It waits for the rest of the running batch, for the full batches ahead of it, and for its own batch,
whose size also depends on who comes after it while it waits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from trimtab.core.latency.arrivals import Floats, ahead_shares, count_shares
from trimtab.core.latency.chain import Stationary, stationary

TAILS = np.array([0.99, 0.9, 0.75, 0.5, 0.25, 0.1, 0.05, 0.02, 0.01, 5e-3, 2e-3, 1e-3, 2e-4, 5e-5])
"""The shares of requests that are later, at which quantiles are kept, descending."""

_PHASES = 8  # parts of a batch's time at which a request may arrive
_KINDS = 8  # groups of batches below the cap, by their time
_BINS = 2000
_OTHERS_DIFFER = 0.4  # measured against simulations of 2 and 4 instances
_NEGLIGIBLE = 1e-9
# Three values of a normal quantity and their shares that have its first five moments.
_SPREAD = ((-math.sqrt(3.0), 1 / 6), (0.0, 2 / 3), (math.sqrt(3.0), 1 / 6))


@dataclass(frozen=True, slots=True)
class _Found:
    """Requests that find the same: `left_s` of the running batch, and ahead[k] the probability
    that k requests are before them in the queue, which sums to the share of such requests."""

    left_s: Floats
    ahead: Floats


def sojourn_quantiles(rate: float, service: Floats, instances: int, dispersion: float) -> Floats:
    """The time that a share TAILS of the requests exceeds, for each of TAILS, in seconds.

    `rate`: requests/s of the whole replica; service[b]: seconds of a batch of b on one instance.
    """
    queue, pace = _paced(rate, service, instances, dispersion)
    busy_share = _all_busy_share(1.0 - queue.idle, instances)
    found = _found_busy(rate, pace, instances, dispersion, queue.busy)
    found = _Found(found.left_s, found.ahead * (busy_share / found.ahead.sum()))
    waiting = _stays(rate, service, instances, dispersion, found)
    at_once = _stays_idle(rate, service, instances, dispersion, 1.0 - busy_share)
    stays, shares = (np.concatenate(both) for both in zip(waiting, at_once, strict=True))
    return _quantiles(stays, shares)


def idle_quantiles(service: Floats, instances: int, dispersion: float) -> Floats:
    """The same where nobody else is there but those who arrive together."""
    if dispersion <= 1.0:
        return np.full(TAILS.size, service[1])
    return _quantiles(*_stays_idle(0.0, service, instances, dispersion, 1.0))


def _paced(
    rate: float, service: Floats, instances: int, dispersion: float
) -> tuple[Stationary, Floats]:
    """The queue, and the mean time from one batch's start to the next while all are busy.

    Several instances are taken as one that is as many times faster, and the chance that all are
    busy is Erlang's (M/D/c: Tijms 9.6). After a large batch of one instance the next start comes
    from another, whose batch is a typical one: without that, a batch twice as large would bring
    forth the next one twice as large, and p99 came out up to 50 % too high.
    """
    pace = service / instances
    queue = stationary(rate, pace, dispersion)
    for _ in range(2 if instances > 1 else 0):
        sizes = np.minimum(np.arange(1, queue.busy.size), service.size - 1)
        begun = queue.busy[1:] / pace[sizes]
        typical_s = float(begun @ service[sizes] / begun.sum())
        others_s = service + _OTHERS_DIFFER * (typical_s - service)
        pace = (service + (instances - 1) * others_s) / instances**2
        pace[-1] = service[-1] / instances  # with a queue that long, the others are full too
        queue = stationary(rate, pace, dispersion)
    return queue, pace


def _all_busy_share(utilisation: float, instances: int) -> float:
    """Erlang's probability that a request finds every instance busy."""
    offered = utilisation * instances
    blocked = 1.0
    for n in range(1, instances + 1):
        blocked = offered * blocked / (n + offered * blocked)
    return blocked / (1.0 - utilisation * (1.0 - blocked))


def _found_busy(
    rate: float, service: Floats, instances: int, dispersion: float, busy: Floats
) -> _Found:
    """What requests find that arrive while a batch runs."""
    cap = len(service) - 1
    seconds, shares = _kinds(service[1:cap], busy[1:cap])
    phases = (np.arange(_PHASES) + 0.5) / _PHASES
    elapsed = np.concatenate([np.outer(seconds, phases).ravel(), service[cap] * phases])
    size = cap + 24 + math.ceil(2.0 * rate * service[cap] * math.sqrt(dispersion))
    counts = count_shares(rate * elapsed, dispersion, size)
    own = ahead_shares(dispersion, 1 if dispersion <= 1.0 else size)
    behind_full = np.convolve(busy[cap:], own)
    width = behind_full.size + size
    ahead = np.zeros((elapsed.size, width))
    small = shares.size * _PHASES
    ahead[:small] = _convolved(counts[:small], own, width)
    ahead[:small] *= np.repeat(shares / _PHASES, _PHASES)[:, None]
    ahead[small:] = _convolved(counts[small:], behind_full, width) / _PHASES
    # Of several instances the first that ends is the least of so many ages.
    left = instances * (1.0 - phases ** (1.0 / instances))
    left_s = np.concatenate([np.outer(seconds, left).ravel(), service[cap] * left])
    return _Found(left_s, ahead)


def _kinds(seconds: Floats, shares: Floats) -> tuple[Floats, Floats]:
    """Batches of about the same time as one: mean times and summed shares."""
    seconds, shares = seconds[shares > _NEGLIGIBLE], shares[shares > _NEGLIGIBLE]
    if seconds.size <= _KINDS:
        return seconds, shares
    low, high = math.log(seconds.min()), math.log(seconds.max())
    step = max(high - low, 1e-9) / _KINDS
    kind = np.minimum((np.log(seconds) - low) // step, _KINDS - 1).astype(int)
    whole = np.bincount(kind, shares, _KINDS)
    mean = np.bincount(kind, shares * seconds, _KINDS) / np.maximum(whole, 1e-300)
    return np.asarray(mean[whole > 0], float), np.asarray(whole[whole > 0], float)


def _convolved(rows: Floats, other: Floats, width: int) -> Floats:
    """Each row convolved with `other`, cut or padded to `width`."""
    size = rows.shape[1]
    if other.size == 1:
        return np.pad(rows * other[0], ((0, 0), (0, width - size)))
    padded = np.concatenate([np.zeros(size - 1), other, np.zeros(max(0, width - other.size))])
    # Row i of the band begins i places later.
    band = sliding_window_view(padded, width)[size - 1 :: -1][:size]
    return np.asarray(rows @ band)


def _stays(
    rate: float, service: Floats, instances: int, dispersion: float, found: _Found
) -> tuple[Floats, Floats]:
    """Every way through the replica for those who wait: seconds and shares, as flat arrays."""
    cap = len(service) - 1
    row, place = np.nonzero(found.ahead > _NEGLIGIBLE)
    shares = found.ahead[row, place]
    waits = found.left_s[row] + (place // cap) * service[cap] / instances
    # Of the own cluster as many are behind as ahead.
    after = rate * waits + (dispersion - 1.0) / 2.0
    spread = (4.0 * dispersion - 1.0) * (dispersion - 1.0) / 6.0 - ((dispersion - 1.0) / 2.0) ** 2
    deviation = np.sqrt(rate * waits * dispersion + spread)
    sizes = np.arange(cap + 1.0)
    stays, weights = [], []
    for offset, weight in _SPREAD:
        behind = np.maximum(after + offset * deviation, 0.0)
        own = np.minimum(place % cap + 1.0 + behind, cap)
        stays.append(waits + np.interp(own, sizes, service))
        weights.append(shares * weight)
    return np.concatenate(stays), np.concatenate(weights)


def _stays_idle(
    rate: float, service: Floats, instances: int, dispersion: float, share: float
) -> tuple[Floats, Floats]:
    """The same for those who find an instance free: only their own cluster is there."""
    cap = len(service) - 1
    if dispersion <= 1.0:
        return service[1:2], np.full(1, share)
    size = math.ceil(12.0 * dispersion)
    cluster = np.arange(1, size + 1)
    of_cluster = (1.0 - 1.0 / dispersion) ** cluster / cluster
    place = np.arange(size)[:, None]
    full = place // cap
    waits = full * service[cap] / instances
    own = np.clip(cluster - full * cap + rate * waits, 1, cap)
    stays = waits + np.interp(own, np.arange(cap + 1), service)
    shares = np.where(place < cluster, of_cluster, 0.0)
    return stays.ravel(), shares.ravel() * (share / shares.sum())


def _quantiles(stays: Floats, shares: Floats) -> Floats:
    """The stay that a share TAILS exceeds, to a part in _BINS of the longest."""
    longest = float(stays.max()) * (1.0 + 1.0 / _BINS)
    edges = np.linspace(0.0, longest, _BINS + 1)
    bins = np.minimum((stays * (_BINS / longest)).astype(int), _BINS - 1)
    later = np.cumsum(np.bincount(bins, shares, _BINS)[::-1])[::-1] / shares.sum()
    # later[i]: the share whose stay is not below the lower edge of bin i.
    return np.asarray(np.interp(-TAILS, -np.append(later, 0.0), edges))
