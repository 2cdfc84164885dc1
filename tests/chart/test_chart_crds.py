"""The chart's CRDs are those of crds/, and outlive the chart unless asked not to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

from tests.chart.conftest import CHART, Object, Render

ROOT = Path(__file__).parents[2]
SYNC = ROOT / "charts" / "sync_crds.py"


def crds(objects: list[Object]) -> dict[str, Object]:
    return {
        each["metadata"]["name"]: each
        for each in objects
        if each["kind"] == "CustomResourceDefinition"
    }


def test_the_copies_are_equal() -> None:
    done = subprocess.run(
        [sys.executable, SYNC, "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert list((CHART / "files" / "crds").glob("*.yaml"))


def test_what_is_rendered_differs_from_crds_in_its_metadata_alone(render: Render) -> None:
    sources = [yaml.safe_load(path.read_text()) for path in (ROOT / "crds").glob("*.yaml")]
    rendered = crds(render())
    assert rendered.keys() == {source["metadata"]["name"] for source in sources}
    for source in sources:
        crd = rendered[source["metadata"]["name"]]
        assert crd["spec"] == source["spec"]
        assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
        assert crd["metadata"]["labels"]["app.kubernetes.io/name"] == "trimtab"


def test_they_can_be_left_out_or_given_up(render: Render) -> None:
    assert not crds(render(crds={"enabled": False}))
    for crd in crds(render(crds={"keep": False})).values():
        assert "annotations" not in crd["metadata"]
