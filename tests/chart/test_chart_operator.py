"""The operator's pod, and what belongs to it."""

from __future__ import annotations

import pytest

from tests.chart.conftest import CHART, Object, Render


def one(objects: list[Object], kind: str) -> Object:
    (found,) = [each for each in objects if each["kind"] == kind]
    return found


def pod(objects: list[Object]) -> Object:
    template: Object = one(objects, "Deployment")["spec"]["template"]
    return template


def test_the_pod_passes_the_restricted_standard(render: Render) -> None:
    spec = pod(render())["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 65532
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    assert all(volume.keys() & {"configMap", "emptyDir"} for volume in spec["volumes"])
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]


def test_the_images_users_are_numbers_and_no_root(render: Render) -> None:
    """The kubelet cannot tell whether a name is root, and refuses it under runAsNonRoot."""
    context = pod(render())["spec"]["securityContext"]
    ids = f"{context['runAsUser']}:{context['runAsGroup']}"
    for file in ("Dockerfile", "Dockerfile.compress"):
        lines = (CHART.parents[1] / file).read_text().splitlines()
        assert [line.split()[1] for line in lines if line.startswith("USER ")] == [ids], file


def test_two_stand_by_for_each_other_on_different_nodes_where_there_are_two(
    render: Render,
) -> None:
    objects = render()
    spec = one(objects, "Deployment")["spec"]
    assert spec["replicas"] == 2
    # A new one stands by before an old one goes and hands the Lease over.
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == 30
    (anti,) = pod(objects)["spec"]["affinity"]["podAntiAffinity"].values()
    selector = spec["selector"]["matchLabels"]
    assert anti[0]["podAffinityTerm"]["labelSelector"]["matchLabels"] == selector
    budget = one(objects, "PodDisruptionBudget")["spec"]
    assert budget == {"maxUnavailable": 1, "selector": {"matchLabels": selector}}


def test_a_single_replica_has_nothing_to_be_spread_or_spared(render: Render) -> None:
    objects = render(replicas=1)
    assert one(objects, "Deployment")["spec"]["replicas"] == 1
    assert "affinity" not in pod(objects)["spec"]
    # A budget that lets nobody go would hold up every drain of its node.
    assert not [each for each in objects if each["kind"] == "PodDisruptionBudget"]


def test_it_runs_trimtab_with_the_mounted_settings_and_is_probed(render: Render) -> None:
    objects = render()
    spec = pod(objects)["spec"]
    (container,) = spec["containers"]
    assert container["command"] == ["trimtab", "run"]
    assert container["args"][0] == "--config=/etc/trimtab/config.yaml"
    assert {"name": "config", "mountPath": "/etc/trimtab", "readOnly": True} in container[
        "volumeMounts"
    ]
    (config,) = [volume for volume in spec["volumes"] if volume["name"] == "config"]
    assert config["configMap"]["name"] == one(objects, "ConfigMap")["metadata"]["name"]
    assert container["ports"] == [{"name": "http", "containerPort": 8080}]
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    assert container["resources"]["limits"] == {"memory": "256Mi"}
    assert spec["serviceAccountName"] == one(objects, "ServiceAccount")["metadata"]["name"]


def test_a_changed_setting_rolls_the_pod_and_another_value_does_not(render: Render) -> None:
    def checksum(**values: object) -> str:
        annotations: dict[str, str] = pod(render(**values))["metadata"]["annotations"]
        return annotations["checksum/config"]

    assert checksum() != checksum(tick="10s")
    assert checksum() == checksum(podLabels={"team": "vision"})


def test_the_selector_matches_the_pod_also_with_users_labels(render: Render) -> None:
    objects = render(podLabels={"team": "vision"}, extraLabels={"cost-centre": "7"})
    deployment = one(objects, "Deployment")
    labels = pod(objects)["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert labels["team"] == "vision"
    assert labels["trimtab.dev/instance"] == "default"
    # A selector cannot change after the first install, so nothing a user sets may be in it.
    assert deployment["spec"]["selector"]["matchLabels"].keys() == {
        "app.kubernetes.io/name",
        "app.kubernetes.io/instance",
    }
    assert all(each["metadata"]["labels"]["cost-centre"] == "7" for each in objects)


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ({"repository": "r/trimtab"}, "r/trimtab:0.1.0"),
        ({"repository": "r/trimtab", "tag": "dev"}, "r/trimtab:dev"),
        (
            {"repository": "r/trimtab", "tag": "dev", "digest": "sha256:" + "0" * 64},
            "r/trimtab@sha256:" + "0" * 64,
        ),
    ],
)
def test_the_image_is_named_by_digest_tag_or_version(
    render: Render, image: Object, reference: str
) -> None:
    assert pod(render(image=image))["spec"]["containers"][0]["image"] == reference


def test_placement_and_mounts_reach_the_pod(render: Render) -> None:
    values = {
        "nodeSelector": {"a": "b"},
        "tolerations": [{"key": "k", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone"}],
        "priorityClassName": "system-cluster-critical",
        "imagePullSecrets": [{"name": "pull"}],
        "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca"}],
    }
    spec = pod(render(**values))["spec"]
    for key in values.keys() - {"extraVolumes", "extraVolumeMounts"}:
        assert spec[key] == values[key]
    assert spec["volumes"][-1] == {"name": "ca", "configMap": {"name": "ca"}}
    assert spec["containers"][0]["volumeMounts"][-1] == {"name": "ca", "mountPath": "/etc/ca"}


def test_monitors_and_policy_come_only_when_asked_for(render: Render) -> None:
    kinds = {each["kind"] for each in render()}
    assert not kinds & {"PodMonitor", "ServiceMonitor", "Service", "NetworkPolicy"}


@pytest.mark.parametrize(
    ("value", "kind"), [("podMonitor", "PodMonitor"), ("serviceMonitor", "ServiceMonitor")]
)
def test_a_monitor_finds_the_port_and_carries_the_users_labels(
    render: Render, value: str, kind: str
) -> None:
    objects = render(**{value: {"enabled": True, "labels": {"release": "stack"}}})
    monitor = one(objects, kind)
    assert monitor["metadata"]["labels"]["release"] == "stack"
    (endpoint,) = monitor["spec"].get("endpoints") or monitor["spec"]["podMetricsEndpoints"]
    assert (endpoint["port"], endpoint["path"]) == ("http", "/metrics")
    selected = [
        each
        for each in [pod(objects), *objects]
        if monitor["spec"]["selector"]["matchLabels"].items() <= each["metadata"]["labels"].items()
    ]
    assert selected


@pytest.mark.parametrize(
    ("url", "policy", "port"),
    [
        ("http://p:9090", {}, 9090),
        ("https://p/prefix", {}, 443),
        ("http://p", {}, 80),
        ("http://p:80", {"prometheusPort": 9091}, 9091),
    ],
)
def test_the_network_policy_lets_prometheus_through(
    render: Render, url: str, policy: Object, port: int
) -> None:
    objects = render(prometheus={"url": url}, networkPolicy={"enabled": True, **policy})
    egress, to_models = one(objects, "NetworkPolicy")["spec"]["egress"]
    assert [rule["port"] for rule in egress["ports"]] == [53, 53, 443, 6443, port]
    (peer,) = to_models["to"]
    assert peer["podSelector"]["matchLabels"] == {"app.kubernetes.io/managed-by": "trimtab"}
