"""Two installs on one cluster, each with namespaces of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.kit.access import Access
from e2e.kit.faulty_prometheus import FaultyPrometheus
from e2e.kit.install import Images, install_trimtab, uninstall_trimtab
from e2e.kit.served import CHILD_KINDS, Stage
from e2e.kit.steady import INSTALL, TICKS_TO_HARM, Steady

SECOND = "trimtab-second"


@pytest.fixture
def second(
    access: Access, images: Images, faulty: FaultyPrometheus, steady: Steady
) -> Iterator[Stage]:
    """The namespace of a second install; the first is kept to that of the steady load."""
    only = ("--set", f"namespaces={{{steady.stage.namespace}}}")
    with Stage(access, images) as stage:
        theirs = ("--set", f"namespaces={{{stage.namespace}}}", "--set", "instance=second")
        place = {"release": SECOND, "namespace": SECOND}
        install_trimtab(access, images, faulty.url, *INSTALL, *only)
        try:
            no_crds = ("--set", "crds.enabled=false")
            install_trimtab(access, images, faulty.url, *INSTALL, *theirs, *no_crds, **place)
            yield stage
        finally:
            uninstall_trimtab(access, **place)
            access.kubectl("delete", "namespace", SECOND, "--wait=false")
            install_trimtab(access, images, faulty.url, *INSTALL)


def test_neither_touches_what_is_the_others(steady: Steady, second: Stage) -> None:
    steady.settle()
    before = plain_children(steady.stage)
    second.put(second.digits("theirs"))
    second.await_condition("Ready", "True", name="theirs", seconds=120)
    steady.await_ticks(TICKS_TO_HARM)
    assert marks(second) == {"second"}
    assert marks(steady.stage) == {"default"}
    assert plain_children(steady.stage) == before


def plain_children(stage: Stage) -> dict[str, str]:
    """The versions of what nobody but an operator writes."""
    versions = stage.versions()
    return {k: v for k, v in versions.items() if k.startswith(("services/", "configmaps/"))}


def marks(stage: Stage) -> set[str]:
    """Whose the children say that they are."""
    children = [
        c for kind in CHILD_KINDS for c in stage.get(kind, "-l", "trimtab.dev/instance")["items"]
    ]
    return {c["metadata"]["labels"]["trimtab.dev/instance"] for c in children}
