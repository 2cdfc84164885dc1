"""Values: checked by the schema, turned into the operator's settings, shown in the notes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.conftest import CHART, URL, Helm, Object, Render
from trimtab import __version__
from trimtab.control.settings import load_settings

MONITORING = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}


@pytest.mark.parametrize("arguments", [[], ["--set", "prometheus.url=http://p:9090"]])
def test_the_chart_lints(helm: Helm, arguments: list[str]) -> None:
    done = helm("lint", "--strict", str(CHART), *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"prometheus": {"url": ""}}, "prometheus.url is empty: set it"),
        ({"prometheus": {"url": "prometheus:9090"}}, "/prometheus/url"),
        ({**URL, "replicaCount": 2}, "'replicaCount' not allowed"),
        ({**URL, "replicas": 0}, "/replicas"),
        ({**URL, "lease": {"duration": 15}}, "/lease/duration"),
        ({**URL, "image": {"repo": "x"}}, "'repo' not allowed"),
        ({**URL, "image": {"digest": "sha256:12"}}, "/image/digest"),
        ({**URL, "tick": 5}, "/tick"),
        ({**URL, "tick": "5 seconds"}, "/tick"),
        ({"prometheus": {**URL["prometheus"], "extraMatchers": ["cluster"]}}, "/extraMatchers/0"),
        ({**URL, "rbac": {"scope": "global"}}, "'cluster', 'namespaces'"),
        ({**URL, "rbac": {"scope": "namespaces"}}, "namespaces is empty: list"),
        ({**URL, "namespaces": ["Shop"]}, "/namespaces/0"),
        ({**URL, "logFormat": "xml"}, "'json', 'text'"),
        ({**URL, "solver": "best"}, "'auto', 'exact'"),
        ({**URL, "compress": {"image": "x:1"}}, "/compress/image"),
        ({**URL, "compress": {"deadline": 3600}}, "/compress/deadline"),
        ({**URL, "roomForBursts": "no"}, "/roomForBursts"),
        ({**URL, "crds": {"keep": "yes"}}, "/crds/keep"),
        ({**URL, "podLabels": {"a": 1}}, "/podLabels/a"),
        ({**URL, "networkPolicy": {"apiServerPorts": [0]}}, "/networkPolicy/apiServerPorts/0"),
        ({**URL, "networkPolicy": {"scrapers": [{"ns": "m"}]}}, "/networkPolicy/scrapers/0"),
        (
            {**URL, "models": {"networkPolicy": {"enabled": True, "scrapers": [MONITORING]}}},
            "namespaces is empty: list the namespaces",
        ),
        (
            {**URL, "models": {"networkPolicy": {"enabled": True}}, "namespaces": ["shop"]},
            "models.networkPolicy.scrapers is empty",
        ),
    ],
)
def test_a_wrong_value_is_refused_and_named(
    helm: Helm, tmp_path: Path, values: Object, message: str
) -> None:
    done = helm.template(values, tmp_path)
    assert done.returncode != 0
    assert message in done.stderr


def test_every_default_is_in_the_schema_and_the_other_way_round() -> None:
    """A value without a default is one that nobody finds; one without a schema is not checked."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert values.keys() == schema["properties"].keys() - {"global"}
    for name, part in schema["properties"].items():
        if part.get("properties") and name != "resources":
            assert values[name].keys() == part["properties"].keys(), name


def test_the_chart_is_of_the_packages_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == __version__


def _settings(objects: list[Object], folder: Path) -> tuple[Any, Object]:
    (config,) = [each for each in objects if each["kind"] == "ConfigMap"]
    path = folder / "config.yaml"
    path.write_text(config["data"]["config.yaml"])
    return load_settings(path), yaml.safe_load(path.read_text())


def test_compressions_have_an_image_only_where_one_is_named(render: Render, tmp_path: Path) -> None:
    settings, _ = _settings(render(), tmp_path)
    assert settings.install().compress.image == ""
    image = {"repository": "registry.example/trimtab-compress"}
    named, _ = _settings(
        render(compress={"image": image, "imagePullSecrets": ["r"], "deadline": "1h"}), tmp_path
    )
    compress = named.install().compress
    assert compress.image == f"registry.example/trimtab-compress:{__version__}"
    assert compress.image_pull_secrets == ("r",)
    assert (compress.deadline_s, compress.keep_s) == (3600, 24 * 3600)
    digest = "sha256:" + "0" * 64
    pinned, _ = _settings(render(compress={"image": {**image, "digest": digest}}), tmp_path)
    assert pinned.install().compress.image == f"{image['repository']}@{digest}"


def test_the_operator_reads_what_the_chart_writes(render: Render, tmp_path: Path) -> None:
    settings, _ = _settings(render(), tmp_path)
    assert settings.client().base_url == URL["prometheus"]["url"]
    assert settings.client().bearer_token_file is None


def test_every_setting_reaches_the_operator(render: Render, tmp_path: Path) -> None:
    prometheus = {
        "url": "https://p/prefix",
        "timeout": "3s",
        "scrapeInterval": "15s",
        "fastWindow": "30s",
        "longWindow": "2m",
        "staleAfter": "90s",
        "namespaceLabel": "ns",
        "podLabel": "pod_name",
        "extraMatchers": ['cluster="eu-1"'],
        "bearerTokenFile": "/var/token",
        "caFile": "/etc/ca.crt",
        "clientCertFile": "/etc/tls.crt",
        "clientKeyFile": "/etc/tls.key",
    }
    values = {
        "prometheus": prometheus,
        "tick": "2s",
        "resync": "1m",
        "namespaces": ["shop"],
        "models": {"allowHostPath": True},
        "instance": "blue",
        "solver": "exact",
        "roomForBursts": False,
        "logFormat": "text",
    }
    image = {"repository": "r.example/c", "tag": "7", "digest": "", "pullPolicy": "Always"}
    compress = {"imagePullSecrets": ["pull"], "deadline": "2h", "keep": "1h"}
    lease = {"duration": "30s", "renewDeadline": "20s", "retryPeriod": "4s"}
    given = {**values, "compress": {**compress, "image": image}, "lease": lease}
    settings, written = _settings(render(**given, rbac={"nodes": False}), tmp_path)
    named = {**compress, "image": "r.example/c:7", "imagePullPolicy": "Always"}
    place = {"namespace": "trimtab-system", "name": "trimtab"}
    rest = {"compress": named, "nodes": False, "lease": {**lease, **place}}
    assert written == {**values, **rest}
    assert settings.install().allow_host_path
    assert settings.reading().matchers == ('cluster="eu-1"',)
    tls = settings.client().tls
    files = {str(tls.ca), str(tls.certificate), str(tls.key)}
    assert files == {"/etc/ca.crt", "/etc/tls.crt", "/etc/tls.key"}


def test_the_notes_say_what_is_next(helm: Helm, tmp_path: Path) -> None:
    """Notes are rendered by install alone; a dry run needs no cluster."""
    file = tmp_path / "values.json"
    url = URL["prometheus"]["url"].replace("://", "://reader:s3cret@")
    file.write_text(json.dumps({"prometheus": {"url": url}, "models": {"allowHostPath": True}}))
    arguments = ("install", "trimtab", str(CHART), "--dry-run=client", "--values", str(file))
    done = helm(*arguments, "--namespace", "trimtab-system")
    assert done.returncode == 0, done.stderr
    notes = done.stdout.partition("NOTES:")[2]
    assert "kubectl explain modeldeployment.spec" in notes
    assert "exec deployment/trimtab -- trimtab doctor" in notes
    assert URL["prometheus"]["url"] in notes, "without the user and the password"
    assert "WARNING: models.allowHostPath is on" in notes
