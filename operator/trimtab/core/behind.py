"""Nothing that serves leaves while nodes and gateways may still send requests to what has left, and
no variant enters a route while the gateway may not know its pods; see core.route.

They learn of a pod that leaves from the API server. Where it gave no answer they ask again after
ever longer pauses, each for itself: once it is back, those that delete pods may hear of it half a
minute before those that keep requests away from them. A fleet that shrank in that half minute lost
what was sent to the pod that was gone, for as long as the node's proxy did not know.
"""

from __future__ import annotations

from trimtab.core.guard import Step, hold
from trimtab.core.settings import PolicySettings
from trimtab.core.snapshot import Snapshot, Workload


def behind_until_s(snapshot: Snapshot, now_s: float, policy: PolicySettings) -> float | None:
    """Until when (epoch) proxies may be behind; None where they are not."""
    silent_s = snapshot.unanswered_s
    if silent_s is None or now_s - silent_s >= policy.proxies_behind_s:
        return None
    return silent_s + policy.proxies_behind_s


def at_least(step: Step, workload: Workload, until_s: float) -> Step:
    """The step, but no fewer than run where some serve."""
    if step.replicas >= workload.replicas or not workload.ready:
        return step
    why = "the API server gave no answer lately: nodes may still send requests to what leaves"
    return hold(workload.replicas, "ProxiesBehind", why, until_s)
