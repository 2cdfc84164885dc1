"""Whether the operator reaches the pods that it asks while Prometheus does not tell."""

from __future__ import annotations

from tests.control.world import model_deployment
from tests.doctor.install import Install
from trimtab.control.doctor.finding import Severity


async def several(install: Install) -> list[str]:
    """A model of three pods; where each is."""
    install.kube.put(model_deployment(scaling={"minReplicas": 3, "maxReplicas": 3}))
    await install.start()
    return [
        f"{pod['status']['podIP']}:8002"
        for (kind, _, _), pod in install.kube.objects.items()
        if kind == "Pod"
    ]


async def test_a_namespace_that_lets_nobody_in_is_a_warning(install: Install) -> None:
    addresses = await several(install)
    assert len(addresses) == 3
    install.silent = set(addresses)
    found = await install.finding()
    assert (found.severity, found.subject) == (Severity.WARNING, "namespace shop")
    assert "do not answer the operator" in found.says
    assert "models.networkPolicy" in found.mend


async def test_one_pod_that_answers_shows_that_the_way_is_open(install: Install) -> None:
    addresses = await several(install)
    install.silent = set(addresses[1:])
    assert await install.findings() == ()


async def test_two_pods_of_a_namespace_are_asked(install: Install) -> None:
    await several(install)
    assert len((await install.facts()).answered) == 2
