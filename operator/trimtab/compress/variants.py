"""The `variants:` of a ModelDeployment, ready to paste, from what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import yaml

from trimtab.api.quantities import format_duration, format_fraction
from trimtab.compress.recipes import Serve
from trimtab.compress.report import Report, Result
from trimtab.compress.sample import FILE, advice

_HEADER = """\
# For spec.variants of a ModelDeployment with model: {model}. Measured on one thread of
# {machine}: an AcceleratorClass of another kind needs figures of its own.
"""
_CHECK = "# To have what serves asked the sample beside this file, by spec.outputCheck:\n"
_LEAST_S = 1e-6


def as_yaml(report: Report, serve: Serve) -> str:
    """A block of YAML with every published variant."""
    block = {"variants": entries(report.model, report.results, serve)}
    header = _HEADER.format(model=report.model, machine=report.machine)
    if "sample" in report.files:
        lines = advice(report.model, FILE).splitlines()
        header += _CHECK + "".join(f"#   {line}\n" for line in lines)
    return header + yaml.safe_dump(block, sort_keys=False, allow_unicode=True)


def entries(model: str, results: Sequence[Result], serve: Serve) -> list[dict[str, Any]]:
    """As the API wants them: accuracies and times as strings, paths below the output folder."""
    image = serve.image or f"registry.example/{model.lower()}:1"
    return [
        {
            "name": result.name,
            "accuracy": format_fraction(Decimal(str(round(result.quality.accuracy, 6)))),
            "acceleratorClasses": [serve.accelerator_class],
            "source": {"image": {"reference": image, "path": result.name}},
            "profile": [
                {
                    "acceleratorClass": serve.accelerator_class,
                    "points": [
                        # Shorter than a microsecond is no time to the API.
                        {"batch": p.batch, "latency": format_duration(max(p.ms / 1000, _LEAST_S))}
                        for p in result.points
                    ],
                }
            ],
        }
        for result in results
        if result.published and result.quality is not None
    ]
