"""Which choice one model makes now: its own, its user's, or to stay with what runs."""

from __future__ import annotations

from trimtab.core.choose import Choice, choose
from trimtab.core.demand import peak_demand, peak_foreseen, seen_for
from trimtab.core.foresight import Judge, foreseen
from trimtab.core.hold import hold_s
from trimtab.core.ledger import Room, Shares
from trimtab.core.settings import PolicySettings
from trimtab.core.snapshot import Workload, WorkloadKey
from trimtab.core.switch import makes_room
from trimtab.core.view import View

_WORTH_A_SWITCH = 2.0


def pick(
    view: View, shares: Shares, room: Room, now_s: float, policy: PolicySettings
) -> tuple[Choice | None, tuple[Choice, ...]]:
    """The choice and all that were looked at."""
    spec, current = view.state.spec, view.current
    # Not the sum over all: while a switch runs and readings are missing, each tick would take
    # the old and the new together for the need, and double it.
    running = current.replicas if current else 0
    if spec.scaling.manual is not None:
        return _manual(view, shares), ()
    judged = Judge(view, shares, running)
    choices = judged(view.demand.rate, "now")
    staying = next((c for c in choices if current and c.option.key == current.key), None)
    hopeless = current is not None and _hopeless(current, room)
    if staying is not None and view.demand.blind and not hopeless:
        return staying, choices
    if current is None or staying is None or hopeless:
        # Nothing that may stay serves: what can start at once is better than what is cheaper on a
        # full class, for which the model would wait for ever.
        able = tuple(c for c in choices if c is not staying and _can_begin(view, c, room))
        return choose(able or choices, spec, None, policy), choices
    choice = (
        _needed(view, choices, staying, current, policy)
        or foreseen(view, choices, staying, judged, now_s, policy)
        or _wished(view, choices, staying, judged, now_s, policy)
    )
    if choice is None:
        return staying, choices
    if not _can_begin(view, choice, room) and not _worth_breaking(view, staying, choice, room):
        # A switch that cannot begin must not keep the current variant from being scaled.
        return staying, choices
    return choice, choices


def _needed(
    view: View,
    choices: tuple[Choice, ...],
    staying: Choice,
    current: Workload,
    policy: PolicySettings,
) -> Choice | None:
    """Another choice where what serves cannot carry the load; None where it stays."""
    if not staying.short:
        return None
    choice = choose(choices, view.state.spec, current.key, policy)
    if choice is None or choice is staying or _stays_in_shortage(staying, choice, current):
        return None
    return choice


def _wished(
    view: View,
    choices: tuple[Choice, ...],
    staying: Choice,
    judged: Judge,
    now_s: float,
    policy: PolicySettings,
) -> Choice | None:
    """A better choice, where what serves would do.

    First it grows if the load asks for more, and a cheaper fleet must have sufficed for the whole
    window, and for what the window's trend said would come. Otherwise two variants swap at every
    dip of the load.
    """
    spec, key = view.state.spec, staying.option.key
    memo, gain = view.memo, policy.switch_gain
    best = memo.get(
        "best now", (spec, choices), (key, gain), lambda: choose(choices, spec, key, policy)
    )
    if staying.short or best is staying:
        return None
    window_s = hold_s(spec, view.memory)
    peak = peak_demand(view.memory, now_s, window_s)
    growing = staying.granted > view.state.workload(key).replicas
    if peak is None or growing or not seen_for(view.memory, now_s, window_s, policy):
        return None
    arriving, coming = view.demand.arriving or 0.0, peak_foreseen(view.memory, now_s, window_s)
    # There and back: what would have to be left again before it is there is not worth the way.
    later = arriving + 2.0 * ((coming or arriving) - arriving)
    wished = judged(max(peak * (1.0 + policy.dead_band), later), "wished")
    choice = memo.get(
        "best wished", (spec, wished), (key, gain), lambda: choose(wished, spec, key, policy)
    )
    if choice is None or choice.short or choice.option.key == key:
        return None
    return choice


def _worth_breaking(view: View, staying: Choice, choice: Choice, room: Room) -> bool:
    """Whether a replica of what serves should go so that the other can begin: it carries what
    arrives, and what serves cannot.

    The counter-example: as the load rose the accurate variant grew into all of the budget, and then
    stayed late for as long as the load did, where half the money would have carried it on another.
    """
    arriving, current = view.demand.arriving, view.current
    if current is None or arriving is None or view.demand.blind or choice.short:
        return False
    if current.replicas < 2 or staying.option.capacity_rate is None:
        return False
    if staying.carried_rate >= arriving:
        return False  # only what may come is too much for it
    comes = choice.option.key.accelerator_class
    binding = room.growth(view.state.spec, comes, 1)[1]
    return makes_room(current.key.accelerator_class, comes, binding)


def _stays_in_shortage(staying: Choice, choice: Choice, current: Workload) -> bool:
    """Where neither carries the load, what serves goes on unless the other carries twice as much:
    a switch takes a start-up of what is lacking. Under a budget that was too small for eight models
    one or the other was always between two variants, and served with neither."""
    if not current.ready or not choice.short:
        return False
    return choice.carried_rate < _WORTH_A_SWITCH * staying.carried_rate


def _can_begin(view: View, choice: Choice, room: Room) -> bool:
    """Whether it runs already, or one replica of it could be created now."""
    workload = view.state.workload(choice.option.key)
    if workload.replicas:
        return not _hopeless(workload, room)
    return room.growth(view.state.spec, choice.option.key.accelerator_class, 1)[0] > 0


def _hopeless(workload: Workload, room: Room) -> bool:
    """None of it serves, and its pods have waited for a node for so long that none will come."""
    return not workload.ready and room.stuck(workload.key.accelerator_class)


def _manual(view: View, shares: Shares) -> Choice | None:
    """The user's own choice, inside money and inventory."""
    spec = view.state.spec
    manual = spec.scaling.manual
    if manual is None:
        return None
    option = view.options.get(WorkloadKey(manual.variant, manual.accelerator_class))
    if option is None:
        return None
    ceiling = shares.most_replicas(spec, manual.accelerator_class, option.price_per_hour)
    granted = min(manual.replicas, ceiling[0])
    short = granted < manual.replicas
    return Choice(option, manual.replicas, granted, ceiling[1] if short else "", short, ceiling)
