"""The `variants:` block is what the API reads, and says what was measured."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.compress import results
from trimtab.api.parse import parse_model_deployment
from trimtab.api.resources import ImageSource, ModelDeployment
from trimtab.compress.recipes import Serve
from trimtab.compress.report import Report
from trimtab.compress.variants import as_yaml

MANIFEST = """
apiVersion: trimtab.dev/v1alpha1
kind: ModelDeployment
metadata: {name: digits, namespace: shop}
spec:
  model: digits
  slo: {latency: {percentile: 99, target: 100ms}}
  triton: {image: triton, dynamicBatching: {maxBatchSize: 8}}
"""


def pasted(report: Report, serve: Serve) -> ModelDeployment:
    """As a user would: the block below spec, and the API's own parser over it."""
    block = "".join(f"  {line}\n" for line in as_yaml(report, serve).splitlines())
    return parse_model_deployment(yaml.safe_load(MANIFEST + block))


def test_the_block_is_ready_to_paste() -> None:
    serve = Serve(accelerator_class="cpu-1", image="registry.example/team/digits:3")
    fp32, int8, pruned = pasted(results.report(), serve).variants
    assert (fp32.name, int8.name, pruned.name) == ("fp32", "int8", "pruned30-int8")
    assert int8.accuracy == Decimal("0.988")
    assert int8.accelerator_classes == ("cpu-1",)
    assert int8.source == ImageSource("registry.example/team/digits:3", "int8")
    profile = int8.profile_on("cpu-1")
    assert profile is not None
    assert profile.points == ((1, 0.0015), (8, 0.012))


def test_refused_variants_are_not_in_it() -> None:
    text = as_yaml(results.report(), Serve())
    assert "bf16" not in text
    assert "int8-dynamic" not in text


def test_it_says_where_the_figures_come_from() -> None:
    text = as_yaml(results.report(), Serve())
    assert text.startswith("# For spec.variants of a ModelDeployment with model: digits.")
    assert "A processor, 2 CPUs" in text
    assert "reference: registry.example/digits:1" in text


@given(st.floats(0.0, 1.0), st.floats(1e-7, 3e6))
def test_any_figures_are_accepted(accuracy: float, ms: float) -> None:
    """From a net that takes nanoseconds to one that takes the better part of an hour."""
    measured = replace(results.result("v", 0.99, 4.0), quality=results.quality(accuracy))
    measured = replace(measured, points=(results.points(ms, 1.0)[0],))
    (variant,) = pasted(replace(results.report(), results=(measured,)), Serve()).variants
    assert float(variant.accuracy) == pytest.approx(accuracy, abs=1e-6)
    (point,) = variant.profiles[0].points
    assert point.latency_s == pytest.approx(max(ms / 1000, 1e-6), rel=6e-4)
