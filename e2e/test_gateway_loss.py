"""The only pod of a variant behind the Gateway is deleted outright: the others take its share."""

from __future__ import annotations

import time

from e2e.kit.access import Access, wait_for
from e2e.kit.gateway import Gateway, await_route, failures_of
from e2e.kit.served import Stage

# For how long how many times what one replica of the fast variant answers. Three replicas are paid:
# of the accurate one they carry half as much at most, so that either variant is left with one.
BUDGET = "0.30"
RISE = ((30, 0.4), (30, 0.8), (30, 1.3), (210, 1.8))
FOUND_S = 240
PATIENCE_S = 120.0
GONE_S = 3.0  # the next tick is 4 s away at least
LEAST_SHARE = 0.05  # with less, nothing would be lost anyhow


def test_a_share_without_a_pod_is_taken_over_before_the_next_tick(
    access: Access, gateway: Gateway, stage: Stage, most: float
) -> None:
    budget = {"perHour": BUDGET}
    stage.put(stage.digits(objective="MaximizeAccuracy", routing=gateway.routing, budget=budget))
    stage.await_condition("Ready", "True", seconds=240)
    await_route(access, stage.namespace, "digits")
    schedule = ",".join(f"{seconds}s@{round(times * most)}" for seconds, times in RISE)
    # The accurate variant alone is too slow for the load: what waits its turn there is not lost.
    with stage.load(gateway.url, schedule, seed=5, patience_s=PATIENCE_S) as load:
        found: list[str] = []

        def just_after_a_tick() -> bool:
            ticked = stage.operator.has_ticked_since(time.time() - 1.0)
            found[:] = lone(stage) if ticked else []
            return len(found) == 1

        wait_for("one pod of a variant", just_after_a_tick, seconds=FOUND_S, period_s=0.1)
        (pod,) = found
        killed_s = time.time()
        stage.kubectl("delete", pod, "--grace-period=0", "--force", "--wait=false")
        time.sleep(10.0)  # two ticks: by then it is as good as it gets
        load.stop()
        report = load.report(PATIENCE_S + 30)
    after_s = report.started_at_s - killed_s
    lost = [(after_s + r.scheduled_s, r.latency_s) for r in report.results if r.error]
    # What waited in that pod nobody can answer any more.
    inside = [sent_s for sent_s, latency_s in lost if sent_s < 0.0 <= sent_s + latency_s]
    later = [sent_s for sent_s, _ in lost if sent_s >= 0.0]
    told = ", ".join(f"{sent_s:.2f} s" for sent_s in later)
    print(
        f"{pod} deleted; of {len(report.results)} failed {len(inside)} that were in it,"
        f" and {len(later)} sent after: {told}"
    )
    assert len(inside) + len(later) == len(lost), "\n".join(failures_of(access))
    assert all(sent_s <= GONE_S for sent_s in later), "\n".join(failures_of(access))


def lone(stage: Stage) -> list[str]:
    """The pod that is the only one of its variant and has a part of the traffic, where another
    variant serves beside it; as kubectl names it."""
    route = stage.get("httproute", "digits")["spec"]["rules"][0]["backendRefs"]
    total = sum(ref["weight"] for ref in route)
    ready = {
        v["name"]: v["readyReplicas"] for v in stage.status()["variants"] if v["readyReplicas"]
    }
    for variant, pods in ready.items():
        weight = sum(ref["weight"] for ref in route if f"-{variant}-" in ref["name"])
        if pods == 1 < len(ready) and weight / total >= LEAST_SHARE:
            labels = f"trimtab.dev/model-deployment=digits,trimtab.dev/variant={variant}"
            return stage.kubectl("get", "pods", "-l", labels, "-o", "name").split()
    return []
