"""What pods may do: the least that they need, and what the cluster holds them to."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from e2e.kit.access import ROOT, CommandFailed, wait_for
from e2e.kit.install import NAMESPACE, RESTRICTED
from e2e.kit.served import Stage

DOCS = (ROOT / "SECURITY.md").read_text()


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
