"""One cluster and one install for all end-to-end tests; what was there before stays."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from e2e.cluster import Cluster
from e2e.kit.access import Access
from e2e.kit.gateway import Gateway, gateway_down, gateway_up
from e2e.kit.install import (
    NAMESPACE,
    RELEASE,
    Images,
    install_prometheus,
    install_trimtab,
    uninstall_trimtab,
)
from e2e.kit.reach import reach
from e2e.kit.rights import Audit
from e2e.kit.saturation import most_of_one_replica
from e2e.kit.served import Stage

# What each takes is told at its target.
_ASKED_FOR = {
    "test_compression.py": "TRIMTAB_E2E_COMPRESS",  # make e2e-compress
    "faults": "TRIMTAB_E2E_FAULTS",  # make e2e-faults
}
collect_ignore = [path for path, variable in _ASKED_FOR.items() if not os.environ.get(variable)]


def pytest_configure() -> None:
    """The cluster that will be there is named before tests elsewhere ask whether there is one."""
    os.environ.setdefault("KUBECONFIG", str(Cluster().kubeconfig))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A story under load takes minutes, and the first build of a cluster a quarter of an hour."""
    items.sort(key=_comes_last)
    for item in items:
        item.add_marker(pytest.mark.timeout(2400))


def _comes_last(item: pytest.Item) -> int:
    # What logs hold, and then what trimtab was seen to need, is of the whole session.
    last = {"test_told.py": 2, "test_rights.py": 3}
    return last.get(item.path.name, 1) if item.path.parent.name == "security" else 0


@pytest.fixture(scope="session")
def access() -> Iterator[Access]:
    """The cluster of KUBECONFIG, or the embedded one: down again if it was not up before."""
    was_up = Cluster().kubeconfig.exists()
    found = reach(audit=True)
    yield found
    if found.embedded is not None and not was_up:
        found.embedded.down()


@pytest.fixture(scope="session")
def images(access: Access) -> Images:
    """The images in use."""
    return Images.of(access)


@pytest.fixture(scope="session")
def audit(access: Access) -> Audit | None:
    """What the operator asks the API server for, from the session's begin; None on a cluster of
    others."""
    if access.embedded is None:
        return None
    return Audit.begin(access.embedded.paths.logs, NAMESPACE, RELEASE)


@pytest.fixture(scope="session")
def operator(access: Access, images: Images, audit: Audit | None) -> Iterator[None]:
    """trimtab, installed by Helm beside a Prometheus."""
    url = install_prometheus(access, images)
    # Whether a story runs at half past or at twenty past must not tell how many replicas it sees.
    install_trimtab(access, images, url, "--set", "roomForBursts=false")
    yield
    uninstall_trimtab(access)


@pytest.fixture(scope="session")
def most(access: Access, images: Images, operator: None) -> float:
    """The most requests per second that one replica of the digits model answers here."""
    found = most_of_one_replica(access, images)
    print(f"one replica answers at most {found:.0f} requests/s")
    return found


@pytest.fixture(scope="module")
def gateway(access: Access) -> Iterator[Gateway]:
    """A Gateway, gone after the module: stories of load should not share the machine with it."""
    if access.embedded is None:
        pytest.skip("the Gateway comes with the embedded cluster")
    yield gateway_up(access)
    gateway_down(access)


@pytest.fixture(scope="module")
def stage(access: Access, images: Images, operator: None) -> Iterator[Stage]:
    """A namespace of its own for the tests of one module, gone afterwards."""
    with Stage(access, images) as opened:
        yield opened
