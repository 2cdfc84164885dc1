"""The examples, given to a real API server: all as a dry run, those of our kinds also for good.

What is applied is in mode Advise, so that nothing of it starts a pod.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.kit.access import Access, wait_for
from e2e.kit.drift import STATUS_MANAGER, apply_as_argo_cd, drift, written_by_trimtab
from e2e.kit.examples import (
    EXAMPLES,
    Object,
    dry_run,
    group_of,
    is_ours,
    manifests,
    moved,
    objects,
)
from e2e.kit.served import Stage

PATHS = {str(path.relative_to(EXAMPLES)): path for path in manifests()}


@pytest.fixture(scope="module")
def groups(access: Access) -> set[str]:
    """The API groups that this cluster serves; the empty one is the core's."""
    served = access.kubectl("api-versions").split()
    return {version.rpartition("/")[0] for version in served}


@pytest.mark.parametrize("name", PATHS)
def test_the_api_server_takes_it(stage: Stage, groups: set[str], name: str) -> None:
    found = objects(PATHS[name])
    foreign = sorted({group_of(obj) for obj in found} - groups)
    taken = [obj for obj in found if group_of(obj) not in foreign]
    if taken:
        dry_run(stage, taken)
    if foreign:
        pytest.skip(f"{len(taken)} of {len(found)} taken; not served here: {', '.join(foreign)}")


@pytest.fixture(scope="module")
def advised(stage: Stage) -> Iterator[list[Object]]:
    """All objects of our kinds, as Argo CD applies them, the models in mode Advise."""
    made: dict[tuple[str, str], Object] = {}
    for path in PATHS.values():
        for obj in filter(is_ours, objects(path)):
            # A file of its own shows a model again: the first is as good.
            made.setdefault((obj["kind"], obj["metadata"]["name"]), moved(stage, obj))
    for obj in made.values():
        if obj["kind"] == "ModelDeployment":
            obj["spec"]["scaling"] = {**obj["spec"].get("scaling", {}), "mode": "Advise"}
    apply_as_argo_cd(stage.access, *made.values())
    yield list(made.values())
    classes = [name for kind, name in made if kind == "AcceleratorClass"]
    stage.kubectl("delete", "md", "--all")
    stage.access.kubectl("delete", "acceleratorclass", *classes, "--ignore-not-found")


def test_trimtab_takes_every_model(stage: Stage, advised: list[Object]) -> None:
    names = {o["metadata"]["name"] for o in advised if o["kind"] == "ModelDeployment"}

    def observed() -> bool:
        items = stage.get("modeldeployments")["items"]
        seen = {
            i["metadata"]["name"] for i in items if i.get("status", {}).get("observedGeneration")
        }
        return names <= seen

    wait_for("a status of every model", observed, seconds=30)
    for name in names:
        assert stage.condition("Stalled", name)[1] != "InvalidSpec", stage.status(name)
    # Its class fits any node, so that nothing but the mode holds it.
    assert stage.condition("Reconciling", "forecast") == ("False", "NotActing")
    assert stage.condition("Stalled", "forecast")[0] == "False"


def test_git_has_nothing_to_undo(stage: Stage, advised: list[Object]) -> None:
    assert drift(stage.access, *advised) == ""
    for obj in advised:
        place = ("-n", stage.namespace, obj["kind"].lower(), obj["metadata"]["name"])
        written = written_by_trimtab(stage.access, *place)
        expected = {f"{STATUS_MANAGER}/status": ["f:status"]}
        assert written == (expected if obj["kind"] == "ModelDeployment" else {}), place
