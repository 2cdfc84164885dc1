"""The best mix of one model within what is left of money and accelerators."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import numpy as np

from trimtab.api.resources import ModelDeployment, Objective
from trimtab.core.ledger import Shares, budget_key
from trimtab.core.optimise import Demand, Goal, Problem, budget_micro, price_micro
from trimtab.core.optimise import Option as Way
from trimtab.core.optimise.candidates import Candidates, candidates_of
from trimtab.core.optimise.score import TRAFFIC_MARGIN
from trimtab.core.option import Option
from trimtab.core.settings import PolicySettings
from trimtab.core.snapshot import WorkloadKey

Counts = Mapping[WorkloadKey, int]

_NEARLY = 1e-9  # a load of exactly n capacities is carried, whatever the rounding


class MixSolver:
    """One model's options, all priced and of known capacity, and the limits they have together.

    known: every option of the model that may stay, by key.
    """

    def __init__(
        self,
        spec: ModelDeployment,
        able: tuple[Option, ...],
        known: Mapping[WorkloadKey, Option],
        shares: Shares,
        policy: PolicySettings,
    ) -> None:
        self._spec = spec
        self._able = able
        self._known = known
        budgets, classes = shares.left()
        self._shared = budgets.get(budget_key(spec))
        self._free = classes
        self._names = sorted({o.key.accelerator_class for o in able})
        # Another is worth it where it costs less than (1 - switch_gain) of what runs.
        self._dearer = 1.0 / (1.0 - policy.switch_gain) - 1.0
        self._gain = Decimal(str(policy.switch_gain))

    @property
    def shares_budget(self) -> bool:
        """Whether others may take in a minute what is left of the money now."""
        return self._shared is not None

    def best(
        self, rate: float, running: Counts, *, traffic: float, wish: bool
    ) -> tuple[Counts, bool]:
        """The best replicas for `rate` items/s, each that has to be started weighing more; and
        whether they are too few. traffic: what of the rate arrives, of which accuracy is counted.

        wish: nothing asks for a change. More accuracy then leaves some of the money: what takes the
        last of it is given up at the next rise of the load.
        """
        found = candidates_of(self._problem(rate, {}, traffic))
        held = np.array([running.get(o.key, 0) for o in self._able], dtype=np.int64)
        fresh = np.maximum(0, found.count - held[found.first])
        second = np.where(found.second == found.first, 0, found.count_second)
        fresh_second = np.maximum(0, second - held[found.second])
        prices = self._prices()
        extra = self._dearer * (fresh * prices[found.first] + fresh_second * prices[found.second])
        if wish and self._spec.objective is Objective.MAXIMIZE_ACCURACY:
            money = self._money({})
            if money is not None:
                most = budget_micro(money * (1 - self._gain))
                extra = np.where((fresh + fresh_second > 0) & (found.cost > most), np.inf, extra)
        return self._picked(found, extra, rate)

    def grown(self, running: Counts, rate: float, *, traffic: float) -> tuple[Counts, bool] | None:
        """What runs with the best that can be added to it, and whether that is too little; None
        where what runs is itself more than user, money or inventory allow. traffic: as of `best`.

        Room for what may come is so of the variant that makes it at the least money: behind a
        gateway the accurate one takes the traffic that is there. The counter-example: the accurate
        one alone, as room for a burst that did not come, filled the budget that the rise needed.
        """
        scaling = self._spec.scaling
        if sum(running.values()) > scaling.max_replicas or not self._fits(running):
            return None
        rest = rate - self.carried(running)
        lacking = scaling.min_replicas - sum(running.values())
        if rest <= _NEARLY * rate and lacking <= 0:
            return running, False
        beyond = max(0.0, traffic - self.carried(running) / TRAFFIC_MARGIN)
        found = candidates_of(self._problem(max(0.0, rest), running, beyond))
        # A variant more is a workload more to start, roll and watch.
        new = np.array([o.key not in running for o in self._able])
        weighs = self._dearer * np.where(new, self._prices(), 0.0)
        extra = found.count * weighs[found.first] + found.count_second * weighs[found.second]
        added, short = self._picked(found, extra, max(0.0, rest))
        keys = running.keys() | added.keys()
        return {k: running.get(k, 0) + added.get(k, 0) for k in sorted(keys)}, short

    def carried(self, counts: Counts) -> float:
        """Items/s that so many replicas carry."""
        return sum(n * (self._known[k].capacity_rate or 0.0) for k, n in counts.items())

    def _picked(
        self, found: Candidates, extra: np.typing.NDArray[np.float64], rate: float
    ) -> tuple[Counts, bool]:
        row = int(np.argmin(found.score + extra))
        counts: dict[WorkloadKey, int] = {}
        for index, n in (
            (int(found.first[row]), int(found.count[row])),
            (int(found.second[row]), int(found.count_second[row])),
        ):
            if n:
                counts[self._able[index].key] = n
        return counts, self.carried(counts) < rate * (1.0 - _NEARLY)

    def _problem(self, rate: float, running: Counts, traffic: float) -> Problem:
        """The model alone, with what those that run leave of every limit."""
        scaling, own = self._spec.scaling, self._spec.budget_per_hour
        asked, cost = sum(running.values()), self._cost(running)
        pools = []
        for name in self._names:
            free = self._free.get(name)
            taken = sum(n for k, n in running.items() if k.accelerator_class == name)
            pools.append(None if free is None else max(0, free - taken))
        demand = Demand(
            rate=rate,
            options=tuple(self._way(o) for o in self._able),
            min_replicas=max(0, scaling.min_replicas - asked),
            max_replicas=scaling.max_replicas - asked,
            budget_micro=None if own is None else budget_micro(own - cost),
            shared=None if self._shared is None else 0,
            goal=Goal.MOST_ACCURACY
            if self._spec.objective is Objective.MAXIMIZE_ACCURACY
            else Goal.LEAST_COST,
            mix=True,
            traffic_rate=traffic,
        )
        budgets = () if self._shared is None else (budget_micro(self._shared - cost),)
        return Problem((demand,), budgets, tuple(pools))

    def _way(self, option: Option) -> Way:
        return Way(
            self._names.index(option.key.accelerator_class),
            option.capacity_rate or 1.0,
            price_micro(option.price_per_hour or Decimal(0)),
            float(option.accuracy),
        )

    def _prices(self) -> np.typing.NDArray[np.float64]:
        prices = [price_micro(o.price_per_hour or Decimal(0)) for o in self._able]
        return np.array(prices, dtype=np.float64)

    def _cost(self, counts: Counts) -> Decimal:
        return sum(
            (n * (self._known[k].price_per_hour or Decimal(0)) for k, n in counts.items()),
            Decimal(0),
        )

    def _money(self, running: Counts) -> Decimal | None:
        """What is left beside those; None where no budget is set."""
        amounts = [a for a in (self._spec.budget_per_hour, self._shared) if a is not None]
        return min(amounts) - self._cost(running) if amounts else None

    def _fits(self, running: Counts) -> bool:
        money = self._money(running)
        if money is not None and money < 0:
            return False
        classes: dict[str, int] = {}
        for key, n in running.items():
            classes[key.accelerator_class] = classes.get(key.accelerator_class, 0) + n
        return all(n <= self._free.get(name, n) for name, n in classes.items())
