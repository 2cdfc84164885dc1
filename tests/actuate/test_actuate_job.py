"""The Job of a compression: in full for one story, and what must hold in every one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.actuate import fleet
from trimtab.actuate import job, names
from trimtab.actuate.job import compression_children, compression_kept, obstacle
from trimtab.actuate.service import headless_service, service
from trimtab.actuate.settings import CompressSettings, InstallSettings
from trimtab.api import schema_variant
from trimtab.api.resources import Compression, HostPathSource, ModelDeployment, PvcSource
from trimtab.core import compression
from trimtab.observe import compression as observed

SETTINGS = InstallSettings(compress=CompressSettings(image="registry.example/trimtab-compress:1"))
COMPRESSION = Compression(
    source=PvcSource("sources", "vision"),
    model="classifier/to_compress.py",
    accelerator_class="l4",
    output=PvcSource("models", "compressed/"),
    serve_on=("l4",),
    workers=2,
    recipes='{"seed":7}',
)


def md_of(**changes: Any) -> ModelDeployment:
    compression = replace(COMPRESSION, **changes)
    return fleet.deployment_of(fleet.IMAGE, compression=compression)


def children(**changes: Any) -> dict[str, dict[str, Any]]:
    made = compression_children(md_of(**changes), fleet.L4, SETTINGS)
    return {child["kind"]: child for child in made}


def pod_spec(**changes: Any) -> dict[str, Any]:
    spec: dict[str, Any] = children(**changes)["Job"]["spec"]["template"]["spec"]
    return spec


def test_two_workers_meet_at_the_first_ones_name() -> None:
    made = children()
    name = made["Job"]["metadata"]["name"]
    assert made["Service"]["metadata"]["name"] == name
    spec = made["Job"]["spec"]
    assert (spec["completions"], spec["parallelism"]) == (2, 2)
    assert spec["template"]["spec"]["subdomain"] == name
    (container,) = spec["template"]["spec"]["containers"]
    assert container["command"] == ["torchrun"]
    assert f"--master-addr={name}-0.{name}" in container["args"]
    assert len(f"{name}-7") <= 63, "a host's name"


def test_one_worker_needs_nobody() -> None:
    made = children(workers=1)
    assert list(made) == ["Job"]
    spec = made["Job"]["spec"]["template"]["spec"]
    assert "subdomain" not in spec
    (container,) = spec["containers"]
    assert [*container["command"], *container["args"][:2]] == [
        "trimtab",
        "compress",
        "/source/vision/classifier/to_compress.py",
    ]
    run = made["Job"]["metadata"]["annotations"][names.SOURCE_HASH_ANNOTATION]
    assert container["args"][2:] == [
        f"--out=/output/compressed/{run}",
        "--work=/output/compressed/.work",
        '--recipes-json={"seed":7}',
        "--message=/dev/termination-log",
    ]
    assert container["workingDir"] == "/source/vision"


def test_the_pod_passes_the_restricted_standard_and_has_no_token() -> None:
    spec = pod_spec()
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert all(v.keys() & {"emptyDir", "persistentVolumeClaim"} for v in spec["volumes"])
    mounts = {m["mountPath"]: m for m in container["volumeMounts"]}
    assert mounts["/source"]["readOnly"] is True
    assert "readOnly" not in mounts["/output"]
    assert "/tmp" in mounts


def test_a_claim_that_holds_source_and_output_is_one_volume() -> None:
    # As two volumes, one of them read-only, the kubelet mounted both read-only.
    spec = pod_spec(source=PvcSource("models", "source"))
    claims = [v for v in spec["volumes"] if "persistentVolumeClaim" in v]
    assert claims == [{"name": "output", "persistentVolumeClaim": {"claimName": "models"}}]
    mounts = {m["mountPath"]: m for m in spec["containers"][0]["volumeMounts"]}
    assert mounts["/output"] == {"name": "output", "mountPath": "/output"}
    assert mounts["/source"] == {"name": "output", "mountPath": "/source", "readOnly": True}


def test_it_runs_on_what_the_class_says() -> None:
    spec = pod_spec()
    assert spec["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-L4"}
    assert spec["tolerations"][0]["key"] == "nvidia.com/gpu"
    (container,) = spec["containers"]
    assert container["resources"]["limits"] == {"nvidia.com/gpu": "1"}


def test_it_ends_by_itself() -> None:
    spec = children()["Job"]["spec"]
    assert spec["backoffLimit"] == 2
    assert spec["activeDeadlineSeconds"] == 6 * 3600
    assert spec["ttlSecondsAfterFinished"] == 24 * 3600
    assert spec["template"]["spec"]["restartPolicy"] == "Never"


def test_a_worker_gets_no_request_of_a_client() -> None:
    labels = children()["Job"]["spec"]["template"]["metadata"]["labels"]
    md = md_of()
    for each in (service(md, SETTINGS), headless_service(md, SETTINGS)):
        assert not each["spec"]["selector"].items() <= labels.items()


def test_the_workers_service_selects_the_workers_alone() -> None:
    made = children()
    labels = made["Job"]["spec"]["template"]["metadata"]["labels"]
    selector = made["Service"]["spec"]["selector"]
    assert selector.items() <= labels.items()
    other = children(attempt=1)["Job"]["spec"]["template"]["metadata"]["labels"]
    assert not selector.items() <= other.items(), "another run's workers"


def test_the_job_goes_with_its_model_and_stays_till_its_time_is_over() -> None:
    made = children()
    for child in made.values():
        (owner,) = child["metadata"]["ownerReferences"]
        assert (owner["uid"], owner["controller"]) == (fleet.UID, True)
    kept = {k["kind"]: k["metadata"]["name"] for k in compression_kept(md_of(), ended=True)}
    assert kept == {"Job": made["Job"]["metadata"]["name"]}
    assert len(compression_kept(md_of(), ended=False)) == 2


def test_what_keeps_it_from_running_is_named_with_its_mend() -> None:
    def reason(settings: InstallSettings, known: bool = True, **changes: Any) -> str:
        found = obstacle(replace(COMPRESSION, **changes), fleet.L4 if known else None, settings)
        return found.reason if found else ""

    assert reason(SETTINGS) == ""
    assert reason(InstallSettings()) == "NoCompressImage"
    assert reason(SETTINGS, known=False) == "ClassMissing"
    folder = HostPathSource("/srv/models")
    assert reason(SETTINGS, source=folder) == "SourceRefused"
    assert reason(replace(SETTINGS, allow_host_path=True), source=folder) == ""


def test_layers_that_do_not_know_each_other_use_the_same_words() -> None:
    assert names.SOURCE_HASH_ANNOTATION == observed.ANNOTATION_HASH
    assert job.CONTAINER == observed.CONTAINER
    assert compression.MAX_VARIANTS == schema_variant.MAX_VARIANTS
