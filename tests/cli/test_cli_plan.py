"""`trimtab plan`: a decision on files or on a cluster, shown and never applied."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from tests.cli.cluster import FakeCluster
from tests.control.world import accelerator_class, model_deployment, node, pod
from trimtab.cli import main
from trimtab.cli.snapshot_file import load_snapshot

FLEET = str(Path(__file__).parent / "fleet.yaml")


def plan(*arguments: str, columns: int = 100) -> Result:
    return CliRunner().invoke(main, ["plan", *arguments], env={"COLUMNS": str(columns)})


def planned(*arguments: str) -> dict[str, Any]:
    """The models of the JSON, by name."""
    done = plan(*arguments, "--output", "json")
    assert done.exit_code == 0, done.output
    models: dict[str, Any] = json.loads(done.stdout)["models"]
    return models


def decided(model: dict[str, Any]) -> dict[str, int]:
    return {w["variant"]: w["replicas"] for w in model["decision"]["decided"]}


def test_rates_by_hand_are_enough() -> None:
    models = planned("-f", FLEET, "--rate", "classifier=100", "--rate", "shop/digits=100")
    assert decided(models["shop/classifier"]) == {"fp32": 1}
    assert decided(models["shop/digits"]) == {"int8": 2}
    assert models["shop/digits"]["decision"]["action"] == "Start"


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_screen_says_what_binds_and_why_not_the_others(columns: int) -> None:
    done = plan("-f", FLEET, "--rate", "classifier=50", "--rate", "digits=900", columns=columns)
    said = " ".join(done.output.split())
    assert "4 x int8 on cpu" in said
    assert "binds MaxReplicas" in said
    assert "raise spec.scaling.maxReplicas" in said
    assert "accuracy 0.87 is below the floor 0.88" in said
    wide = [line for line in done.output.splitlines() if len(line) > columns]
    assert all("x int8" in line or "PREDICTED" in line or "x fp32" in line for line in wide)


def test_what_runs_comes_from_a_snapshot(tmp_path: Path) -> None:
    running = [{"variant": "int8", "acceleratorClass": "cpu", "replicas": 3, "batchCap": 1}]
    file = tmp_path / "snapshot.yaml"
    digits = {"name": "digits", "namespace": "shop", "rate": 30, "latency": "21ms"}
    file.write_text(yaml.safe_dump({"models": [{**digits, "running": running}]}))
    model = planned("-f", FLEET, "--snapshot", str(file))["shop/digits"]
    assert model["latency"]["observed"] == "21ms"
    # One would do, but a plan has no memory of the load: nothing shrinks on a moment's word.
    assert model["decision"]["action"] == "Hold"
    assert model["decision"]["binding"] == "Stabilization"
    assert decided(
        planned("-f", FLEET, "--snapshot", str(file), "--rate", "digits=230")["shop/digits"]
    ) == {"int8": 4}


def test_what_caches_answer_in_a_snapshot_needs_no_replicas(tmp_path: Path) -> None:
    running = [{"variant": "int8", "acceleratorClass": "cpu", "replicas": 1, "batchCap": 1}]
    file = tmp_path / "snapshot.yaml"
    digits = {"name": "digits", "namespace": "shop", "rate": 230, "hitShare": 0.7}
    file.write_text(yaml.safe_dump({"models": [{**digits, "running": running}]}))
    model = planned("-f", FLEET, "--snapshot", str(file))["shop/digits"]
    assert decided(model) == {"int8": 2}
    assert model["responseCache"] == {"hitShare": "70 %"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give manifests with -f, or --cluster"),
        (["-f", FLEET], "give --rate NAME=REQ_PER_S, --snapshot FILE or --cluster"),
        (["-f", FLEET, "--rate", "digits"], "write NAME=REQUESTS_PER_SECOND"),
        (["-f", FLEET, "--rate", "digits=-3"], "write NAME=REQUESTS_PER_SECOND"),
        (["-f", FLEET, "--rate", "digits=nan"], "write NAME=REQUESTS_PER_SECOND"),
        (["-f", FLEET, "--rate", "dogs=3"], "known: shop/classifier, shop/digits"),
        (["-f", FLEET, "--rate", "digits=3", "--dump", "x"], "--dump has an effect only with"),
        (["-f", FLEET, "--snapshot", FLEET, "--cluster"], "exclude each other"),
        (["-f", FLEET, "--snapshot", FLEET], "documents: leave one"),
    ],
)
def test_what_is_wrong_is_named_with_its_mend(arguments: list[str], said: str) -> None:
    done = plan(*arguments)
    assert done.exit_code != 0
    assert said in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("models: [{name: digits, rate: fast}]", "models[0].rate"),
        ("models: [{name: digits, rate: -1}]", "models[0].rate"),
        ("models: [{name: digits, colour: red}]", "models[0].colour is no field"),
        ("models: [{name: digits, latency: 50}]", "models[0].latency"),
        ("models: [{name: dogs}]", "no manifest declares it"),
        ("[", "is not YAML"),
    ],
)
def test_a_bad_snapshot_names_its_field(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "snapshot.yaml"
    file.write_text(text)
    done = plan("-f", FLEET, "--snapshot", str(file))
    assert done.exit_code != 0
    assert said in done.output


def test_the_snapshot_in_the_manual_is_one(tmp_path: Path) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "explain.md").read_text()
    file = tmp_path / "snapshot.yaml"
    file.write_text(manual.partition("```yaml\n")[2].partition("```")[0])
    (measured,) = load_snapshot(file).models
    assert (measured.running[0].batch_cap, measured.running[0].queue_size) == (4, 28)
    assert (measured.fast_rate, measured.hit_share) == (120, 0.72)


def deployment(replicas: int) -> dict[str, Any]:
    labels = {
        "app.kubernetes.io/managed-by": "trimtab",
        "trimtab.dev/model-deployment": "digits",
        "trimtab.dev/variant": "int8",
        "trimtab.dev/accelerator-class": "cpu",
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "digits-int8-cpu", "namespace": "shop", "labels": labels},
        "spec": {"replicas": replicas, "template": {"metadata": {"labels": labels}}},
    }


@pytest.fixture
def cluster() -> FakeCluster:
    child = deployment(1)
    pods = [pod("digits-0", "shop", child, 0.0)]
    return FakeCluster(model_deployment(), accelerator_class(), node(), child, *pods)


def test_a_cluster_is_read_and_never_written(cluster: FakeCluster, tmp_path: Path) -> None:
    with cluster:
        config = cluster.kubeconfig(tmp_path)
        models = planned("--cluster", "--kubeconfig", config, "--rate", "digits=200")
    assert decided(models["shop/digits"]) == {"int8": 4}
    assert cluster.methods == {"GET"}


def test_without_prometheus_nothing_is_known_and_that_is_said(
    cluster: FakeCluster, tmp_path: Path
) -> None:
    with cluster:
        done = plan("--cluster", "--kubeconfig", cluster.kubeconfig(tmp_path))
    assert "MetricsAvailable=False NotAsked: No Prometheus was named: give" in done.output


def test_a_dump_gives_the_same_decision_again(cluster: FakeCluster, tmp_path: Path) -> None:
    cluster.series = {"timestamp(": 2e9, "request_success": 150.0, "exec_count": 150.0}
    dump, manifests = tmp_path / "now.yaml", tmp_path / "fleet.yaml"
    manifests.write_text(yaml.safe_dump_all([accelerator_class(), model_deployment()]))
    with cluster:
        options = ("--kubeconfig", cluster.kubeconfig(tmp_path), "--prometheus", cluster.url)
        live = planned("--cluster", *options, "--dump", str(dump))
    again = planned("-f", str(manifests), "--snapshot", str(dump))
    first, second = live["shop/digits"], again["shop/digits"]
    assert first["decision"]["demandRate"].startswith("15")
    assert first["decision"]["summary"] == second["decision"]["summary"]
    assert decided(first) == decided(second)
    assert decided(first)["int8"] >= 2


def test_manifests_beside_a_cluster_say_what_if(cluster: FakeCluster, tmp_path: Path) -> None:
    model = model_deployment(scaling={"minReplicas": 3})
    manifest = tmp_path / "model.yaml"
    manifest.write_text(yaml.safe_dump(model))
    with cluster:
        options = ("--cluster", "--kubeconfig", cluster.kubeconfig(tmp_path))
        now = planned(*options, "--rate", "digits=10")
        then = planned(*options, "--rate", "digits=10", "-f", str(manifest))
    assert decided(now["shop/digits"]) == {"int8": 1}
    assert decided(then["shop/digits"]) == {"int8": 3}


def test_a_cluster_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with FakeCluster() as gone:
        config = gone.kubeconfig(tmp_path)
    done = plan("--cluster", "--kubeconfig", config)
    assert done.exit_code == 1
    assert "The cluster cannot be read" in done.output
    assert "Traceback" not in done.output
