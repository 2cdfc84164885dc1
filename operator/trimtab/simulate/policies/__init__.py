"""The scaling rules that a fleet can be played with, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trimtab.api.resources import ObjectKey, RoutingType
from trimtab.simulate.fleet import Fleet
from trimtab.simulate.policies.case import Case
from trimtab.simulate.policies.families import FAMILIES, default_numbers, with_numbers
from trimtab.simulate.policies.hindsight import best_window, oracle, tuned_family
from trimtab.simulate.policies.infadapter import InfAdapter
from trimtab.simulate.policies.load import per_second
from trimtab.simulate.policies.rule import PerModel
from trimtab.simulate.policies.static_peak import PEAK_QUANTILE, PEAK_SPAN_S, StaticPeak
from trimtab.simulate.policies.timeline import peak_rate
from trimtab.simulate.policies.trial import trial
from trimtab.simulate.policy import Policy
from trimtab.simulate.settings import RunSettings
from trimtab.simulate.trace import Trace
from trimtab.simulate.truth import Truth, make_truth


def make(
    name: str,
    fleet: Fleet,
    traces: Mapping[ObjectKey, Trace],
    settings: RunSettings,
    truth: Truth | None = None,
) -> Policy:
    """The policy of that name; KeyError for a name that NAMES does not hold.

    `truth` is for the bounds that know everything: without one the manifests' profiles are true.
    Bounds in hindsight play the case many times before they are returned.
    """
    truth = truth or make_truth(fleet)
    play = trial(fleet, traces, settings, truth)
    return _MAKERS[name](Case(fleet, traces, settings, truth, play))


def _trimtab(case: Case) -> Policy:
    # Its module imports the operator's decision, which no other rule needs.
    from trimtab.simulate.policies.trimtab import Trimtab

    return Trimtab(case.settings.decision)


def _family(name: str) -> Callable[[Case], Policy]:
    family = FAMILIES[name]

    def build(case: Case) -> Policy:
        numbers = default_numbers(family, case.specs, case.pinned)
        return with_numbers(family, case.specs, case.pinned, numbers)

    return build


def _tuned(name: str) -> Callable[[Case], Policy]:
    return lambda case: tuned_family(case, FAMILIES[name])


def _infadapter(case: Case) -> Policy:
    mixes = frozenset(k for k, s in case.specs.items() if s.routing.type is RoutingType.GATEWAY)
    return InfAdapter(case.fleet.models, case.seed_ways, mixes)


def _static_peak(case: Case) -> Policy:
    peaks = {
        k: peak_rate(per_second(t, case.end_s), PEAK_SPAN_S, PEAK_QUANTILE)
        for k, t in case.traces.items()
    }
    return PerModel(case.pinned, {k: StaticPeak(peaks[k], p.rate) for k, p in case.pinned.items()})


_TUNABLE = ("hpa-queue-time", "keda-rps", "kpa", "slo-ratio")
_MAKERS: Mapping[str, Callable[[Case], Policy]] = {
    "trimtab": _trimtab,
    **{name: _family(name) for name in FAMILIES},
    "infadapter": _infadapter,
    "static-peak": _static_peak,
    **{f"{name}-best": _tuned(name) for name in _TUNABLE},
    "hindsight-window": best_window,
    "oracle": oracle,
}

NAMES: tuple[str, ...] = tuple(_MAKERS)
