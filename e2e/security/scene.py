"""Models, and requests to them, that hold what nobody is to be told."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from e2e.kit.access import ROOT
from e2e.kit.served import Stage

SAMPLE = ROOT / "model_repo" / "digits" / "sample.json"
CANARY = "canary7f3a9c"
CANARY_PIXEL = "3.1733704242"  # of 0 to 16: one that stands out in a log


def hand(variant: str) -> dict[str, Any]:
    """One replica of that variant."""
    chosen = {"variant": variant, "acceleratorClass": "cpu-quarter", "replicas": 1}
    return {"mode": "Manual", "manual": chosen}


def check(sample_name: str) -> dict[str, Any]:
    return {"sample": {"configMap": {"name": sample_name}}, "interval": "1m"}


def secret(namespace: str, name: str, **data: str) -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": data}


def sample(stage: Stage, name: str, datum: float | str) -> dict[str, Any]:
    """The digits' sample with that in the place of one pixel of its first item."""
    text = json.loads(SAMPLE.read_text())
    text["inputs"][0]["data"][0] = datum
    meta = {"name": name, "namespace": stage.namespace}
    data = {"sample.json": json.dumps(text)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def from_store(stage: Stage) -> dict[str, Any]:
    """A model in a store that is not there; the key to it is in a Secret."""
    model = stage.digits("from-store", scaling=hand("int8"))
    for variant in model["spec"]["variants"]:
        variant["source"] = {
            "uri": "s3://http://127.0.0.1:9/models",
            "secretRef": {"name": "store"},
        }
    return model


def tensor(data: list[Any]) -> dict[str, Any]:
    return {"name": "image", "datatype": "FP32", "shape": [1, 1, 8, 8], "data": data}


def ask(url: str, body: bytes) -> tuple[int, str]:
    """Status and body of a POST, with the canary in headers as a client's token is."""
    headers = {
        "Authorization": f"Bearer {CANARY}-client",
        "X-Customer": f"{CANARY}-header",
        "Content-Type": "application/json",
    }
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()
