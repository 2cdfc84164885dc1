"""Two workers compress a model in the cluster, and what they publish serves without an edit.

Not part of `make e2e`: see `make e2e-compress`. On the embedded cluster alone: it needs a folder of
the node as a volume.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.kit.access import ROOT, Access, wait_for
from e2e.kit.claim import claim
from e2e.kit.install import Images, install_prometheus, install_trimtab
from e2e.kit.served import Stage

MODEL = ROOT / "e2e" / "images" / "xor_to_compress.py"
FIRST_WORKER = "10.96.77.77"
CLAIM = "models"
STUDENT = {
    "name": "student",
    "network": "student",
    "train": {"epochs": 20, "learningRate": 0.01, "batch": 64},
}
RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
CLASSES = {
    "compress-half": {"cpu": "500m", "memory": "2Gi"},
    "cpu-quarter": {"cpu": "250m", "memory": "512Mi"},
}


@pytest.fixture(scope="module")
def compressing(access: Access, images: Images, operator: None) -> None:
    """trimtab, with an image for compressions."""
    if access.embedded is None:
        pytest.skip("the volume is a folder of the embedded cluster's node")
    access.embedded.ensure_image(images.compress)
    repository, _, tag = images.compress.rpartition(":")
    url = install_prometheus(access, images)
    image = ("--set", f"compress.image.repository={repository}", "--set")
    install_trimtab(access, images, url, *image, f"compress.image.tag={tag}")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """The node's folder behind the claim, with MODEL.py in it."""
    made = Path(tempfile.mkdtemp(prefix="trimtab-e2e-compress-", dir="/var/tmp"))
    (made / "source").mkdir()
    shutil.copy(MODEL, made / "source" / "model.py")
    for each in (made, made / "source"):
        each.chmod(0o777)  # a volume of the node's keeps its owners
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def xor(stage: Stage, compressing: None, folder: Path) -> Iterator[Stage]:
    """A model with one declared variant, a claim, and a compression by two workers."""
    for each in (*classes(), *claim(stage, CLAIM, folder), *name_of_the_first(stage)):
        stage.put(each)
    wait_for("the policy that names the first worker", lambda: is_named(stage), seconds=60)
    stage.put(manifest(stage))
    yield stage
    for kind in ("pv", "mutatingadmissionpolicy", "mutatingadmissionpolicybinding"):
        stage.access.kubectl("delete", kind, stage.namespace, "--ignore-not-found", "--wait=false")


def manifest(stage: Stage, **changes: Any) -> dict[str, Any]:
    compression = {
        "source": {"persistentVolumeClaim": {"claimName": CLAIM, "path": "source"}},
        "model": "model.py",
        "workers": 2,
        "acceleratorClass": "compress-half",
        "serveOn": ["cpu-quarter"],
        "output": {"claimName": CLAIM, "path": "compressed"},
        "recipes": {
            "threads": 1,
            "measure": {"batches": [1, 8], "seconds": 0.2},
            "variants": [STUDENT],
        },
        **changes,
    }
    # The declared one is right, but said to be worse: what is published is preferred.
    declared = {
        "name": "declared",
        "accuracy": "0.9",
        "acceleratorClasses": ["cpu-quarter"],
        "source": {"image": {"reference": stage.images.models, "path": "xor/fp32"}},
    }
    return {
        "apiVersion": "trimtab.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "xor", "namespace": stage.namespace},
        "spec": {
            "model": "xor",
            "objective": "MaximizeAccuracy",
            "slo": {"latency": {"percentile": 99, "target": "200ms"}, "minAccuracy": "0.85"},
            "budget": {"perHour": "1.00"},
            "triton": {"image": stage.images.triton},
            "variants": [declared],
            "compression": compression,
        },
    }


def classes() -> Iterator[dict[str, Any]]:
    for name, resources in CLASSES.items():
        yield {
            "apiVersion": "trimtab.dev/v1alpha1",
            "kind": "AcceleratorClass",
            "metadata": {"name": name},
            "spec": {"resources": resources, "pricePerHour": "0.10"},
        }


def name_of_the_first(stage: Stage) -> Iterator[dict[str, Any]]:
    """The embedded cluster has no DNS: the first worker's name gets an address in /etc/hosts, that
    of a Service which leads to it."""
    run = {"app.kubernetes.io/name": "trimtab-compress"}
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "first-worker", "namespace": stage.namespace},
        "spec": {
            "clusterIP": FIRST_WORKER,
            "publishNotReadyAddresses": True,
            "selector": {**run, "batch.kubernetes.io/job-completion-index": "0"},
            "ports": [{"port": 29400, "targetPort": 29400}],
        },
    }
    name = "object.spec.subdomain + '-0.' + object.spec.subdomain"
    # A patch, for a list of host names is one that no applied configuration may change.
    alias = f"Object.spec.hostAliases{{ip: '{FIRST_WORKER}', hostnames: [{name}]}}"
    added = f"JSONPatch{{op: 'add', path: '/spec/hostAliases', value: [{alias}]}}"
    kind = "MutatingAdmissionPolicy"
    yield {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": stage.namespace},
        "spec": {
            "matchConstraints": {
                "namespaceSelector": {
                    "matchLabels": {"kubernetes.io/metadata.name": stage.namespace}
                },
                "resourceRules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "resources": ["pods"],
                        "operations": ["CREATE"],
                    }
                ],
            },
            "matchConditions": [{"name": "a-worker", "expression": "has(object.spec.subdomain)"}],
            "reinvocationPolicy": "Never",
            "failurePolicy": "Fail",
            "mutations": [
                {"patchType": "JSONPatch", "jsonPatch": {"expression": f"[{added}]"}},
            ],
        },
    }
    yield {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{kind}Binding",
        "metadata": {"name": stage.namespace},
        "spec": {"policyName": stage.namespace},
    }


def is_named(stage: Stage) -> bool:
    """Whether a worker that was made now would get its /etc/hosts: the API server takes seconds to
    hear of a policy."""
    container = {"name": "c", "image": "none", "securityContext": RESTRICTED}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "asked", "namespace": stage.namespace},
        "spec": {
            "subdomain": "asked",
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
        },
    }
    dry = ("create", "--dry-run=server", "-o", "json", "-f", "-")
    made = json.loads(stage.access.kubectl(*dry, stdin=json.dumps(pod)))
    return bool(made["spec"].get("hostAliases"))


def jobs(stage: Stage) -> list[dict[str, Any]]:
    return list(stage.get("jobs")["items"])


def compression(stage: Stage) -> dict[str, Any]:
    return dict(stage.status("xor").get("compression") or {})


def test_two_workers_publish_and_it_serves_without_an_edit(xor: Stage, folder: Path) -> None:
    xor.await_condition("Ready", "True", name="xor", seconds=240)
    assert xor.status("xor")["variants"][0]["name"] == "declared"
    took = xor.await_condition("CompressionSucceeded", "True", name="xor", seconds=900)
    print(f"the compression took {took:.0f} s after the declared variant was Ready")
    found = compression(xor)
    names = [variant["name"] for variant in found["variants"]]
    assert "student" in names
    run = folder / "compressed" / found["sourceHash"]
    report = json.loads((run / "report.json").read_text())
    assert names == [v["name"] for v in report["variants"] if v["published"]]

    def serves() -> bool:
        variants = {v["name"]: v["readyReplicas"] for v in xor.status("xor")["variants"]}
        return set(variants) <= set(names) and sum(variants.values()) > 0

    wait_for("a published variant to serve alone", serves, seconds=300)


def test_it_answers_rightly(xor: Stage) -> None:
    url = xor.way_in("xor")
    for bits, expected in (((0.0, 1.0), True), ((1.0, 1.0), False)):
        asked = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": list(bits)}]}
        request = urllib.request.Request(
            f"{url}/v2/models/xor/infer",
            json.dumps(asked).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            (probability,) = json.load(answer)["outputs"][0]["data"]
        assert (probability > 0.5) is expected


def test_the_workers_had_no_token_and_ran_restricted(xor: Stage) -> None:
    (job,) = jobs(xor)
    assert (job["spec"]["completions"], job["spec"]["completionMode"]) == (2, "Indexed")
    pods = xor.get("pods", "-l", f"batch.kubernetes.io/job-name={job['metadata']['name']}")
    assert len(pods["items"]) == 2
    for pod in pods["items"]:
        mounts = pod["spec"]["containers"][0]["volumeMounts"]
        assert not any("serviceaccount" in mount["mountPath"] for mount in mounts)


def test_an_operator_that_begins_anew_runs_nothing_again(xor: Stage) -> None:
    (before,) = (job["metadata"]["uid"] for job in jobs(xor))
    told = compression(xor)
    xor.kill_operator()
    xor.await_operator()
    wait_for("a decision", lambda: bool(xor.status("xor")), seconds=30)
    assert [job["metadata"]["uid"] for job in jobs(xor)] == [before]
    assert compression(xor) == told


def test_a_failure_is_told_and_serving_goes_on(xor: Stage) -> None:
    serving = xor.status("xor")["variants"]
    xor.put(manifest(xor, model="no_such_model.py", workers=1))
    xor.await_condition("CompressionSucceeded", "False", name="xor", seconds=300)
    assert "no_such_model.py" in compression(xor)["message"]
    assert xor.status("xor")["variants"] == serving
    assert xor.condition("Ready", "xor")[0] == "True"
    assert "CompressFailed" in xor.kubectl("describe", "md", "xor")


def test_deleting_the_model_deletes_its_job(xor: Stage) -> None:
    xor.kubectl("delete", "md", "xor", "--wait=true")
    wait_for("the Job to go", lambda: jobs(xor) == [], seconds=60)
