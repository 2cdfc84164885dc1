"""What one decision hands to the next. Frozen; losing it (a restart) is safe, never harmful."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from trimtab.api.resources import ObjectKey
from trimtab.core.forecast.history import History
from trimtab.core.memo import Memo
from trimtab.core.proven import Proven
from trimtab.core.served import Served
from trimtab.core.service_time import Learned
from trimtab.core.snapshot import WorkloadKey

NOTHING: Mapping[Any, Any] = MappingProxyType({})
UNSEEN = History()


class ModelMemory(NamedTuple):
    """One model's past.

    demand: (time, requests/s), a decreasing staircase: each entry is the largest since its time.
    foreseen: the same of what the trend said would arrive by the end of a switch.
    seeing_since_s: since when every reading was there; None while blind.
    blind_since_s: since when readings are missing; None while there are some.
    front_end_s: seconds of a core that a request costs beside its execution, by class.
    saturated: the same as a saturated fleet last told it, and when, by class.
    proven: what each replica of a workload was seen to answer.
    changed_s: when the fleet last changed (targets, or a pod becoming ready or leaving).
    fleet: what `changed_s` was computed from: ready pods by workload.
    times_to_ready_s: the last measured seconds from creation to Ready, by workload.
    timed_pods: pods whose time is counted already.
    fitted_s: when the latency was last compared with the model.
    served: what each workload's replicas had to answer of late.
    history: the arrival rates as the forecast remembers them.
    slo_met: the last verdict on the SLO, for its hysteresis.
    hit_share: of the arrivals that the last reading left to response caches.
    """

    learned: Mapping[WorkloadKey, Learned] = NOTHING
    demand: tuple[tuple[float, float], ...] = ()
    foreseen: tuple[tuple[float, float], ...] = ()
    seeing_since_s: float | None = None
    blind_since_s: float | None = None
    front_end_s: Mapping[str, float] = NOTHING
    saturated: Mapping[str, tuple[float, float]] = NOTHING
    proven: Mapping[WorkloadKey, Proven] = NOTHING
    changed_s: float | None = None
    fleet: tuple[tuple[WorkloadKey, int, int], ...] = ()
    times_to_ready_s: Mapping[WorkloadKey, tuple[float, ...]] = NOTHING
    timed_pods: frozenset[str] = frozenset()
    fitted_s: float | None = None
    served: Served | None = None
    history: History = UNSEEN
    slo_met: bool | None = None
    hit_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of the whole fleet. memos: what each model's decision can be told without being
    worked out again; nothing but time is lost with them."""

    models: Mapping[ObjectKey, ModelMemory] = field(default_factory=dict)
    memos: Mapping[ObjectKey, Memo] = field(default_factory=dict, compare=False, repr=False)
