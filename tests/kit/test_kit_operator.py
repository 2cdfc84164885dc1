"""The operator's metrics, read from the text that it gives a Prometheus."""

from __future__ import annotations

from e2e.kit.operator import series_of

TEXT = """\
# HELP trimtab_leader Whether this one leads.
# TYPE trimtab_leader gauge
trimtab_leader 1.0
trimtab_api_writes_total{kind="Event"} 3.0
trimtab_api_writes_total{kind="Deployment"} 2.0
trimtab_tick_seconds_bucket{le="+Inf"} 12.0
"""


def test_a_series_is_found_by_its_name_and_labels() -> None:
    assert series_of(TEXT) == {
        "trimtab_leader": 1.0,
        'trimtab_api_writes_total{kind="Event"}': 3.0,
        'trimtab_api_writes_total{kind="Deployment"}': 2.0,
        'trimtab_tick_seconds_bucket{le="+Inf"}': 12.0,
    }
