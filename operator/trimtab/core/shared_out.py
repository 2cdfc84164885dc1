"""A joint plan where not all that is wanted can be had: who keeps what, so that the fewest miss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from trimtab.core.optimise import Demand, Solution
from trimtab.core.option import Option
from trimtab.core.strained import arriving_rate, strained
from trimtab.core.view import View

Sharing = tuple[View, tuple[Option, ...], Demand]
"""A model that shares in the joint plan, its options, and what it asks for, in the same order."""

_WORTH_SWITCHING = 0.5


def shared_out(
    sharing: Sequence[Sharing], solved: Callable[[list[Demand]], Solution], now_s: float
) -> tuple[list[Sharing], Solution]:
    """How many of what serves, so that the fewest of the requests that arrive are missed. With the
    options that its runs are counted by. `solved`: the joint plan for such demands.

    Ten models each kept room for a burst of their own, and the one that had a burst found none. And
    a shortage has no room for two variants of one model: under a budget that was too small for
    eight, each went from one to another and back, and served with neither. Only where others
    would more than halve what is lacking are they switched to.
    """
    arriving = [
        (view, options, replace(demand, rate=arriving_rate(view, demand)))
        for view, options, demand in sharing
    ]
    free = _of(arriving, solved)
    staying = _of([_narrowed(each, _serves(each)) for each in arriving], solved)
    if _short_of(free) < _WORTH_SWITCHING * _short_of(staying):
        kept = [
            _narrowed(each, allotment.runs[0].option if len(allotment.runs) == 1 else None)
            for each, allotment in zip(sharing, free.models, strict=True)
        ]
    else:
        kept = [_narrowed(each, _serves(each)) for each in sharing]
    fewest = [_strained(each, now_s) for each in kept]
    return fewest, _of(fewest, solved)


def _of(sharing: Sequence[Sharing], solved: Callable[[list[Demand]], Solution]) -> Solution:
    return solved([demand for _, _, demand in sharing])


def _short_of(solution: Solution) -> float:
    return sum(allotment.shortfall_rate for allotment in solution.models)


def _serves(sharing: Sharing) -> int | None:
    """The place of the option that serves now; None where none does."""
    view, options, _ = sharing
    current = view.current
    if current is None or not current.ready:
        return None
    return next((i for i, o in enumerate(options) if o.key == current.key), None)


def _narrowed(sharing: Sharing, option: int | None) -> Sharing:
    """With that option alone; with all where none is given."""
    view, options, demand = sharing
    if option is None:
        return sharing
    alone = slice(option, option + 1)
    return view, options[alone], replace(demand, options=demand.options[alone])


def _strained(sharing: Sharing, now_s: float) -> Sharing:
    view, options, demand = sharing
    try:
        return view, options, strained(view, options, demand, now_s)
    except Exception:
        # By the rate alone: one that nobody had thought of must not stop all others.
        return view, options, replace(demand, rate=arriving_rate(view, demand))
