"""What is declared can be decided on, and nobody else writes what trimtab writes."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.actuate import kinds
from trimtab.api.resources import ObjectKey
from trimtab.control.doctor.facts import Cluster, Facts
from trimtab.control.doctor.finding import Finding, error, parted, sentence
from trimtab.core.snapshot import ModelState

# That its class is missing says the check of classes.
_OBSTACLES = ("NoCompressImage", "SourceRefused")


def resources(facts: Facts) -> Iterator[Finding]:
    """Every resource can be read."""
    if facts.cluster is None:
        return
    for (kind, key), problems in sorted(
        facts.cluster.gathered.problems.items(), key=lambda found: (found[0][0].kind, found[0][1])
    ):
        yield error(
            "resources",
            f"{kind.kind} {key if key.namespace else key.name}",
            sentence("; ".join(problems)),
            "change what it names: until then it counts for nothing",
        )


def models(facts: Facts) -> Iterator[Finding]:
    """Budgets are there, no other autoscaler is, gateways route, compressions can run."""
    if facts.cluster is None:
        return
    for state in facts.cluster.gathered.snapshot.models:
        yield from _budget(facts.cluster, state)
        yield from _scalers(state)
        yield from _route(state)
    for key, compressed in facts.cluster.gathered.compressed.items():
        if compressed.reason in _OBSTACLES and not compressed.wants_job:
            says, mend = parted(compressed.message)
            yield error("compression", f"ModelDeployment {key}", sentence(says), mend)


def _budget(cluster: Cluster, state: ModelState) -> Iterator[Finding]:
    name = state.spec.budget_ref
    if name is None or kinds.INFERENCE_BUDGET in cluster.hidden | cluster.absent:
        return
    key = ObjectKey(state.spec.key.namespace, name)
    broken = (kinds.INFERENCE_BUDGET, key) in cluster.gathered.problems
    if key not in cluster.gathered.snapshot.budgets and not broken:
        yield error(
            "budgets",
            f"ModelDeployment {state.spec.key}",
            f"Its budgetRef names InferenceBudget {name!r}, which does not exist: nothing grows.",
            f"create InferenceBudget {name} in namespace {key.namespace}, or name another",
        )


def _scalers(state: ModelState) -> Iterator[Finding]:
    for workload in state.workloads:
        if workload.foreign_scaler is not None:
            kind, _, name = workload.foreign_scaler.partition(" ")
            yield error(
                "autoscalers",
                f"ModelDeployment {state.spec.key}",
                f"{workload.foreign_scaler} also scales its {workload.key}: trimtab stands back.",
                f"delete it: kubectl delete {kind.lower()} -n {state.spec.key.namespace} {name}",
            )


def _route(state: ModelState) -> Iterator[Finding]:
    trouble = state.route.trouble if state.route else None
    if trouble is not None:
        says, mend = parted(trouble.message)
        yield error("gateway", f"ModelDeployment {state.spec.key}", sentence(says), mend)
