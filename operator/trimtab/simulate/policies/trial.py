"""Whole runs of the simulator, for bounds that are searched in hindsight."""

from __future__ import annotations

from collections.abc import Mapping

from trimtab.api.resources import ObjectKey
from trimtab.simulate.fleet import Fleet
from trimtab.simulate.policies.case import Play
from trimtab.simulate.policies.tune import Outcome
from trimtab.simulate.policy import Policy
from trimtab.simulate.settings import RunSettings
from trimtab.simulate.trace import Trace
from trimtab.simulate.truth import Truth


def trial(
    fleet: Fleet, traces: Mapping[ObjectKey, Trace], settings: RunSettings, truth: Truth
) -> Play:
    """Plays a policy on that case and tells what each model attained and cost."""

    def play(policy: Policy) -> Mapping[ObjectKey, Outcome]:
        # The engine imports the rules by name, so they import it only when they run it.
        from trimtab.simulate.run import run

        models = run(fleet, traces, policy, settings, truth).models
        return {m.spec.key: Outcome(m.slo_attainment, m.cost) for m in models}

    return play
