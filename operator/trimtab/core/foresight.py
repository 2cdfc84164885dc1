"""A switch that begins before it is needed, while there is room for both variants."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from trimtab.core.choose import Choice, choose, judge
from trimtab.core.demand import peak_foreseen
from trimtab.core.hold import hold_s
from trimtab.core.ledger import Shares
from trimtab.core.option import Option
from trimtab.core.settings import PolicySettings
from trimtab.core.view import View

_ROOM = frozenset({"Budget", "Inventory"})
_LEAST_ROOM = 3  # with less, to keep a place free is to do without half of what is paid for


@dataclass(frozen=True, slots=True)
class Judge:
    """What options would get at a load in items/s, while `running` replicas serve."""

    view: View
    shares: Shares
    running: int

    def __call__(self, rate: float | None, what: str) -> tuple[Choice, ...]:
        """Every option. `what` the load is tells it from others of the same tick."""
        view, options = self.view, self.view.options
        spec, memo = view.state.spec, view.memo
        places = memo.get("places", (options,), (), lambda: _places(options.values()))
        speeds = memo.get("speeds", (options,), (), lambda: _speeds(options.values()))
        values = (
            # What each needs, as Option.needed has it.
            None if rate is None else [math.ceil(rate / speed - 1e-9) for speed in speeds],
            [self.shares.most_replicas(spec, *place) for place in places],
            self.shares.budget_missing(spec),
            self.running,
        )
        return memo.get(
            f"judged {what}",
            (spec, options),
            values,
            lambda: tuple(self.of(option, rate) for option in options.values()),
        )

    def of(self, option: Option, rate: float | None) -> Choice:
        """One of them."""
        return judge(option, self.view.state.spec, rate, self.running, self.shares)


def _places(options: Iterable[Option]) -> tuple[tuple[str, Decimal | None], ...]:
    """All that bounds of money and inventory depend on."""
    return tuple(dict.fromkeys((o.key.accelerator_class, o.price_per_hour) for o in options))


def _speeds(options: Iterable[Option]) -> tuple[float, ...]:
    """All that needs depend on beside the load."""
    return tuple(o.capacity_rate for o in options if o.capacity_rate is not None)


def foreseen(
    view: View,
    choices: tuple[Choice, ...],
    staying: Choice,
    judged: Judge,
    now_s: float,
    policy: PolicySettings,
) -> Choice | None:
    """Another choice where what serves will not carry the load that comes before a switch is done:
    begun while there is room for both, it takes nothing away.

    The counter-example: the accurate variant grew into the whole budget as the load rose, and then
    could give way one replica at a time only, a drain and a start each, late for two minutes.
    """
    spec, key = view.state.spec, staying.option.key
    begun = any(w.replicas for w in view.state.workloads if w.key != key)
    expected = view.demand.foreseen
    if begun:
        # It goes on through the dips of a window: pods that had just started were removed for ten
        # seconds of a lower load, a minute before all of them were needed.
        expected = peak_foreseen(view.memory, now_s, hold_s(spec, view.memory))
    # What others leave of a shared budget is theirs again in a minute: nothing to foresee by.
    if staying.short or expected is None or staying.ceiling[1] == "SharedBudget":
        return None
    expected = max(expected, view.demand.rate or 0.0)
    stays = judged.of(staying.option, expected)
    grows = begun or view.state.workload(key).replicas < stays.ceiling[0]
    fills = grows and _rises(view, expected, policy) and _takes_all(stays)
    if not (stays.short or fills):
        return None
    others = tuple(c for c in judged(expected, "foreseen") if c.option.key != key)
    best = choose(others, spec, None, policy)
    if best is None:
        return None
    if best.short and best.carried_rate <= stays.carried_rate * (1.0 + policy.switch_gain):
        return None
    return next(c for c in choices if c.option.key == best.option.key)


def _rises(view: View, expected: float, policy: PolicySettings) -> bool:
    return expected > (view.demand.arriving or 0.0) * (1.0 + policy.switch_gain)


def _takes_all(choice: Choice) -> bool:
    """Whether it takes the last place of money or inventory, with which a switch would begin."""
    most, bound = choice.ceiling
    return bound in _ROOM and most >= _LEAST_ROOM and choice.granted >= most
