"""Capacities are kept within what profiles and floods say; see core/proven.py."""

from __future__ import annotations

import math
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
        most, limit = self._flooded(option.key, rate / model.saturation_rate) or self._profiled(
            option.key
        )
        return option if rate <= most else replace(option, capacity_rate=most, limit=limit)

    def _flooded(self, key: WorkloadKey, part: float) -> tuple[float, str] | None:
        """`part` of what a flood told, and that it did; None where none has."""
        proven = self._trust.get(key)
        return (proven.rate * part, "Backlog") if proven and proven.saturated else None

    def _profiled(self, key: WorkloadKey) -> tuple[float, str]:
        """What the profile says, or as far as it was outdone; no bound where nothing else than it
        is believed, or there is none."""
        differs = key in self._learned or key.accelerator_class in self._beyond
        profiled = self._profiled_rate(key) if differs else None
        if profiled is None:
            return math.inf, ""
        beyond = self._beyond.get(key.accelerator_class, 1.0)
        return profiled * beyond, "Profile" if beyond == 1.0 else "Seen"

    def _profiled_rate(self, key: WorkloadKey) -> float | None:
        """Items/s of a replica within the SLO by its profile; None without one."""
        spec, points = self._state.spec, seed_points(self._state.spec, key)
        variant = spec.variant(key.variant)
        if not points or variant is None:
            return None
        option = sized(
            self._state,
            key,
            Decimal(0),
            None,
            ServiceCurve(points),
            1.0,
            profiled_front_end(spec, key.accelerator_class),
            self._bursts,
            fixed=is_fixed(variant),
        )
        return option.capacity_rate if option.meets_slo else None
