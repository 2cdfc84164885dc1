"""One model as a decision sees it: its readings turned into demand and options."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property

from trimtab.api.resources import ScalingMode
from trimtab.core.behind import behind_until_s
from trimtab.core.demand import Demand, estimate_demand, foresee, remember_demand
from trimtab.core.hold import hold_s
from trimtab.core.learn import learn
from trimtab.core.ledger import Shares
from trimtab.core.memo import Memo
from trimtab.core.memory import Memory, ModelMemory
from trimtab.core.options import Offer, offer_of
from trimtab.core.proven import learn_proven
from trimtab.core.saturation import learn_saturation
from trimtab.core.settings import PolicySettings
from trimtab.core.signals import is_blind, value_or_none
from trimtab.core.snapshot import ModelState, Snapshot, Workload, WorkloadKey


class View:
    """One model with what its readings were turned into."""

    def __init__(
        self,
        state: ModelState,
        memory: ModelMemory,
        demand: Demand,
        offer: Offer,
        prices: Mapping[str, Decimal | None],
        memo: Memo | None = None,
        behind_until_s: float | None = None,
    ) -> None:
        self.state = state
        self.memory = memory
        self.demand = demand
        self.options = offer.options
        self.excluded = offer.excluded
        self.prices = prices
        self.memo = memo or Memo()
        self.behind_until_s = behind_until_s
        self.set_aside: tuple[tuple[str, int, Decimal], ...] = ()

    @cached_property
    def foreign(self) -> Workload | None:
        """A workload that somebody else scales too."""
        return next((w for w in self.state.workloads if w.foreign_scaler), None)

    @cached_property
    def acts(self) -> bool:
        """False where nothing will be written, whatever is decided."""
        scaling = self.state.spec.scaling
        manual = scaling.manual
        if manual is not None and (
            WorkloadKey(manual.variant, manual.accelerator_class) not in self.options
        ):
            return False
        advises = scaling.mode is ScalingMode.ADVISE
        return bool(self.options) and self.foreign is None and not advises

    @cached_property
    def current(self) -> Workload | None:
        """The workload that serves most now; of two alike one that may stay.

        The counter-example: of one replica each, none Ready yet, a variant that was taken out of
        the spec came first by its name. It went, another was begun on its place, and the one that
        may stay, now first, had that taken back at the next tick.
        """
        running = [w for w in self.state.workloads if w.replicas]
        return max(
            running,
            key=lambda w: (w.ready, w.replicas, w.key in self.options, w.key),
            default=None,
        )


def look(
    state: ModelState, memory: Memory, snapshot: Snapshot, now_s: float, policy: PolicySettings
) -> View:
    """Learns from the readings of one model, and turns them into demand and options."""
    known = learn(memory.models.get(state.spec.key) or ModelMemory(), state, now_s, policy)
    known = learn_saturation(known, state, now_s)
    known = learn_proven(known, state, snapshot.accelerator_classes, now_s, policy)
    known = _note_hits(known, state)
    demand = estimate_demand(state, known, policy)
    if is_blind(state.readings.arrival_rate) and not any(w.ready for w in state.workloads):
        # Nothing serves, so nothing can be read: that is a beginning, not a blindness. And where
        # something served before, its load is still there: a model that gave its last replica to
        # others was never given one again.
        last = known.demand[-1][1] if known.demand else None
        demand = Demand(last, blind=False, measured=last, arriving=last)
    keep_s = max(policy.safe_window_s, hold_s(state.spec, known))
    demand, history = foresee(demand, known, state, now_s, policy)
    known = remember_demand(known, demand, history, now_s, keep_s)
    memo = memory.memos.get(state.spec.key) or Memo()
    offer = offer_of(state, known, snapshot, now_s, policy, memo)
    prices = {name: c.price_per_hour for name, c in snapshot.accelerator_classes.items()}
    behind_s = behind_until_s(snapshot, now_s, policy)
    return View(state, known, demand, offer, prices, memo, behind_s)


def _note_hits(memory: ModelMemory, state: ModelState) -> ModelMemory:
    """Kept while nothing is read: what is remembered of the load is without its hits."""
    arriving, executing = value_or_none(state.readings.arrival_rate), state.readings.executing_rate
    if not arriving or executing is None:
        return memory
    share = 1.0 - executing / arriving
    return memory if share == memory.hit_share else memory._replace(hit_share=share)


def set_aside(view: View, shares: Shares) -> None:
    """Speaks for the minimum of every model before any model takes more.

    Of a model that nothing will be written for: for all that it holds.
    """
    spec = view.state.spec
    if not view.acts:
        set_aside_held(view, shares)
        return
    priced = [o for o in view.options.values() if o.price_per_hour is not None]
    if not priced:
        return
    current = view.current
    cheapest = min(priced, key=lambda o: (o.price_per_hour or 0, o.key))
    option = view.options.get(current.key, cheapest) if current else cheapest
    price = option.price_per_hour or Decimal(0)
    most, _ = shares.most_replicas(spec, option.key.accelerator_class, price)
    replicas = min(spec.scaling.min_replicas, most)
    view.set_aside = ((option.key.accelerator_class, replicas, price * replicas),)
    shares.take(spec, *view.set_aside[0])


def set_aside_held(view: View, shares: Shares) -> None:
    """Speaks for all that exists of a model."""
    held: list[tuple[str, int, Decimal]] = []
    for workload in view.state.workloads:
        name, replicas = workload.key.accelerator_class, workload.held
        held.append((name, replicas, (view.prices.get(name) or Decimal(0)) * replicas))
        shares.take(view.state.spec, *held[-1])
    view.set_aside = tuple(held)


def speak_for(view: View, key: WorkloadKey, replicas: int, shares: Shares) -> None:
    """Notes in the shares that so many replicas of a workload are planned (or exist)."""
    price = view.prices.get(key.accelerator_class) or Decimal(0)
    shares.take(view.state.spec, key.accelerator_class, replicas, price * replicas)
