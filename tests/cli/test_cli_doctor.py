"""`trimtab doctor`: exit code, words, and what it leaves out where it cannot look."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from tests.cli.cluster import FakeCluster
from tests.control.world import accelerator_class, model_deployment, node
from trimtab.cli import main

ACCOUNT = {"userInfo": {"username": "system:serviceaccount:trimtab-system:trimtab"}}


def sound() -> list[dict[str, Any]]:
    return [model_deployment(), accelerator_class(), node()]


def doctor(tmp_path: Path, cluster: FakeCluster, *arguments: str) -> Result:
    config = cluster.kubeconfig(tmp_path)
    return CliRunner().invoke(main, ["doctor", "--kubeconfig", config, *arguments])


def config(tmp_path: Path, url: str, **more: object) -> str:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({"prometheus": {"url": url}, **more}))
    return str(path)


def test_from_a_laptop_it_says_what_it_left_out(tmp_path: Path) -> None:
    with FakeCluster(*sound()) as cluster:
        done = doctor(tmp_path, cluster)
    assert done.exit_code == 0, done.output
    first, *rest = done.output.splitlines()
    assert first == "Nothing is wrong. Checked: CRDs, 1 model, 1 accelerator class."
    assert [line.partition(" (")[0] for line in rest if line.startswith("Not")] == [
        "Not checked: settings and Lease",
        "Not checked: rights",
        "Not checked: the way to the pods",
        "Not checked: Prometheus",
    ]
    assert cluster.methods == {"GET"}


def test_with_settings_it_checks_the_install_too(tmp_path: Path) -> None:
    with FakeCluster(*sound()) as cluster:
        cluster.reviews = {
            "selfsubjectreviews": ACCOUNT,
            "selfsubjectaccessreviews": {"allowed": False},
        }
        done = doctor(tmp_path, cluster, "--config", config(tmp_path, cluster.url), "-o", "json")
    told = json.loads(done.output)
    assert done.exit_code == 1
    assert told["sound"] is False
    assert told["leftOut"] == []
    assert f"Prometheus at {cluster.url}" in told["checked"]
    checks = {found["check"] for found in told["findings"]}
    assert checks == {"rights", "leader"}


def test_the_address_that_is_given_goes_before_that_of_the_settings(tmp_path: Path) -> None:
    with FakeCluster(*sound()) as cluster:
        told = config(tmp_path, cluster.url)
        done = doctor(
            tmp_path, cluster, "--config", told, "--prometheus", "http://127.0.0.1:1", "-o", "yaml"
        )
    (found,) = [f for f in yaml.safe_load(done.output)["findings"] if f["check"] == "Prometheus"]
    assert found["says"].startswith("Prometheus at http://127.0.0.1:1 cannot be reached")
    assert done.exit_code == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [(None, "No such file"), ("prometheus: {url: ''}", "prometheus.url"), ("tick: [", "YAML")],
)
def test_a_settings_file_that_cannot_be_used(tmp_path: Path, text: str | None, says: str) -> None:
    path = tmp_path / "broken.yaml"
    if text is not None:
        path.write_text(text)
    with FakeCluster(*sound()) as cluster:
        done = doctor(tmp_path, cluster, "--config", str(path), "-o", "json")
    (found,) = json.loads(done.output)["findings"]
    assert found["check"] == "settings"
    assert says in found["says"]
    assert done.exit_code == 1


def test_an_address_of_prometheus_that_is_none(tmp_path: Path) -> None:
    with FakeCluster(*sound()) as cluster:
        done = doctor(tmp_path, cluster, "--prometheus", "prometheus:9090", "-o", "json")
    (found,) = json.loads(done.output)["findings"]
    assert found["subject"] == "prometheus.url"
    assert "must look like http(s)://HOST" in found["says"]


def test_a_cluster_that_does_not_answer(tmp_path: Path) -> None:
    with FakeCluster() as cluster:
        kubeconfig = cluster.kubeconfig(tmp_path)
    done = CliRunner().invoke(main, ["doctor", "--kubeconfig", kubeconfig, "-o", "json"])
    (found,) = json.loads(done.output)["findings"]
    assert (found["check"], done.exit_code) == ("cluster", 1)


def test_the_table_fits_a_hundred_columns_and_keeps_every_word(tmp_path: Path) -> None:
    with FakeCluster(accelerator_class(price=None), model_deployment()) as cluster:
        done = doctor(tmp_path, cluster)
    lines = done.output.splitlines()
    assert lines[0].split() == ["SEVERITY", "WHAT", "FINDING", "MEND"]
    assert max(map(len, lines)) <= 100
    table = [line for line in lines if not line.startswith("Not checked")]
    mend = lines[0].index("MEND")
    words = " ".join(" ".join(line[mend:] for line in table).split())
    assert 'Give it spec.pricePerHour, such as "0.80".' in words


def test_a_warning_alone_is_no_failure(tmp_path: Path) -> None:
    spare = accelerator_class("spare", price=None)
    with FakeCluster(*sound(), spare) as cluster:
        done = doctor(tmp_path, cluster)
    assert done.exit_code == 0
    assert "warning" in done.output
