"""Command lines, configuration files and kubeconfig."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import yaml

from e2e.cluster import configs, kubeconfig, pki
from e2e.cluster.cluster import Cluster
from e2e.cluster.errors import ClusterError
from e2e.cluster.options import Options
from e2e.cluster.paths import Paths
from e2e.cluster.specs import Spec, all_specs
from e2e.cluster.versions import BINARIES
from e2e.kit.install import NAMESPACE


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(cache=tmp_path / "cache", state=tmp_path / "state")


def _specs(paths: Paths, *, audit: bool = False) -> dict[str, Spec]:
    programs = {binary.name: Path("/bin") / binary.name for binary in BINARIES}
    return {spec.name: spec for spec in all_specs(paths, programs, audit=audit)}


def test_components_start_in_an_order_that_works(paths: Paths) -> None:
    assert list(_specs(paths)) == [
        "containerd", "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler",
        "kubelet", "kube-proxy",
    ]  # fmt: skip


def test_the_api_server_listens_on_the_bridge_alone(paths: Paths) -> None:
    argv = _specs(paths)["kube-apiserver"].argv
    assert "--bind-address=10.244.0.1" in argv
    assert "--advertise-address=10.244.0.1" in argv
    assert "--kubelet-preferred-address-types=InternalIP" in argv


def test_audit_only_when_asked_for(paths: Paths) -> None:
    def audits(argv: tuple[str, ...]) -> bool:
        return any(flag.startswith("--audit-log-path=") for flag in argv)

    assert not audits(_specs(paths)["kube-apiserver"].argv)
    assert audits(_specs(paths, audit=True)["kube-apiserver"].argv)


def test_all_that_the_operator_asks_is_audited_and_of_others_writes_alone(paths: Paths) -> None:
    configs.write_all(paths, Path("/usr/lib/cni"), "n")
    first, second, *_ = yaml.safe_load((paths.etc / "audit.yaml").read_text())["rules"]
    assert first == {
        "level": "Metadata",
        "userGroups": [f"system:serviceaccounts:{NAMESPACE}"],
    }
    assert second == {"level": "None", "verbs": ["get", "list", "watch"]}
    assert not configs.write_audit_policy(paths), "the API server restarts for a change alone"


def test_nothing_listens_on_every_address(paths: Paths) -> None:
    for spec in _specs(paths).values():
        assert not [part for part in spec.argv if "0.0.0.0" in part]
    assert configs.kubelet(paths)["address"] == "10.244.0.1"


def test_every_file_of_a_component_is_ours(paths: Paths) -> None:
    for spec in _specs(paths).values():
        for flag in spec.argv[1:]:
            value = flag.partition("=")[2]
            if value.startswith("/") and not flag.startswith("PATH="):
                assert Path(value).is_relative_to(paths.state), flag


def test_the_kubelet_gives_steady_fractions_of_a_core(paths: Paths) -> None:
    kubelet = configs.kubelet(paths)
    assert kubelet["cpuCFSQuotaPeriod"] == "5ms"
    assert kubelet["featureGates"] == {"CustomCPUCFSQuotaPeriod": True}
    assert kubelet["imageGCHighThresholdPercent"] == 100
    assert kubelet["cgroupRoot"] == "/trimtab-cluster"


def test_node_ports_stay_on_this_machine(paths: Paths) -> None:
    assert configs.kube_proxy(paths, "n")["nodePortAddresses"] == ["127.0.0.0/8"]


def test_configuration_files_are_well_formed(paths: Paths) -> None:
    configs.write_all(paths, Path("/usr/lib/cni"), "n")
    assert 'bin_dirs = ["/usr/lib/cni"]' in (paths.etc / "containerd.toml").read_text()
    network = json.loads((paths.etc / "cni" / "10-trimtab.conflist").read_text())
    assert network["plugins"][0]["ipMasq"] is False
    for name in ("kubelet.yaml", "kube-proxy.yaml", "audit.yaml"):
        assert yaml.safe_load((paths.etc / name).read_text())["kind"]


def test_kubeconfig_stands_on_its_own(paths: Paths) -> None:
    pki.ensure(paths.pki, "n")
    kubeconfig.write(paths.pki, "admin", paths.kubeconfig)
    config = yaml.safe_load(paths.kubeconfig.read_text())
    assert config["clusters"][0]["cluster"]["server"] == "https://10.244.0.1:6443"
    inline = config["users"][0]["user"]["client-certificate-data"]
    assert base64.b64decode(inline) == (paths.pki / "admin.crt").read_bytes()
    assert paths.kubeconfig.stat().st_mode & 0o077 == 0


def test_a_cluster_of_another_minor_is_left_as_it_is(paths: Paths) -> None:
    Options(kubernetes="1.12.0").write(paths)
    with pytest.raises(ClusterError, match=r"is of Kubernetes 1\.12\.0.*cluster-down"):
        Cluster(paths)._refuse_another_version()
    Options().write(paths)
    Cluster(paths)._refuse_another_version()
