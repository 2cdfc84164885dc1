"""The plan of a model that could not be decided on: everything of it stays, and it says so."""

from __future__ import annotations

from trimtab.core import conditions
from trimtab.core.plan import Decision, ModelPlan, Target
from trimtab.core.snapshot import ModelState
from trimtab.core.weights import routed


def undecided(state: ModelState, failure: Exception, now_s: float) -> ModelPlan:
    """Holds what runs. The counter-example: one model with a reading that nobody had thought of,
    and no model of the cluster is scaled any more."""
    text = (
        f"Deciding failed ({type(failure).__name__}: {failure}), so nothing of this model changes;"
        " the operator's log has the traceback. Please report it."
    )
    targets = routed(
        state,
        {},
        None,
        [
            Target(w.key, w.replicas, w.batch_cap or 1, queue_size=w.queue_size)
            for w in state.workloads
        ],
    )
    return ModelPlan(
        key=state.spec.key,
        targets=targets,
        decision=Decision(now_s, "Hold", text),
        conditions=(
            conditions.ready(state),
            conditions.reconciling(state, targets, act=False),
            conditions.stalled("DecisionFailed", text),
        ),
        act=False,
        failure=failure,
    )
