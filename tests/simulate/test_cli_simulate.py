"""The command: one report on standard output, progress on standard error, one message for each
mistake."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from trimtab.cli import main

MANIFEST = """
apiVersion: trimtab.dev/v1alpha1
kind: AcceleratorClass
metadata: {name: cpu}
spec: {resources: {cpu: "1"}, pricePerHour: "0.10"}
---
apiVersion: trimtab.dev/v1alpha1
kind: ModelDeployment
metadata: {name: digits, namespace: shop}
spec:
  model: digits
  slo: {latency: {percentile: 99, target: 100ms}}
  routing: {type: Gateway, parentRef: {name: gate}}
  triton: {image: triton, dynamicBatching: {maxBatchSize: 8}}
  variants:
  - name: int8
    accuracy: "0.98"
    acceleratorClasses: [cpu]
    source: {hostPath: {path: /nowhere/on/this/machine}}
    profile: [{acceleratorClass: cpu, points: [{batch: 1, latency: 10ms}]}]
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text(MANIFEST)
    Path("t.csv").write_text("second,requests\n" + "".join(f"{i},20\n" for i in range(90)))
    return tmp_path


def simulate(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["simulate", *arguments])


GOOD = ("-f", "m.yaml", "--trace", "digits=t.csv", "--policy", "keda-rps", "--start-up", "15s")


@pytest.mark.usefixtures("files")
def test_it_prints_one_json() -> None:
    result = simulate(*GOOD, "--seed", "3", "--output", "json")
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["policy"] == "keda-rps"
    assert report["models"]["digits"]["requests"] == 1800
    assert report["models"]["digits"]["slo_attainment"] > 0.99
    assert report["total"]["seconds_simulated"] == 90.0
    assert "100 %" in result.stderr


@pytest.mark.usefixtures("files")
def test_the_table_is_for_people_and_yaml_says_what_json_says() -> None:
    lines = simulate(*GOOD).stdout.splitlines()
    assert lines[0].split()[:4] == ["MODEL", "REQUESTS", "IN", "TIME"]
    assert lines[1].split()[:4] == ["digits", "1800", "100", "%"]
    assert lines[-1].startswith("keda-rps over 90 s, simulated in ")
    assert lines[-1].endswith("above a budget for 0 s.")
    report = yaml.safe_load(simulate(*GOOD, "-o", "yaml").stdout)
    assert report["models"]["digits"]["requests"] == 1800


@pytest.mark.usefixtures("files")
def test_a_page_without_plotly_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)
    result = simulate(*GOOD, "--output", "html")
    assert result.exit_code == 1
    assert "The page needs plotly" in result.stderr


@pytest.mark.usefixtures("files")
def test_times_and_load_can_be_changed() -> None:
    result = simulate(
        *GOOD, "--duration", "30s", "--scale-trace", "0.5", "--blind", "10s:20s", "-o", "json"
    )
    report = json.loads(result.stdout)
    assert report["total"]["seconds_simulated"] == 30.0
    assert 250 < report["total"]["requests"] < 350


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("--policy", "magic"), "there is no policy 'magic': use one of trimtab, "),
        (("--start-up", "45"), "--start-up: '45' is not a time with its unit"),
        (("--tick", "0s"), "--tick: 0s is too short"),
        (("--blind", "10s"), "--blind: '10s' is no FROM:TO"),
        (("--blind", "20s:10s"), "ends before it begins"),
        (("--scale-trace", "0"), "--scale-trace: 0 is no factor above 0"),
        (("--trace", "letters=t.csv"), "there is no ModelDeployment 'letters'"),
        (("--trace", "shop/digits=t.csv"), "shop/digits has two traces"),
        (("--trace", "digits"), "'digits' is no NAME=FILE"),
    ],
)
@pytest.mark.usefixtures("files")
def test_a_mistake_is_one_message(change: tuple[str, ...], said: str) -> None:
    result = simulate(*GOOD, *change)
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stdout == ""


@pytest.mark.usefixtures("files")
def test_a_model_without_a_trace_is_a_mistake() -> None:
    result = simulate("-f", "m.yaml", "--policy", "keda-rps")
    assert "shop/digits has no trace: add --trace digits=FILE" in result.stderr


def test_a_missing_class_or_profile_is_a_mistake(files: Path) -> None:
    (files / "m.yaml").write_text(MANIFEST[MANIFEST.index("---") :])
    assert "names AcceleratorClass 'cpu', which no manifest declares" in simulate(*GOOD).stderr
    (files / "m.yaml").write_text(MANIFEST[: MANIFEST.index("    profile:")])
    assert "has no profile on 'cpu'" in simulate(*GOOD).stderr
