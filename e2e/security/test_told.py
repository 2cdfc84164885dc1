"""What trimtab and Triton never tell, wherever one may look."""

from __future__ import annotations

import json
from collections.abc import Iterator

from e2e.kit.access import wait_for
from e2e.kit.install import NAMESPACE
from e2e.kit.served import Stage
from e2e.security.scene import CANARY, CANARY_PIXEL, ask, tensor

JWT = "eyJhbGciOi"  # how every token of a service account begins
UNASKED = {"", "NotAsked", "NoReadyPods"}


def test_no_log_status_event_or_metric_holds_a_payload_a_header_or_a_token(
    secured: Stage,
) -> None:
    wrong = (
        f"{CANARY}-no-json".encode(),
        json.dumps({"inputs": [tensor([f"{CANARY}-x"])]}).encode(),
    )
    for body in wrong:
        assert ask(f"{secured.way_in()}/v2/models/digits/infer", body)[0] >= 400
    secured.await_condition("OutputsAgree", "True", seconds=120)
    refused = ("OutputsAgree", "refused")
    wait_for("a refusal", lambda: secured.condition(*refused)[1] not in UNASKED, seconds=120)
    assert secured.condition(*refused)[0] == "Unknown"
    told = dict(everything_told(secured))
    assert any("triton" in name for name in told)
    assert any(name.startswith(f"log of {NAMESPACE}/trimtab-") for name in told)
    for name, text in told.items():
        for canary in (CANARY, CANARY_PIXEL, JWT):
            at = text.find(canary)
            assert at < 0, f"{name}: ...{text[max(0, at - 200) : at + 100]}..."


def everything_told(stage: Stage) -> Iterator[tuple[str, str]]:
    """Logs of all containers of trimtab and of all models', and what else can be read of them."""
    access = stage.access
    ours = [
        *access.json("-n", NAMESPACE, "pods")["items"],
        *access.json("pods", "-A", "-l", "app.kubernetes.io/managed-by=trimtab")["items"],
    ]
    for pod in ours:
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        spec = pod["spec"]
        for container in (*spec.get("initContainers", ()), *spec["containers"]):
            for which in ("false", "true"):
                log = ("-n", namespace, "logs", name, "-c", container["name"])
                text = access.kubectl(*log, f"--previous={which}", check=False)
                yield f"log of {namespace}/{name}/{container['name']} (previous={which})", text
    metrics = stage.operator.metrics_text(stage.operator.name())
    assert "trimtab_" in metrics
    yield "metrics", metrics
    yield "events", stage.kubectl("get", "events.events.k8s.io", "-o", "yaml")
    for model in stage.get("modeldeployments")["items"]:
        yield f"status of {model['metadata']['name']}", json.dumps(model["status"])
    children = ("deployments", "services")
    yield "children", stage.kubectl("get", ",".join(children), "-o", "yaml")
