"""The autoscalers of others, as they are set up."""

from __future__ import annotations

from e2e.peers.objects import plain_hpa, scaled_object


def test_both_scale_the_deployment_within_the_same_bounds() -> None:
    hpa = plain_hpa("shop", "digits-int8", 6)["spec"]
    by_keda = scaled_object("shop", "digits-int8", 6, "http://prometheus", 0.15)["spec"]
    assert hpa["scaleTargetRef"] == by_keda["scaleTargetRef"]
    assert (hpa["minReplicas"], hpa["maxReplicas"]) == (1, 6)
    assert (by_keda["minReplicaCount"], by_keda["maxReplicaCount"]) == (1, 6)


def test_the_ratio_rule_grows_from_55_percent_and_shrinks_below_40() -> None:
    spec = scaled_object("shop", "digits-int8", 6, "http://prometheus", 0.15)["spec"]
    (trigger,) = spec["triggers"]
    held = float(trigger["metadata"]["threshold"])
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    up, down = (
        (1 + float(behavior["scaleUp"]["tolerance"])),
        1 - float(behavior["scaleDown"]["tolerance"]),
    )
    assert (round(held * up, 3), round(held * down, 3)) == (0.55, 0.4)
    assert "/ 150000, 2)" in trigger["metadata"]["query"]
    assert 'namespace="shop"' in trigger["metadata"]["query"]
