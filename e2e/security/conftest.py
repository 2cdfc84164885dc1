"""An install, models and kinds of others, by which every secret goes and every right is used."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from e2e.kit.access import Access
from e2e.kit.install import NAMESPACE, RELEASE, Images, install_prometheus, install_trimtab
from e2e.kit.served import Stage
from e2e.security.others import OTHERS, definition
from e2e.security.scene import CANARY, CANARY_PIXEL, check, from_store, hand, sample, secret


@pytest.fixture(scope="package")
def prometheus(access: Access, images: Images, operator: None) -> str:
    """Its URL, with a user and a password in it that it does not ask for."""
    url = install_prometheus(access, images)
    return url.replace("://", f"://{CANARY}-user:{CANARY}-password@")


@pytest.fixture(scope="package")
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


@pytest.fixture(scope="package")
def secured(access: Access, images: Images, prometheus: str, values: list[str]) -> Iterator[Stage]:
    """A model that serves, is checked with a sample of the canary, and moves to its other variant;
    one whose sample is refused; one with a secret; one that is compressed; kinds of others."""
    there = {crd["metadata"]["name"] for crd in access.json("crd")["items"]}
    absent = [name for name in OTHERS if name not in there]
    for name in absent:
        access.apply(json.dumps(definition(name, *OTHERS[name])))
    # An earlier session's would not be made anew.
    access.kubectl("-n", NAMESPACE, "delete", "lease", RELEASE, "--ignore-not-found")
    install_trimtab(access, images, prometheus, *values)
    with Stage(access, images) as stage:
        fill(stage)
        yield stage
        for name in absent:
            access.kubectl("delete", "crd", name, "--wait=false")


def fill(stage: Stage) -> None:
    """Puts the models and what they refer to, and waits for those that can serve."""
    stage.put(sample(stage, "checked-sample", float(CANARY_PIXEL)))
    stage.put(sample(stage, "refused-sample", f"{CANARY}-datum"))
    stage.put(secret(stage.namespace, "store", AWS_SECRET_ACCESS_KEY=f"{CANARY}-key"))
    stage.put(stage.digits(scaling=hand("fp32"), outputCheck=check("checked-sample")))
    stage.put(stage.digits("refused", scaling=hand("int8"), outputCheck=check("refused-sample")))
    stage.put(from_store(stage))
    for name in ("digits", "refused"):
        stage.await_condition("Ready", "True", name=name, seconds=240)
