"""What trimtab may do, is seen to do, and never tells. Plays last: its logs are of all that played.

The rights are held against the audit log of the embedded cluster; the rest runs on any.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from e2e.kit.access import ROOT, Access, CommandFailed, wait_for
from e2e.kit.install import (
    NAMESPACE,
    RELEASE,
    RESTRICTED,
    Images,
    install_prometheus,
    install_trimtab,
)
from e2e.kit.rights import Audit, Right, granted, rules_of
from e2e.kit.served import Stage

SAMPLE = ROOT / "model_repo" / "digits" / "sample.json"
DOCS = (ROOT / "SECURITY.md").read_text()
CANARY = "canary7f3a9c"
CANARY_PIXEL = "3.1733704242"  # of 0 to 16: one that stands out in a log
JWT = "eyJhbGciOi"  # how every token of a service account begins
# What cannot come to pass in this session, and why it is needed all the same.
NEVER_HERE: dict[Right, str] = {}
UNASKED = {"", "NotAsked", "NoReadyPods"}
# Kinds of others' operators, which are not installed: their definitions are enough to be watched.
OTHERS = {
    "podmonitors.monitoring.coreos.com": ("v1", "PodMonitor"),
    "scaledobjects.keda.sh": ("v1alpha1", "ScaledObject"),
    "httproutes.gateway.networking.k8s.io": ("v1", "HTTPRoute"),
    "backendtrafficpolicies.gateway.envoyproxy.io": ("v1alpha1", "BackendTrafficPolicy"),
}
ROUTE, POLICY = "httproutes.gateway.networking.k8s.io", "backendtrafficpolicies"


def hand(variant: str) -> dict[str, Any]:
    """One replica of that variant."""
    chosen = {"variant": variant, "acceleratorClass": "cpu-quarter", "replicas": 1}
    return {"mode": "Manual", "manual": chosen}


@pytest.fixture(scope="module")
def prometheus(access: Access, images: Images, operator: None) -> str:
    """Its URL, with a user and a password in it that it does not ask for."""
    url = install_prometheus(access, images)
    return url.replace("://", f"://{CANARY}-user:{CANARY}-password@")


@pytest.fixture(scope="module")
def values(access: Access, images: Images, prometheus: str) -> list[str]:
    """trimtab with a token for Prometheus, and an image for compressions that is never run."""
    access.apply(json.dumps(secret(NAMESPACE, "prometheus-token", token=f"{CANARY}-token")))
    volume = [{"name": "token", "secret": {"secretName": "prometheus-token"}}]
    mount = [{"name": "token", "mountPath": "/etc/prometheus-token", "readOnly": True}]
    repository, _, tag = images.trimtab.rpartition(":")
    return [
        *("--set-json", f"extraVolumes={json.dumps(volume)}"),
        *("--set-json", f"extraVolumeMounts={json.dumps(mount)}"),
        *("--set", "prometheus.bearerTokenFile=/etc/prometheus-token/token"),
        *("--set", f"compress.image.repository={repository}", "--set", f"compress.image.tag={tag}"),
    ]


@pytest.fixture(scope="module")
def secured(stage: Stage, images: Images, prometheus: str, values: list[str]) -> Iterator[Stage]:
    """A model that serves, is checked with a sample of the canary, and moves to its other variant;
    one whose sample is refused; one with a secret; one that is compressed; kinds of others."""
    access = stage.access
    there = {crd["metadata"]["name"] for crd in access.json("crd")["items"]}
    absent = [name for name in OTHERS if name not in there]
    for name in absent:
        access.apply(json.dumps(definition(name, *OTHERS[name])))
    # An earlier session's would not be made anew.
    access.kubectl("-n", NAMESPACE, "delete", "lease", RELEASE, "--ignore-not-found")
    install_trimtab(access, images, prometheus, *values)
    stage.put(sample(stage, "checked-sample", float(CANARY_PIXEL)))
    stage.put(sample(stage, "refused-sample", f"{CANARY}-datum"))
    stage.put(secret(stage.namespace, "store", AWS_SECRET_ACCESS_KEY=f"{CANARY}-key"))
    stage.put(stage.digits(scaling=hand("fp32"), outputCheck=check("checked-sample")))
    stage.put(stage.digits("refused", scaling=hand("int8"), outputCheck=check("refused-sample")))
    stage.put(from_store(stage))
    for name in ("digits", "refused"):
        stage.await_condition("Ready", "True", name=name, seconds=240)
    yield stage
    for name in absent:
        access.kubectl("delete", "crd", name, "--wait=false")


def secret(namespace: str, name: str, **data: str) -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": data}


def check(sample_name: str) -> dict[str, Any]:
    return {"sample": {"configMap": {"name": sample_name}}, "interval": "1m"}


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


def definition(name: str, version: str, kind: str) -> dict[str, Any]:
    """A custom resource that takes anything."""
    plural, _, group = name.partition(".")
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        # The groups of *.k8s.io are protected: without this the API server takes none of them.
        "metadata": {
            "name": name,
            "annotations": {"api-approved.kubernetes.io": "unapproved, experimental-only"},
        },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": anything},
                }
            ],
        },
    }


# -- pods ---------------------------------------------------------------------------------------


def test_both_namespaces_take_restricted_pods_alone_and_have_them(secured: Stage) -> None:
    access = secured.access
    for namespace in (NAMESPACE, secured.namespace):
        labels = access.json("namespace", namespace)["metadata"]["labels"]
        assert labels.items() >= RESTRICTED.items()
        with pytest.raises(CommandFailed, match='violates PodSecurity "restricted'):
            access.kubectl(
                *("-n", namespace, "run", "root", "--image=x", "--privileged"),
                "--dry-run=server",
            )
        assert access.json("-n", namespace, "pods")["items"]


def test_triton_has_no_token_and_the_operator_writes_nothing_to_its_root(secured: Stage) -> None:
    found = secured.get("pods", "-l", "trimtab.dev/model-deployment=digits")["items"]
    pod = found[0]["metadata"]["name"]
    folder = "/var/run/secrets/kubernetes.io/serviceaccount"
    said = secured.kubectl("exec", pod, "-c", "triton", "--", "ls", folder, check=False)
    assert "No such file" in said
    write = ("python3", "-c", "open('/opt/trimtab/x', 'w')")
    said = secured.operator.exec(secured.operator.name(), *write, check=False)
    assert "Read-only file system" in said


# -- Triton -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "v2/repository/index",
        "v2/repository/models/digits/load",
        "v2/repository/models/digits/unload",
        "v2/logging",
        "v2/trace/setting",
        "v2/systemsharedmemory/region/r/register",
        "v2/cudasharedmemory/region/r/register",
    ],
)
def test_whoever_may_ask_triton_may_not_change_it(secured: Stage, path: str) -> None:
    status, said = ask(f"{secured.way_in()}/{path}", b"{}")
    assert status == 403, said
    assert "restricted" in said


def test_it_answers_all_the_same(secured: Stage) -> None:
    image = json.loads(SAMPLE.read_text())["inputs"][0]["data"][:64]
    body = {"inputs": [tensor(image)], "id": f"{CANARY}-id", "parameters": {"p": f"{CANARY}-p"}}
    status, said = ask(f"{secured.way_in()}/v2/models/digits/infer", json.dumps(body).encode())
    assert status == 200, said
    assert f"{CANARY}-id" in said


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


# -- admission ----------------------------------------------------------------------------------


def test_the_admission_policy_of_the_docs_refuses_what_trimtab_would_run(secured: Stage) -> None:
    """In this namespace alone: the docs' own holds in all."""
    (block,) = re.findall(r"```yaml\n(.*?Policy\n.*?PolicyBinding\n.*?)```", DOCS, re.DOTALL)
    policy, binding = yaml.safe_load_all(block)
    name = secured.namespace
    policy["metadata"]["name"] = binding["metadata"]["name"] = binding["spec"]["policyName"] = name
    here = {"matchLabels": {"kubernetes.io/metadata.name": name}}
    binding["spec"]["matchResources"] = {"namespaceSelector": here}
    for each in (policy, binding):
        secured.put(each)
    try:
        refused: list[str] = []
        wait_for("the policy to hold", lambda: bool(refuses(secured, refused)), seconds=30)
        assert "named by its digest" in refused[0]
    finally:
        for kind in ("validatingadmissionpolicy", "validatingadmissionpolicybinding"):
            secured.access.kubectl("delete", kind, name)


def refuses(stage: Stage, said: list[str]) -> list[str]:
    """What the API server has against the digits' model, were it put now."""
    model = json.dumps(stage.digits("refused-by-policy"))
    try:
        stage.access.kubectl("apply", "--dry-run=server", "-f", "-", stdin=model)
    except CommandFailed as refusal:
        said.append(str(refusal))
    return said


# -- what is told -------------------------------------------------------------------------------


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


# -- rights -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def played(secured: Stage, audit: Audit | None) -> Audit:
    """Every way in which trimtab comes to ask for something, once; the rest of the session may have
    done so before."""
    if audit is None:
        pytest.skip("the audit log is the embedded cluster's")
    secured.put(compressed(secured, attempt=0))
    wait_for("a Job", lambda: len(secured.get("jobs")["items"]) == 1, seconds=60)
    first = secured.get("jobs")["items"][0]["metadata"]["name"]
    secured.put(compressed(secured, attempt=1))

    def another() -> bool:
        left = [job["metadata"]["name"] for job in secured.get("jobs")["items"]]
        return len(left) == 1 and left != [first]

    wait_for("the Job to make way for another", another, seconds=60)
    secured.put(secured.digits(scaling=hand("int8"), outputCheck=check("checked-sample")))

    def moved() -> bool:
        kinds = ("deployments", "configmaps", "podmonitors.monitoring.coreos.com")
        left = [secured.get(k, "-l", "trimtab.dev/variant=fp32")["items"] for k in kinds]
        return not any(left)

    wait_for("the old variant and all of it to go", moved, seconds=240)
    route_and_back(secured)
    return audit


def route_and_back(stage: Stage) -> None:
    """A model behind a Gateway, then behind a Service again. What a controller of Gateways says of
    its route is said in its place: none runs here."""
    scaling = {"mode": "Auto", "minReplicas": 1, "maxReplicas": 1}
    parent = {"name": "edge", "namespace": stage.namespace}
    behind = {"type": "Gateway", "parentRef": parent}
    stage.put(stage.digits("routed", scaling=scaling, routing=behind))
    wait_for("a route", lambda: bool(stage.get(ROUTE)["items"]), seconds=120)
    told = {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller", "parentRef": parent}
    status = json.dumps({"status": {"parents": [told]}})
    stage.kubectl("patch", ROUTE, "routed", "--type=merge", "-p", status)
    wait_for("a policy", lambda: bool(stage.get(POLICY)["items"]), seconds=60)
    stage.put(stage.digits("routed", scaling=scaling))

    def gone() -> bool:
        return not stage.get(ROUTE)["items"] and not stage.get(POLICY)["items"]

    wait_for("both to go", gone, seconds=120)


def compressed(stage: Stage, attempt: int) -> dict[str, Any]:
    """Its Job never runs, for want of its claim: that it is there is all that counts."""
    compression = {
        "source": {"persistentVolumeClaim": {"claimName": "none", "path": "source"}},
        "model": "model.py",
        "workers": 2,
        "acceleratorClass": "cpu-quarter",
        "output": {"claimName": "none", "path": "compressed"},
        "recipes": {"variants": [{"name": "half", "precision": "bf16"}]},
        "attempt": attempt,
    }
    scaling = {"mode": "Auto", "minReplicas": 1, "maxReplicas": 1}
    return stage.digits("compressed", scaling=scaling, compression=compression)


def rendered(access: Access, audit: Audit) -> list[Any]:
    """The rules that the installed chart gives the operator's account."""
    manifest = access.helm("get", "manifest", RELEASE, "--namespace", NAMESPACE)
    objects = [each for each in yaml.safe_load_all(manifest) if each]
    found = list(rules_of(objects, audit.account.rpartition(":")[2]))
    assert found
    return found


def test_nothing_that_it_asked_for_was_denied(played: Audit) -> None:
    assert played.denied() == set()


def test_every_right_of_the_chart_was_used(secured: Stage, played: Audit) -> None:
    """No wildcard, and nothing that trimtab never asks for."""
    rights = set(granted(rendered(secured.access, played)))
    assert not [right for right in rights if "*" in right]
    assert not [right for right in rights if right.resource == "secrets"]
    used = played.used()
    unused = rights - used - NEVER_HERE.keys()
    assert not unused, f"granted and never used: {', '.join(sorted(map(str, unused)))}"
    assert not used - rights, "used by another grant than the chart's"
    assert not used & NEVER_HERE.keys(), "used here after all: no reason to leave it out"


def test_with_roles_in_namespaces_alone_nothing_is_denied_either(
    secured: Stage, images: Images, prometheus: str, values: list[str], played: Audit
) -> None:
    before = operator_pods(secured)
    scope = ("--set", "rbac.scope=namespaces", "--set", f"namespaces={{{secured.namespace}}}")
    install_trimtab(secured.access, images, prometheus, *values, *scope)
    secured.put(secured.digits("narrow", scaling=hand("int8")))
    secured.await_condition("Ready", "True", name="narrow", seconds=120)
    pods = operator_pods(secured) - before
    assert pods, "other roles, and so another config, and so another pod"
    now = played.of_pods(*pods)
    assert now.denied() == set()
    by_namespace = set(granted(rendered(secured.access, played)))
    assert by_namespace >= now.used() > set()
    assert Right("", "namespaces", "watch") in now.used()
    assert_refused(secured.access, f"--as={played.account}")


def operator_pods(stage: Stage) -> set[str]:
    """Names of the operator's pods, those on their way out included."""
    return {pod["metadata"]["name"] for pod in stage.operator.all_pods()}


def assert_refused(access: Access, account: str) -> None:
    """What a stolen token of the operator's would not do."""
    for what, namespace in (
        ("list deployments", "default"),
        ("get secrets", NAMESPACE),
        ("create pods/exec", NAMESPACE),
        ("create rolebindings", NAMESPACE),
    ):
        can = ("auth", "can-i", *what.split(), "-n", namespace, account)
        assert access.kubectl(*can, check=False).startswith("no"), what
