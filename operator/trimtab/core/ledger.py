"""Money and accelerators, shared by all models: what is spoken for, and what is left.

Two ledgers are kept per decision: `Shares` says how much each model may plan for, by priority;
`Room` says how much may be added right now, on top of everything that still exists, pods on their
way out included, because those cost and hold their accelerator until they are gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from trimtab.api.resources import AcceleratorClass, ModelDeployment, ObjectKey
from trimtab.core.settings import PolicySettings
from trimtab.core.snapshot import ModelState, Snapshot, Workload

_MANY = 1_000_000  # stands for "no bound"


class Shares:
    """What is left for the models not yet planned, when models are planned by priority.

    Every model's minimum is set aside first, so that a high priority takes another model's growth
    but not its last replica.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._budgets: dict[ObjectKey, Decimal] = {
            key: budget.per_hour for key, budget in snapshot.budgets.items()
        }
        self._classes: dict[str, int] = {
            name: c.max_replicas
            for name, c in snapshot.accelerator_classes.items()
            if c.max_replicas is not None
        }
        self._own: dict[ObjectKey, Decimal] = {}
        self._most: dict[tuple[ObjectKey, str, Decimal | None], tuple[int, str]] = {}
        self._accelerators = snapshot.accelerator_classes
        for holding in snapshot.holdings:
            if holding.budget in self._budgets:
                cost = _cost_of(holding.workloads, snapshot.accelerator_classes)
                self._budgets[holding.budget] -= cost
            for workload in holding.workloads:
                if workload.key.accelerator_class in self._classes:
                    self._classes[workload.key.accelerator_class] -= workload.held

    def take(self, spec: ModelDeployment, class_name: str, replicas: int, cost: Decimal) -> None:
        """Speaks for so many replicas and so much money (negative gives back)."""
        self._most.clear()
        self._own[spec.key] = self._own.get(spec.key, Decimal(0)) + cost
        budget = budget_key(spec)
        if budget in self._budgets:
            self._budgets[budget] -= cost
        if class_name in self._classes:
            self._classes[class_name] -= replicas

    def most_replicas(
        self, spec: ModelDeployment, class_name: str, price: Decimal | None
    ) -> tuple[int, str]:
        """The most replicas money and inventory leave, and which of them binds.

        A budget that is missing does not bind here: it stops growth, and takes nothing away.
        """
        # All variants on a class ask for the same, several times each, before anything is taken.
        asked = (spec.key, class_name, price)
        found = self._most.get(asked)
        if found is None:
            found = self._most[asked] = self._counted(spec, class_name, price)
        return found

    def _counted(
        self, spec: ModelDeployment, class_name: str, price: Decimal | None
    ) -> tuple[int, str]:
        bounds = [(_MANY, "")]
        if class_name in self._classes:
            bounds.append((max(0, self._classes[class_name]), "Inventory"))
        own = spec.budget_per_hour
        for name, money in (
            ("Budget", None if own is None else own - self._own.get(spec.key, Decimal(0))),
            ("SharedBudget", self._budgets.get(budget_key(spec), None)),
        ):
            if money is not None and price is not None and price > 0:
                bounds.append((max(0, int(money // price)), name))
        return min(bounds, key=lambda b: b[0])

    def hold(self, state: ModelState) -> None:
        """Speaks for all that exists of a model."""
        for workload in state.workloads:
            price = _price(workload, self._accelerators) or Decimal(0)
            replicas = workload.held
            self.take(state.spec, workload.key.accelerator_class, replicas, price * replicas)

    def left(self) -> tuple[dict[ObjectKey, Decimal], dict[str, int]]:
        """Money left of every shared budget, and replicas of every class that has a bound."""
        return dict(self._budgets), dict(self._classes)

    def budget_missing(self, spec: ModelDeployment) -> bool:
        """A budget that cannot be read is not an unlimited one: fails closed."""
        return spec.budget_ref is not None and budget_key(spec) not in self._budgets


class Room:
    """How many replicas may be added now, over all that exists."""

    def __init__(self, snapshot: Snapshot, now_s: float, policy: PolicySettings) -> None:
        self._classes = snapshot.accelerator_classes
        self._schedulable = dict(snapshot.schedulable)
        self._existing: dict[str, int] = {}
        self._stuck: set[str] = set()
        self._waiting: set[str] = set()
        self._own: dict[ObjectKey, Decimal] = {}
        self._spent = spent_on(snapshot)
        self._money: dict[ObjectKey, Decimal] = {
            key: budget.per_hour - self._spent[key].cost for key, budget in snapshot.budgets.items()
        }
        for _, workloads in _all_that_exists(snapshot):
            for workload in workloads:
                self._note(workload, now_s, policy)
        self._own_unpriced: set[ObjectKey] = set()
        for state in snapshot.models:
            self._own[state.spec.key] = _cost_of(state.workloads, self._classes)
            if state.spec.budget_per_hour is not None and _unpriced(state.workloads, self._classes):
                self._own_unpriced.add(state.spec.key)

    def growth(self, spec: ModelDeployment, class_name: str, wish: int) -> tuple[int, str]:
        """How many of `wish` more replicas may be created now, and what bounds them."""
        accelerator = self._classes.get(class_name)
        if accelerator is None or accelerator.price_per_hour is None:
            return 0, "PriceUnknown"
        if spec.budget_ref is not None and budget_key(spec) not in self._money:
            return 0, "BudgetMissing"
        spent = self._spent.get(budget_key(spec))
        if (spent is not None and not spent.whole) or spec.key in self._own_unpriced:
            # What runs on that budget has no known price, so what is left is unknown too.
            return 0, "PriceUnknown"
        bounds = [(wish, ""), (self._placeable(accelerator), "Schedulable")]
        if accelerator.max_replicas is not None:
            left = accelerator.max_replicas - self._existing.get(class_name, 0)
            bounds.append((max(0, left), "Inventory"))
        for name, money in self._money_left(spec):
            if accelerator.price_per_hour > 0:
                bounds.append((max(0, int(money // accelerator.price_per_hour)), name))
        return min(bounds, key=lambda b: b[0])

    def shared_cost(self, spec: ModelDeployment) -> Decimal | None:
        """Cost per hour of all that exists on the shared budget of a model, as far as priced; None
        where it names none that exists."""
        spent = self._spent.get(budget_key(spec))
        return None if spent is None else spent.cost

    def stuck(self, class_name: str) -> bool:
        """Whether pods of that class have waited for a node for too long."""
        return class_name in self._stuck

    def take(self, spec: ModelDeployment, class_name: str, replicas: int) -> None:
        """Notes that so many more will be created in this tick."""
        price = self._classes[class_name].price_per_hour or Decimal(0)
        self._existing[class_name] = self._existing.get(class_name, 0) + replicas
        self._own[spec.key] += price * replicas
        budget = budget_key(spec)
        if budget in self._money:
            self._money[budget] -= price * replicas
        if class_name in self._schedulable:
            self._schedulable[class_name] -= replicas
        if replicas:
            self._waiting.add(class_name)

    def _note(self, workload: Workload, now_s: float, policy: PolicySettings) -> None:
        name = workload.key.accelerator_class
        self._existing[name] = self._existing.get(name, 0) + workload.held
        if any(
            p.unschedulable
            and not p.terminating
            and now_s - p.created_s > policy.unschedulable_after_s
            for p in workload.pods
        ):
            self._stuck.add(name)
        # Replicas asked for whose pods are not there yet will take their place on a node first.
        missing = max(0, workload.replicas - workload.alive)
        if missing or workload.unschedulable:
            self._waiting.add(name)
        if name in self._schedulable:
            self._schedulable[name] -= missing + workload.unschedulable

    def _placeable(self, accelerator: AcceleratorClass) -> int:
        """Replicas the nodes take. A declared inventory may be ahead of the nodes: an autoscaler
        adds them when it sees pods wait. But pods that wait for long say that none will come, and
        more of them only flood the scheduler (knative/serving#13284)."""
        if accelerator.name in self._stuck:
            return 0
        if accelerator.max_replicas is not None:
            return _MANY
        counted = self._schedulable.get(accelerator.name)
        if counted is None:
            # Nodes not readable: one at a time, each shown to fit before the next.
            return 0 if accelerator.name in self._waiting else 1
        return max(0, counted)

    def _money_left(self, spec: ModelDeployment) -> Iterable[tuple[str, Decimal]]:
        if spec.budget_per_hour is not None:
            yield "Budget", spec.budget_per_hour - self._own.get(spec.key, Decimal(0))
        if spec.budget_ref is not None:
            yield "SharedBudget", self._money.get(budget_key(spec), Decimal(0))


class Spent(NamedTuple):
    """Cost per hour of what exists on a shared budget, as far as priced; `whole`: all of it is."""

    cost: Decimal = Decimal(0)
    whole: bool = True


def spent_on(snapshot: Snapshot) -> dict[ObjectKey, Spent]:
    """What is spent on every shared budget that there is."""
    classes = snapshot.accelerator_classes
    spent = dict.fromkeys(snapshot.budgets, Spent())
    for budget, workloads in _all_that_exists(snapshot):
        if budget in spent:
            before = spent[budget]
            spent[budget] = Spent(
                before.cost + _cost_of(workloads, classes),
                before.whole and not _unpriced(workloads, classes),
            )
    return spent


def _all_that_exists(
    snapshot: Snapshot,
) -> Iterator[tuple[ObjectKey | None, tuple[Workload, ...]]]:
    """The workloads of every model, decided on or not, with the shared budget they are on."""
    yield from ((budget_key(s.spec), s.workloads) for s in snapshot.models)
    yield from ((h.budget, h.workloads) for h in snapshot.holdings)


def budget_key(spec: ModelDeployment) -> ObjectKey:
    """The shared budget a model names; a key that no budget has where it names none."""
    return _budget_key(spec.key.namespace, spec.budget_ref or "")


@lru_cache(maxsize=65536)
def _budget_key(namespace: str, name: str) -> ObjectKey:
    return ObjectKey(namespace, name)


def running_cost(state: ModelState, classes: Mapping[str, AcceleratorClass]) -> Decimal | None:
    """Cost per hour of what exists of a model; None where a price is unknown."""
    if unpriced_classes(state, classes):
        return None
    return _cost_of(state.workloads, classes)


def unpriced_classes(state: ModelState, classes: Mapping[str, AcceleratorClass]) -> set[str]:
    """The classes without a known price on which something of a model exists."""
    return {
        w.key.accelerator_class for w in state.workloads if w.held and _price(w, classes) is None
    }


def _cost_of(workloads: Iterable[Workload], classes: Mapping[str, AcceleratorClass]) -> Decimal:
    return sum((w.held * (_price(w, classes) or Decimal(0)) for w in workloads), Decimal(0))


def _unpriced(workloads: Iterable[Workload], classes: Mapping[str, AcceleratorClass]) -> bool:
    return any(w.held and _price(w, classes) is None for w in workloads)


def _price(workload: Workload, classes: Mapping[str, AcceleratorClass]) -> Decimal | None:
    accelerator = classes.get(workload.key.accelerator_class)
    return accelerator.price_per_hour if accelerator else None
