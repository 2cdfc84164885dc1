"""Capacities are kept within what profiles and floods say; see core/proven.py."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace
from decimal import Decimal

from trimtab.core.latency import ServiceCurve
from trimtab.core.learn import profiled_front_end, seed_points
from trimtab.core.option import Option, sized
from trimtab.core.proven import Trust
from trimtab.core.queue_delay import is_fixed
from trimtab.core.snapshot import ModelState, WorkloadKey


class Proof:
    """What profiles and floods say that a replica carries, beyond which nothing is believed."""

    def __init__(
        self,
        state: ModelState,
        bursts: float,
        trust: Mapping[WorkloadKey, Trust],
        learned: Container[WorkloadKey],
    ) -> None:
        self._state, self._bursts, self._trust, self._learned = state, bursts, trust, learned
        # Who profiled one profiled all: a variant that never ran is trusted as far as its siblings
        # have outdone their profiles.
        self._beyond: dict[str, float] = {}
        for key, proven in trust.items():
            profiled = None if proven.saturated else self._profiled_rate(key)
            if profiled:
                best = self._beyond.get(key.accelerator_class, 1.0)
                self._beyond[key.accelerator_class] = max(best, proven.rate / profiled)

    def bounded(self, option: Option) -> Option:
        """The option, carrying no more than was proven."""
        rate, model = option.capacity_rate, option.model
        if rate is None or model is None or not option.meets_slo:
            return option
        proven = self._trust.get(option.key)
        if proven is not None and proven.saturated:
            most, limit = proven.rate * rate / model.saturation_rate, "Backlog"
        elif not self._differs(option.key):
            return option
        else:
            profiled = self._profiled_rate(option.key)
            if profiled is None:
                return option
            beyond = self._beyond.get(option.key.accelerator_class, 1.0)
            most, limit = profiled * beyond, "Profile" if beyond == 1.0 else "Seen"
        return option if rate <= most else replace(option, capacity_rate=most, limit=limit)

    def _differs(self, key: WorkloadKey) -> bool:
        """Whether something else than its profile is believed of it."""
        return key in self._learned or key.accelerator_class in self._beyond

    def _profiled_rate(self, key: WorkloadKey) -> float | None:
        """Items/s of a replica within the SLO by its profile; None without one."""
        spec, points = self._state.spec, seed_points(self._state.spec, key)
        variant = spec.variant(key.variant)
        if not points or variant is None:
            return None
        option = sized(
            key,
            Decimal(0),
            None,
            ServiceCurve(points),
            1.0,
            round(profiled_front_end(spec, key.accelerator_class), 5),
            spec.triton.instance_count,
            spec.triton.max_batch_size,
            spec.slo.target_s,
            spec.slo.percentile,
            self._state.workload(key).batch_cap,
            is_fixed(variant),
            self._bursts,
        )
        return option.capacity_rate if option.meets_slo else None
