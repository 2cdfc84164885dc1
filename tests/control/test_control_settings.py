"""The install's settings file: every problem names its field."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from trimtab.control import run
from trimtab.control.lease import LeaseTimes
from trimtab.control.settings import Settings, SettingsError, load_settings

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
"""


def load(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return load_settings(path)


def test_the_defaults_suffice(tmp_path: Path) -> None:
    settings = load(tmp_path, "prometheus: {url: 'http://prometheus:9090'}")
    assert settings.tick_s == 5.0
    assert settings.reading().long_window_s == 60.0
    assert settings.policy().long_window_s == 60.0
    assert not settings.install().allow_host_path
    assert settings.lease.times() == LeaseTimes(15.0, 10.0, 2.0)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{}", "prometheus"),
        ("prometheus: {url: ''}", "prometheus.url"),
        ("prometheus: {url: x, fastWindow: 5 minutes}", "5 minutes"),
        ("prometheus: {url: x, fastWindow: 90s}", "90 s"),
        ("prometheus: {url: x, colour: red}", "prometheus.colour"),
        ("{prometheus: {url: x}, tick: 100ms}", "tick"),
        ("{prometheus: {url: x}, resync: 1s}", "resync"),
        ("{prometheus: {url: x}, logFormat: xml}", "logFormat"),
        ("prometheus: {url: x, clientCertFile: /c}", "prometheus.clientKeyFile"),
        ("prometheus: {url: x, clientKeyFile: /k}", "prometheus.clientCertFile"),
        ("{prometheus: {url: x}, solver: best}", "solver"),
        ("{prometheus: {url: x}, lease: {duration: 10s}}", "lease.renewDeadline"),
        ("{prometheus: {url: x}, lease: {retryPeriod: 9s}}", "lease.retryPeriod"),
        ("{prometheus: {url: x}, lease: {duration: long}}", "long"),
        ("{prometheus: {url: x}, lease: {name: ''}}", "lease.name"),
        ("- a list", "the file"),
        ("{unclosed: [", "is not YAML"),
    ],
)
def test_a_bad_file_is_refused_with_its_field(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SettingsError, match=r"config\.yaml") as refused:
        load(tmp_path, text)
    assert named in str(refused.value)


def test_the_solver_reaches_the_decision(tmp_path: Path) -> None:
    pytest.importorskip("highspy")
    assert load(tmp_path, "prometheus: {url: x}").policy().solver == "auto"
    assert load(tmp_path, "{prometheus: {url: x}, solver: exact}").policy().solver == "exact"


def test_without_room_for_bursts_a_late_request_has_no_price(tmp_path: Path) -> None:
    assert load(tmp_path, "prometheus: {url: x}").policy().late_price_s > 0.0
    without = load(tmp_path, "{prometheus: {url: x}, roomForBursts: false}")
    assert without.policy().late_price_s == 0.0


def test_a_solver_that_is_not_installed_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not in the first tick, by a traceback."""
    monkeypatch.setitem(sys.modules, "highspy", None)
    with pytest.raises(SettingsError, match=r"highspy.*trimtab\[exact\].*solver: auto"):
        load(tmp_path, "{prometheus: {url: x}, solver: exact}")


def test_a_file_that_cannot_be_used_ends_the_start_with_its_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not with a traceback."""
    path = tmp_path / "config.yaml"
    path.write_text("prometheus: {url: 'https://p', caFile: /no/such/ca.crt}")
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.setattr(run, "configure_logging", lambda _: None)
    with pytest.raises(SettingsError, match=r"/no/such/ca\.crt \(prometheus\.caFile\)"):
        run.run(path, 0)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        load_settings(tmp_path / "none.yaml")
