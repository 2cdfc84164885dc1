"""The autoscalers of others, as their users would write them for one Triton Deployment. Pure."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

_CPU_PERCENT = 70
_HOLD_ABOVE, _UP, _DOWN = 0.5, 0.1, 0.2
_WINDOW = "[45s:5s]"


def plain_hpa(namespace: str, deployment: str, most: int) -> Object:
    """By the CPU of the pods, with Kubernetes' own behaviour: what a Deployment gets first."""
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": _CPU_PERCENT}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "peer", "namespace": namespace},
        "spec": {
            "scaleTargetRef": _target(deployment),
            "minReplicas": 1,
            "maxReplicas": most,
            "metrics": [{"type": "Resource", "resource": cpu}],
        },
    }


def scaled_object(
    namespace: str, deployment: str, most: int, prometheus_url: str, slo_s: float
) -> Object:
    """KEDA on llm-d's rule (its guide "workload-autoscaling", slo-aware): the latency as a part of
    the SLO, at most 2, over 45 s; more from 0.55 on, fewer below 0.40, at most double in a minute,
    one fewer in two.

    Of the SLO's own percentile, and without its discount while pods start, which takes metrics
    that a cluster does not have by itself.
    """
    p99_us = f'max(nv_inference_request_summary_us{{namespace="{namespace}",quantile="0.99"}} > 0)'
    query = f"clamp_max(avg_over_time(({p99_us}){_WINDOW}) / {1e6 * slo_s:.0f}, 2)"
    up = {
        "tolerance": f"{_UP}",
        "selectPolicy": "Max",
        "policies": [
            {"type": "Percent", "value": 100, "periodSeconds": 60},
            {"type": "Pods", "value": 4, "periodSeconds": 60},
        ],
    }
    down = {
        "tolerance": f"{_DOWN}",
        "policies": [{"type": "Pods", "value": 1, "periodSeconds": 120}],
    }
    trigger = {
        "type": "prometheus",
        "metricType": "Value",
        "metadata": {
            "serverAddress": prometheus_url,
            "query": query,
            "threshold": f"{_HOLD_ABOVE}",
        },
    }
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "peer", "namespace": namespace},
        "spec": {
            "scaleTargetRef": _target(deployment),
            "pollingInterval": 5,
            "minReplicaCount": 1,
            "maxReplicaCount": most,
            "advanced": {
                "horizontalPodAutoscalerConfig": {"behavior": {"scaleUp": up, "scaleDown": down}}
            },
            "triggers": [trigger],
        },
    }


def _target(deployment: str) -> Object:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment}
