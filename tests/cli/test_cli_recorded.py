"""`trimtab simulate --from-prometheus`: a live cluster's load, read over HTTP and played."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.cli.cluster import FakeCluster
from trimtab.cli import main
from trimtab.cli.recorded import recorded_traces
from trimtab.simulate.errors import SimulationError
from trimtab.simulate.fleet import load_fleet

pytest.importorskip("numba")
FLEET = Path(__file__).parent / "fleet.yaml"
BOTH: dict[tuple[str, str], list[float | None]] = {
    ("shop", "image_classifier"): [10.0],
    ("shop", "digits"): [4.0, None, 2.0],
}


def simulate(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["simulate", "-f", str(FLEET), *arguments])


def test_recorded_load_is_played() -> None:
    with FakeCluster() as prometheus:
        prometheus.recorded = BOTH
        given = ("--from-prometheus", prometheus.url, "--since", "3m", "--policy", "static-peak")
        done = simulate(*given, "--output", "json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["models"]["classifier"]["requests"] == 1800
    assert told["models"]["digits"]["requests"] == 240 + 240 + 120
    assert "shop/digits: no samples for 1 minutes in 1 gap" in done.stderr
    assert told["total"]["seconds_simulated"] == 180.0


def test_long_times_are_read_in_chunks() -> None:
    """Prometheus answers 11,000 samples a series and no more."""
    with FakeCluster() as prometheus:
        prometheus.recorded = BOTH
        traces = recorded_traces(load_fleet([FLEET]), prometheus.url, "7d", "60s")
    assert {len(trace.counts) for trace in traces.values()} == {7 * 1440}
    assert traces[min(traces)].counts.sum() == 7 * 86400 * 10


@pytest.mark.parametrize(
    ("since", "step", "said"),
    [
        ("a week", "60s", r"--since: 'a week' is no time: write it like 7d"),
        ("30s", "60s", "shorter than one step"),
        ("7d", "0s", "--step"),
    ],
)
def test_a_bad_time_is_named(since: str, step: str, said: str) -> None:
    with pytest.raises(SimulationError, match=said):
        recorded_traces(load_fleet([FLEET]), "http://127.0.0.1:1", since, step)


def test_a_prometheus_that_is_not_there_is_a_sentence() -> None:
    with FakeCluster() as prometheus:
        url = prometheus.url
    done = simulate("--from-prometheus", url, "--since", "3m")
    assert done.exit_code == 1
    assert "cannot be reached" in done.output


def test_a_url_that_is_none_is_a_sentence() -> None:
    done = simulate("--from-prometheus", "prometheus:9090", "--since", "3m")
    assert done.exit_code == 1
    assert "must look like http(s)://" in done.output


def test_two_sources_of_load_are_refused() -> None:
    done = simulate("--from-prometheus", "http://p", "--trace", "digits=x.csv")
    assert "exclude each other" in done.output
