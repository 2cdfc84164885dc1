"""The cluster's Prometheus loads the chart's rules, and reads trimtab's own metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.cluster import prometheus
from e2e.kit.observability import RULES


def files(text: str) -> dict[str, Any]:
    """The manifest's ConfigMap, read."""
    (found,) = (o for o in yaml.safe_load_all(text) if o["kind"] == "ConfigMap")
    return {name: yaml.safe_load(held) for name, held in found["data"].items()}


def test_it_loads_the_rules_of_the_chart() -> None:
    held = files(prometheus.manifest("prometheus:1"))
    assert held["rules.yml"] == yaml.safe_load(RULES.read_text())
    assert held["prometheus.yml"]["rule_files"] == ["/etc/prometheus/rules.yml"]


def test_another_rule_is_another_pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It reads them once, at its start."""
    before = prometheus.manifest("prometheus:1")
    other = tmp_path / "rules.yaml"
    other.write_text("groups: []\n")
    monkeypatch.setattr(prometheus, "RULES", other)
    after = prometheus.manifest("prometheus:1")

    def digest(text: str) -> str:
        (pods,) = (o for o in yaml.safe_load_all(text) if o["kind"] == "Deployment")
        found: str = pods["spec"]["template"]["metadata"]["annotations"]["trimtab.local/manifest"]
        return found

    assert digest(before) != digest(after)


def test_series_of_a_model_keep_the_namespace_of_the_model() -> None:
    jobs = files(prometheus.manifest("prometheus:1"))["prometheus.yml"]["scrape_configs"]
    (job,) = (job for job in jobs if job["job_name"] == "trimtab-operator")
    assert job["honor_labels"] is True
    (found,) = job["kubernetes_sd_configs"]
    assert found["selectors"] == [{"role": "pod", "label": "app.kubernetes.io/name=trimtab"}]
