"""How many replicas of what each model may plan for: one joint plan over all that are acted on.

What nothing will be written for keeps what it holds, and is set aside first. The rest is shared by
`optimise`: accuracy or cost, where all can be carried; else so that the fewest requests miss, the
highest priority first (`shared_out`). What a model is allotted is set aside for it, so each may
then decide for itself, within what it is allotted and what nobody was.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from trimtab.api.resources import Objective, ObjectKey, RoutingType
from trimtab.core.demand import peak_demand
from trimtab.core.hold import hold_s
from trimtab.core.ledger import Shares, budget_key
from trimtab.core.optimise import Allotment, Demand, Goal, Problem, Solution, solve
from trimtab.core.optimise import Option as Choice
from trimtab.core.optimise.problem import budget_micro, price_micro
from trimtab.core.option import Option
from trimtab.core.settings import PolicySettings
from trimtab.core.shared_out import Sharing, shared_out
from trimtab.core.snapshot import Workload, WorkloadKey
from trimtab.core.view import View, set_aside, set_aside_held

_EXACT_MODELS = 64  # up to so many models `solver: exact` asks for the integer optimum


@dataclass(frozen=True, slots=True)
class Shadow:
    """gap: by what share the joint plan can be worse than the best; None where it had no say.
    price: what one more replica of the limit that binds a model, or one more unit of its money per
    hour, would better the plan by, in money per hour; None where no shared limit binds it."""

    gap: float | None = None
    price: float | None = None


@dataclass(frozen=True, slots=True)
class Allotted:
    """The joint plan in short. gap: of the whole; None where there was nothing to share. failures:
    models that could not be asked what they need; they keep what they hold."""

    gap: float | None = None
    shadows: Mapping[ObjectKey, Shadow] = field(default_factory=dict)
    failures: Mapping[ObjectKey, Exception] = field(default_factory=dict)


def allot(views: Iterable[View], shares: Shares, now_s: float, policy: PolicySettings) -> Allotted:
    """Speaks in `shares` for what every model is to have, each of which gives it back when its
    turn comes."""
    if not any(shares.left()):
        # Nothing is shared, so the best of each is the best of all.
        return Allotted(0.0, {view.state.spec.key: Shadow(0.0) for view in views})
    indexes = _Indexes(shares)
    sharing: list[Sharing] = []
    failures: dict[ObjectKey, Exception] = {}
    for view in views:
        try:
            options = _options(view, shares)
            if options:
                sharing.append((view, options, _demand(view, options, indexes, now_s, policy)))
            elif view.acts and not view.demand.blind:
                set_aside(view, shares)
            else:
                set_aside_held(view, shares)
        except Exception as error:
            failures[view.state.spec.key] = error
            set_aside_held(view, shares)
    if not sharing:
        return Allotted(failures=failures)

    def solved(demands: list[Demand]) -> Solution:
        return _solved(indexes.problem(demands, shares, policy), policy)

    solution = solved([demand for _, _, demand in sharing])
    if any(a.shortfall_rate > 0.0 for a in solution.models):
        sharing, solution = shared_out(sharing, solved, now_s)
    shadows = {}
    for (view, options, _), allotment in zip(sharing, solution.models, strict=True):
        _set_aside(view, options, allotment, shares)
        price = _money(allotment) if allotment.binding else None
        shadows[view.state.spec.key] = Shadow(solution.gap, price)
    return Allotted(solution.gap, shadows, failures)


def _solved(problem: Problem, policy: PolicySettings) -> Solution:
    if policy.solver == "exact" and len(problem.models) <= _EXACT_MODELS:
        from trimtab.core.optimise.exact import solve_exact

        return solve_exact(problem)
    return solve(problem)


def _options(view: View, shares: Shares) -> tuple[Option, ...]:
    """The options that share in the joint plan; none where the model has no part in it."""
    spec, current = view.state.spec, view.current
    if not view.acts or view.demand.blind or shares.budget_missing(spec):
        return ()
    manual = spec.scaling.manual
    if manual is not None:
        ordered = view.options[WorkloadKey(manual.variant, manual.accelerator_class)]
        return (ordered,) if ordered.price_per_hour is not None else ()
    runs = view.options.get(current.key) if current else None
    if runs is not None and (runs.capacity_rate is None or runs.price_per_hour is None):
        # What serves and is not yet understood is left as it is.
        return (runs,) if runs.price_per_hour is not None else ()
    offered = view.options
    return view.memo.get("shared in", (offered,), (), lambda: _best_known(offered.values()))


def _best_known(options: Iterable[Option]) -> tuple[Option, ...]:
    priced = [o for o in options if o.price_per_hour is not None]
    good = [o for o in priced if o.meets_slo and o.capacity_rate is not None]
    # A speed that nobody knows is chosen before one that is known to miss: without it here the
    # places were kept on a class that was not taken, and those of the other given to the next by
    # name, who had to give one back at the next tick.
    untried = [o for o in priced if o.capacity_rate is None]
    return tuple(good or untried or priced)


class _Indexes:
    """The numbers that shared budgets and classes go by in the joint plan."""

    def __init__(self, shares: Shares) -> None:
        budgets, _ = shares.left()
        self.budgets = {key: i for i, key in enumerate(budgets)}
        self.pools: dict[str, int] = {}

    def pool(self, class_name: str) -> int:
        """The class's number, a new one where it has none yet."""
        return self.pools.setdefault(class_name, len(self.pools))

    def problem(self, demands: list[Demand], shares: Shares, policy: PolicySettings) -> Problem:
        """All of it, with what is left of every limit."""
        budgets, classes = shares.left()
        return Problem(
            tuple(demands),
            tuple(budget_micro(budgets[key]) for key in self.budgets),
            tuple(max(0, classes[name]) if name in classes else None for name in self.pools),
            policy.switch_gain,
        )


def _demand(
    view: View,
    options: tuple[Option, ...],
    indexes: _Indexes,
    now_s: float,
    policy: PolicySettings,
) -> Demand:
    spec, current = view.state.spec, view.current
    scaling = spec.scaling
    rate, least, most = _rate(view, now_s), scaling.min_replicas, scaling.max_replicas
    if scaling.manual is not None:
        rate, least, most = 0.0, scaling.manual.replicas, scaling.manual.replicas
    elif any(o.capacity_rate is None for o in options):
        running = current.replicas if current else 0
        # As much as it runs, at one request/s each as `_choice` has it: what is begun and told
        # nothing yet gave its place to the next by name, before it was Ready.
        rate, least = float(running), min(most, max(least, running))
    own, serving = spec.budget_per_hour, _serving(view)
    return Demand(
        rate=rate,
        options=_choices(view, options, serving, indexes, policy),
        min_replicas=least,
        max_replicas=most,
        budget_micro=None if own is None else budget_micro(own),
        shared=indexes.budgets.get(budget_key(spec)),
        priority=spec.priority,
        running_rate=_running_rate(view),
        goal=Goal.MOST_ACCURACY
        if spec.objective is Objective.MAXIMIZE_ACCURACY
        else Goal.LEAST_COST,
        mix=spec.routing.type is RoutingType.GATEWAY,
    )


def _rate(view: View, now_s: float) -> float:
    """The load to plan for: what is expected, or what the guards will hold a fleet for anyway."""
    rate = view.demand.rate or 0.0
    if view.current is not None:
        held = peak_demand(view.memory, now_s, hold_s(view.state.spec, view.memory))
        rate = max(rate, held or 0.0)
    if not math.isfinite(rate):
        raise ValueError(f"a load of {rate} requests/s is none to plan for")
    return rate


def _serving(view: View) -> dict[WorkloadKey, Workload]:
    """What serves and is meant to: behind a gateway all that runs, else the most of it."""
    if view.state.spec.routing.type is RoutingType.GATEWAY:
        return {w.key: w for w in view.state.workloads if w.replicas}
    return {} if view.current is None else {view.current.key: view.current}


def _running_rate(view: View) -> float:
    serving = ((w.replicas, view.options.get(key)) for key, w in _serving(view).items())
    return sum(n * (option.capacity_rate or 0.0) for n, option in serving if option is not None)


def _choices(
    view: View,
    options: tuple[Option, ...],
    serving: Mapping[WorkloadKey, Workload],
    indexes: _Indexes,
    policy: PolicySettings,
) -> tuple[Choice, ...]:
    memo = view.memo
    classes = memo.get("classes asked", (options,), (), lambda: _classes_of(options))
    values = ([indexes.pool(name) for name in classes], list(serving), policy.switch_gain)
    return memo.get(
        "choices asked",
        (options,),
        values,
        lambda: tuple(_choice(o, serving, indexes, policy) for o in options),
    )


def _classes_of(options: Iterable[Option]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(o.key.accelerator_class for o in options))


def _choice(
    option: Option,
    serving: Mapping[WorkloadKey, Workload],
    indexes: _Indexes,
    policy: PolicySettings,
) -> Choice:
    price = price_micro(option.price_per_hour or Decimal(0))
    stays = not serving or option.key in serving
    # Another option is worth it where it costs less than (1 - switch_gain) of what runs.
    dearer = 1.0 / (1.0 - policy.switch_gain) - 1.0
    return Choice(
        indexes.pool(option.key.accelerator_class),
        option.capacity_rate or 1.0,
        price,
        float(option.accuracy),
        0 if stays else round(price * dearer),
    )


def _set_aside(
    view: View, options: tuple[Option, ...], allotment: Allotment, shares: Shares
) -> None:
    taken = []
    for run in allotment.runs:
        option = options[run.option]
        cost = (option.price_per_hour or Decimal(0)) * run.replicas
        taken.append((option.key.accelerator_class, run.replicas, cost))
        shares.take(view.state.spec, *taken[-1])
    view.set_aside = tuple(taken)


def _money(allotment: Allotment) -> float:
    """A shadow price in money: a budget's is money per money as it is, an inventory's is micro."""
    return allotment.shadow_price / (1.0 if allotment.binding == "budget" else 1e6)
