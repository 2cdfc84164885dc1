"""Renders the chart with a real helm, where there is one."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

CHART = Path(__file__).parents[2] / "charts" / "trimtab"
URL = {"prometheus": {"url": "http://prometheus.monitoring:9090"}}

# The CRDs are long: libyaml, where it is there, reads them ten times as fast.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Object = dict[str, Any]
Render = Callable[..., list[Object]]


class Helm:
    def __init__(self, binary: Path) -> None:
        self.binary = binary

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.binary, *arguments], capture_output=True, text=True, check=False, timeout=60
        )

    def template(
        self, values: Object, folder: Path, *arguments: str
    ) -> subprocess.CompletedProcess[str]:
        file = folder / "values.json"
        file.write_text(json.dumps(values))
        command = ("template", "trimtab", str(CHART), "--namespace", "trimtab-system")
        return self(*command, "--values", str(file), *arguments)


def find_helm() -> Path | None:
    """$TRIMTAB_HELM, or the newest that the embedded cluster built. Never just any in PATH.

    An older major renders differently, and a test that depends on the machine tells nothing.
    """
    named = os.environ.get("TRIMTAB_HELM")
    if named:
        found = shutil.which(named)
        assert found, f"TRIMTAB_HELM names {named!r}, which cannot be run"
        return Path(found)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trimtab" / "bin"
    built = [path for path in cache.glob("*/helm") if os.access(path, os.X_OK)]
    return max(built, key=lambda path: path.stat().st_mtime, default=None)


@pytest.fixture(scope="session")
def helm() -> Helm:
    binary = find_helm()
    if binary is None:
        pytest.skip("no helm: set TRIMTAB_HELM, or run `make cluster-up` once, which builds one")
    return Helm(binary)


@pytest.fixture(scope="session")
def render(helm: Helm, tmp_path_factory: pytest.TempPathFactory) -> Render:
    """Objects of the chart for the given values, on top of a Prometheus address."""
    folder = tmp_path_factory.mktemp("values")
    known: dict[str, list[Object]] = {}

    def rendered(**values: Any) -> list[Object]:
        key = json.dumps(values, sort_keys=True)
        if key not in known:
            done = helm.template({**URL, **values}, folder)
            assert done.returncode == 0, done.stderr
            known[key] = [each for each in yaml.load_all(done.stdout, LOADER) if each]
        return copy.deepcopy(known[key])

    return rendered
