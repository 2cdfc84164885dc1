"""spec.compression as it is parsed, and the example that the docs give."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from tests.control.world import model_deployment
from trimtab.api.parse import parse_model_deployment
from trimtab.api.resources import Compression, ImageSource, PvcSource

PAGE = Path(__file__).parents[2] / "docs" / "compress.md"
LEAST: dict[str, Any] = {
    "source": {"image": {"reference": "sources:1"}},
    "model": "to_compress.py",
    "acceleratorClass": "cpu-4",
    "output": {"claimName": "models"},
}


def parsed(**changes: Any) -> Compression:
    found = parse_model_deployment(model_deployment(compression={**LEAST, **changes})).compression
    assert found is not None
    return found


def test_what_is_left_out() -> None:
    assert parsed() == Compression(
        source=ImageSource("sources:1"),
        model="to_compress.py",
        accelerator_class="cpu-4",
        output=PvcSource("models"),
        serve_on=("cpu-4",),
    )
    assert parse_model_deployment(model_deployment()).compression is None


def test_defaults_that_the_api_server_fills_in_are_no_change_of_the_users() -> None:
    """A later version may fill in more of them, and would else train every model anew."""
    variant = {"name": "p", "prune": {"ratio": 0.3}}
    filled = {
        "seed": 0,
        "threads": 2,
        "gate": {"maxDrop": 0.02, "minGain": 0.05, "agreement": 0.97, "tolerance": 0.0001},
        "variants": [{**variant, "network": "module", "precision": "fp32"}],
    }
    assert parsed(recipes=filled) == parsed(recipes={"variants": [variant]})
    assert parsed(recipes=filled | {"seed": 1}) != parsed(recipes=filled)


def test_the_example_in_the_docs_is_right() -> None:
    examples = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (spec,) = [e for e in map(yaml.safe_load, examples) if "spec" in e]
    found = parse_model_deployment(model_deployment(**spec["spec"])).compression
    assert found is not None
    assert (found.workers, found.serve_on) == (2, ("cpu-1",))
    assert json.loads(found.recipes)["variants"][0]["name"] == "int8"
