"""The Kustomize example, rendered with this repository's chart in the place of a registry's."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from tests.chart.conftest import CHART, LOADER, Helm, Object, Render

EXAMPLE = CHART.parents[1] / "examples" / "kustomize"


def test_it_renders_the_chart_its_crds_and_the_model(
    helm: Helm, render: Render, tmp_path: Path
) -> None:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    shutil.copytree(CHART, tmp_path / "charts" / CHART.name)  # what is there is not pulled
    built = yaml.safe_load((EXAMPLE / "kustomization.yaml").read_text())
    (chart,) = built["helmCharts"]
    del chart["repo"], chart["version"]
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(built))
    kubectl = Path(sys.executable).with_name("kubectl")
    command = [kubectl, "kustomize", "--enable-helm", f"--helm-command={helm.binary}", tmp_path]
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    made = {_named(each): each for each in yaml.load_all(done.stdout, LOADER)}
    expected = render(**chart["valuesInline"])
    beside = [each for name in built["resources"] for each in _objects(tmp_path / name)]
    assert made.keys() == {_named(each) for each in [*expected, *beside]}
    assert {"CustomResourceDefinition", "ModelDeployment"} <= {kind for kind, _, _ in made}
    for each in expected:
        assert made[_named(each)].get("spec") == each.get("spec")


def _named(obj: Object) -> tuple[str, str, str]:
    return obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _objects(path: Path) -> list[Object]:
    return [each for each in yaml.safe_load_all(path.read_text()) if each]
