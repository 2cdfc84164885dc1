"""What is applied, in full, for one story each. TRIMTAB_GOLDEN=write renews the files."""

from __future__ import annotations

import os
from typing import Any

import pytest
import yaml

from tests.actuate import fleet
from trimtab.actuate.config import script
from trimtab.actuate.settings import InstallSettings
from trimtab.api.resources import ParentRef, Routing, RoutingType
from trimtab.core.snapshot import Backend, WorkloadKey

STORIES: dict[str, dict[str, Any]] = {
    "gpu-image-volume": fleet.children_of(fleet.IMAGE, podmonitor=True, surge=True),
    "cpu-pvc": fleet.children_of(
        fleet.PVC, fleet.target_of("cpu"), settings=InstallSettings(instance="west")
    ),
    "uri-secret": fleet.children_of(fleet.URI),
    "gateway": fleet.children_of(
        fleet.IMAGE,
        fleet.target_of("l4"),
        fleet.target_of("cpu"),
        routing=Routing(
            RoutingType.GATEWAY, ParentRef("infra", "edge", "https"), ("classifier.example",)
        ),
        backends=(
            Backend(WorkloadKey("fp32", "l4"), 9_900),
            Backend(WorkloadKey("fp32", "cpu"), 100),
        ),
    ),
    "host-path": fleet.children_of(fleet.HOST_PATH, settings=InstallSettings(allow_host_path=True)),
}


@pytest.mark.parametrize("story", STORIES)
def test_children_are_those_of_the_golden_file(story: str) -> None:
    shown = [_shown(child) for child in STORIES[story].values()]
    path = fleet.GOLDEN / f"{story}.yaml"
    if os.environ.get("TRIMTAB_GOLDEN") == "write":
        path.write_text(yaml.dump_all(shown, Dumper=_Plain, sort_keys=False, width=100))
    assert list(yaml.safe_load_all(path.read_text())) == shown


class _Plain(yaml.SafeDumper):
    """Without anchors: a reader wants to see the limits, not a reference to the requests."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _shown(child: dict[str, Any]) -> dict[str, Any]:
    """The child without the scripts' text, and so without the hash over it."""
    if child["kind"] != "ConfigMap":
        return child
    assert child["data"] == {name: script(name) for name in child["data"]}
    meta = {k: v for k, v in child["metadata"].items() if k != "annotations"}
    return {**child, "metadata": meta, "data": dict.fromkeys(child["data"], "(the file's text)")}
