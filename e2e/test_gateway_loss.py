"""The only pod of a variant behind the Gateway is deleted outright: the other takes its share."""

from __future__ import annotations

import time

from e2e.kit.access import Access, wait_for
from e2e.kit.gateway import Gateway, await_route, failures_of
from e2e.kit.served import Stage

# Of what one replica of the fast variant answers: two accurate ones carry less, one of each more.
SHARE = 0.55
LOAD_S = 120
GONE_S = 2.0  # a tick is 5 s apart from the next


def test_a_share_without_a_pod_is_taken_over_before_the_next_tick(
    access: Access, gateway: Gateway, stage: Stage, most: float
) -> None:
    two = {"minReplicas": 2, "maxReplicas": 2}
    stage.put(stage.digits(objective="MaximizeAccuracy", routing=gateway.routing, scaling=two))
    stage.await_condition("Ready", "True", seconds=240)
    await_route(access, stage.namespace, "digits")
    with stage.load(gateway.url, f"{LOAD_S}s@{round(SHARE * most)}", seed=5) as load:
        wait_for("the load to begin", lambda: load.started_at_s is not None, seconds=20)
        wait_for("one of each variant", lambda: shared(stage), seconds=90)
        just_before = time.time()
        wait_for("a tick", lambda: stage.operator.has_ticked_since(just_before), seconds=30)
        killed_s = time.time()
        stage.kubectl("delete", *pods(stage, "int8"), "--grace-period=0", "--force", "--wait=false")
        report = load.report(LOAD_S + 60)
    lost = [report.started_at_s + r.scheduled_s - killed_s for r in report.results if r.error]
    print(f"failed {len(lost)} of {len(report.results)}: {[round(s, 2) for s in lost]} s after")
    assert all(0.0 <= s <= GONE_S for s in lost), "\n".join(failures_of(access))


def pods(stage: Stage, variant: str) -> list[str]:
    """The variant's pods, as kubectl names them."""
    labels = f"trimtab.dev/model-deployment=digits,trimtab.dev/variant={variant}"
    return stage.kubectl("get", "pods", "-l", labels, "-o", "name").split()


def shared(stage: Stage) -> bool:
    """Whether one Ready replica of each variant has a part of the traffic."""
    told = stage.status().get("variants") or ()
    route = stage.get("httproute", "digits")["spec"]["rules"][0]["backendRefs"]
    return sorted(v["readyReplicas"] for v in told if v["replicas"]) == [1, 1] and all(
        ref["weight"] > 1 for ref in route
    )
