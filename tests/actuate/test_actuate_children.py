"""What the children hold, and which of the old ones go."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.actuate import fleet
from tests.actuate.fleet import children_of, only_deployment, target_of
from trimtab.actuate import names
from trimtab.actuate.children import build_children, identity, stale_children
from trimtab.actuate.config import renders_config
from trimtab.actuate.errors import SourceRefused, UnknownTarget
from trimtab.actuate.settings import InstallSettings
from trimtab.actuate.sources import source_problem
from trimtab.api.resources import AcceleratorClass, ModelSource, OutputCheck
from trimtab.core.agreement import fingerprint
from trimtab.core.snapshot import WorkloadKey

SOURCES: list[ModelSource] = [fleet.IMAGE, fleet.PVC, fleet.URI, fleet.HOST_PATH]
ALLOWED = InstallSettings(allow_host_path=True)


def pod_of(source: ModelSource, **options: Any) -> dict[str, Any]:
    children = children_of(source, settings=options.pop("settings", ALLOWED), **options)
    spec: dict[str, Any] = only_deployment(children)["spec"]["template"]["spec"]
    return spec


def triton_of(source: ModelSource, **options: Any) -> dict[str, Any]:
    container: dict[str, Any] = pod_of(source, **options)["containers"][0]
    return container


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: type(s).__name__)
def test_pods_are_within_the_restricted_standard(source: ModelSource) -> None:
    pod = pod_of(source)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["securityContext"]["runAsUser"] == 1000
    assert pod["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    for container in (*pod["containers"], *pod.get("initContainers", ())):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["readOnlyRootFilesystem"] is True
    kinds = {key for volume in pod["volumes"] for key in volume if key != "name"}
    allowed = {"configMap", "emptyDir", "persistentVolumeClaim", "secret", "image"}
    assert kinds <= allowed | ({"hostPath"} if source is fleet.HOST_PATH else set())


def test_nothing_in_flight_is_cut_off() -> None:
    pod = pod_of(fleet.IMAGE, settings=InstallSettings(pre_stop_s=9, drain_s=40))
    container = pod["containers"][0]
    assert "--exit-timeout-secs=40" in container["args"]
    assert container["lifecycle"]["preStop"] == {"sleep": {"seconds": 9}}
    assert pod["terminationGracePeriodSeconds"] > 9 + 40


def test_what_could_change_the_server_is_closed_by_what_nobody_knows() -> None:
    """By the model's own uid: the same for ever, or pods would restart, and no other model's."""
    closed = "model-repository,shared-memory,trace,logging:closed-by-trimtab="
    for source in SOURCES:
        args = triton_of(source)["args"]
        assert "--model-control-mode=none" in args
        assert f"--http-restricted-api={closed}{fleet.UID}" in args
        assert f"--grpc-restricted-protocol={closed}{fleet.UID}" in args


def test_a_change_of_replicas_changes_no_pod() -> None:
    two, five = (only_deployment(children_of(fleet.IMAGE, target_of(replicas=n))) for n in (2, 5))
    assert two["spec"]["template"] == five["spec"]["template"]
    assert five["spec"]["replicas"] == 5


@pytest.mark.parametrize("change", [{"batch_cap": 4}, {"queue_delay_s": 0.001}, {"queue_size": 40}])
def test_a_change_of_config_rolls_the_pods(change: dict[str, Any]) -> None:
    before = only_deployment(children_of())
    after = only_deployment(children_of(fleet.IMAGE, target_of(**change)))
    templates = [d["spec"]["template"]["metadata"]["annotations"] for d in (before, after)]
    assert templates[0] != templates[1]


def test_the_batch_cap_is_readable_where_it_is_rendered() -> None:
    annotations = only_deployment(children_of())["metadata"]["annotations"]
    assert annotations[names.BATCH_CAP_ANNOTATION] == "8"
    uri = only_deployment(children_of(fleet.URI))["metadata"]["annotations"]
    assert names.BATCH_CAP_ANNOTATION not in uri
    assert [renders_config(s) for s in SOURCES] == [True, True, False, True]


def test_an_output_check_marks_the_deployment_and_restarts_no_pod() -> None:
    check = OutputCheck("sample", "sample.json", Decimal("0.98"), 600.0)
    with_it, without = (
        only_deployment(children_of(output_check=check)),
        only_deployment(children_of()),
    )
    assert with_it["spec"]["template"] == without["spec"]["template"]
    mark = names.FINGERPRINT_ANNOTATION
    assert mark not in without["metadata"]["annotations"]
    other = fleet.deployment_of(fleet.IMAGE, output_check=check)
    expected = fingerprint(other, other.variants[0], fleet.L4)
    assert with_it["metadata"]["annotations"][mark] == expected


def test_the_queue_bound_is_rendered_and_readable() -> None:
    def rendered(**change: Any) -> tuple[int, str | None]:
        child = only_deployment(children_of(fleet.IMAGE, target_of(**change)))
        (prepare,) = child["spec"]["template"]["spec"]["initContainers"]
        (given,) = (a for a in prepare["args"] if a.startswith("--overlay="))
        size: int = json.loads(given.partition("=")[2])["max_queue_size"]
        return size, child["metadata"]["annotations"].get(names.QUEUE_SIZE_ANNOTATION)

    assert rendered(queue_size=40) == (40, "40")
    assert rendered() == (200, None)
    uri = only_deployment(children_of(fleet.URI, target_of(queue_size=40)))["metadata"]
    assert names.QUEUE_SIZE_ANNOTATION not in uri["annotations"]


def test_a_bound_that_is_the_users_own_restarts_no_pod() -> None:
    chosen, own = (
        only_deployment(children_of(fleet.IMAGE, target_of(queue_size=size)))["spec"]["template"]
        for size in (200, None)
    )
    assert chosen == own


def test_a_response_cache_is_a_flag_and_a_new_template() -> None:
    without, with_cache = (
        only_deployment(
            children_of(triton=replace(fleet.deployment_of(fleet.IMAGE).triton, cache_bytes=size))
        )["spec"]["template"]
        for size in (None, 2**26)
    )
    args = with_cache["spec"]["containers"][0]["args"]
    assert "--cache-config=local,size=67108864" in args
    assert not [a for a in without["spec"]["containers"][0]["args"] if "cache" in a]
    assert without["metadata"]["annotations"] != with_cache["metadata"]["annotations"]


def test_a_replica_that_pays_for_a_cpu_sees_no_gpu() -> None:
    void = {"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"}
    children = children_of(fleet.IMAGE, target_of("cpu"))
    cpu = only_deployment(children)["spec"]["template"]["spec"]["containers"][0]
    assert void in cpu["env"]
    assert void not in triton_of(fleet.IMAGE)["env"]


def test_resources_are_those_of_the_class_and_no_more() -> None:
    assert triton_of(fleet.IMAGE)["resources"] == {
        "requests": {"nvidia.com/gpu": "1"},
        "limits": {"nvidia.com/gpu": "1"},
    }
    pod = only_deployment(children_of(fleet.IMAGE, target_of("cpu")))["spec"]["template"]["spec"]
    named = {"cpu": "250m", "memory": "512Mi"}
    for container in (*pod["containers"], *pod["initContainers"]):
        assert container["resources"] == {"requests": named, "limits": named}
    assert "resources" not in pod_of(fleet.IMAGE)["initContainers"][0]


def test_a_rollout_steps_up_only_where_an_accelerator_is_free() -> None:
    spare, none = (only_deployment(children_of(surge=s))["spec"]["strategy"] for s in (True, False))
    assert spare["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert none["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}


def test_a_host_path_is_refused_with_the_mend() -> None:
    with pytest.raises(SourceRefused) as caught:
        children_of(fleet.HOST_PATH)
    assert "variant 'fp32'" in str(caught.value)
    assert "models.allowHostPath=true" in str(caught.value)
    variant = fleet.deployment_of(fleet.HOST_PATH).variants[0]
    assert source_problem(variant, fleet.SETTINGS) is not None
    assert source_problem(variant, ALLOWED) is None


def test_a_target_without_its_class_is_named() -> None:
    md = fleet.deployment_of(fleet.IMAGE)
    with pytest.raises(UnknownTarget, match=r"fp32 on l4 of shop/classifier.*AcceleratorClass"):
        build_children(md, fleet.plan_of(target_of()), {}, fleet.SETTINGS, podmonitor=False)


def test_secrets_are_named_and_never_read() -> None:
    container = triton_of(fleet.URI)
    assert container["envFrom"] == [{"secretRef": {"name": "models-read"}}]
    assert "--model-repository=s3://models/classifier" in container["args"]
    assert "initContainers" not in pod_of(fleet.URI)


def test_the_users_arguments_come_last_and_choose_the_config() -> None:
    md = fleet.deployment_of(fleet.IMAGE)
    for extra in (("--model-config-name=gpu",), ("--log-verbose", "--model-config-name", "gpu")):
        triton = replace(md.triton, extra_args=extra)
        pod = pod_of(fleet.IMAGE, triton=triton)
        assert tuple(pod["containers"][0]["args"][-len(extra) :]) == extra
        assert '"config_name":"gpu"' in pod["initContainers"][0]["args"][-1]


def test_what_is_mounted_exists_before_what_mounts_it() -> None:
    kinds = [key.split("/")[0] for key in children_of(podmonitor=True)]
    assert kinds == ["Service", "Service", "ConfigMap", "Deployment", "PodMonitor"]


def test_both_variants_serve_while_one_replaces_the_other() -> None:
    children = children_of(fleet.IMAGE, target_of("l4"), target_of("cpu"))
    selector = children["Service/classifier"]["spec"]["selector"]
    for name in ("Deployment/classifier-fp32-l4", "Deployment/classifier-fp32-cpu"):
        labels = children[name]["spec"]["template"]["metadata"]["labels"]
        assert selector.items() <= labels.items()


def test_no_label_of_a_pod_can_be_taken_over_by_a_setting() -> None:
    settings = InstallSettings(pod_labels=((names.VARIANT_LABEL, "x"), ("team", "vision")))
    meta = only_deployment(children_of(settings=settings))["spec"]["template"]["metadata"]
    assert meta["labels"]["team"] == "vision"
    assert meta["labels"][names.VARIANT_LABEL] == "fp32"


def test_a_platform_may_choose_the_user() -> None:
    context = pod_of(fleet.IMAGE, settings=InstallSettings(run_as_user=None))["securityContext"]
    assert not {"runAsUser", "runAsGroup", "fsGroup"} & set(context)
    assert context["runAsNonRoot"] is True


def test_only_our_own_are_stale() -> None:
    md = fleet.deployment_of(fleet.IMAGE)
    old = children_of(fleet.IMAGE, target_of("l4"), target_of("cpu"), podmonitor=True)
    desired = children_of(fleet.IMAGE, target_of("l4"), podmonitor=True).values()
    gone = stale_children(old.values(), desired, md)
    assert [f"{kind}/{name}" for kind, _, name in map(identity, gone)] == [
        "Deployment/classifier-fp32-cpu",
        "PodMonitor/classifier-fp32-cpu",
        "ConfigMap/classifier-fp32-cpu",
    ]
    copy = _with_meta(old["Deployment/classifier-fp32-cpu"], name="mine", ownerReferences=[])
    users = _with_meta(old["ConfigMap/classifier-fp32-cpu"], name="mine", labels={"app": "mine"})
    another = _with_meta(
        old["ConfigMap/classifier-fp32-cpu"],
        ownerReferences=[names.owner_reference(replace(md, uid="another"))],
    )
    assert stale_children([copy, users, another], desired, md) == ()


def test_a_mig_slice_is_a_gpu_and_another_makers_is_none() -> None:
    for resource, void in (("nvidia.com/mig-1g.10gb", False), ("amd.com/gpu", True)):
        accelerator_class = AcceleratorClass("l4", ((resource, "1"),), Decimal(1))
        (deployment,) = (
            c
            for c in build_children(
                fleet.deployment_of(fleet.IMAGE),
                fleet.plan_of(target_of()),
                {"l4": accelerator_class},
                fleet.SETTINGS,
                podmonitor=False,
                surge={WorkloadKey("fp32", "l4"): True},
            )
            if c["kind"] == "Deployment"
        )
        env = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
        assert any(e["name"] == "NVIDIA_VISIBLE_DEVICES" for e in env) is void
        assert deployment["spec"]["strategy"]["rollingUpdate"]["maxSurge"] == 1


def _with_meta(child: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**child, "metadata": {**child["metadata"], **changes}}
