"""The two models of a soak, with three variants each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from e2e.kit.gateway import Gateway
from e2e.kit.served import Stage
from e2e.soak.verdict import Promise
from trimtab.api.quantities import parse_duration

SLOWEST = "fp32"
"""The variant that both begin with: what one replica of it answers is what loads are drawn by."""
# name -> floor, budget an hour, largest load as a multiple of what one replica of it answers: so
# that the one needs a faster variant at its bursts, and the other all that its budget buys.
# Three replicas of a quarter core each leave of two cores what the cluster itself takes.
_MODELS = {"lenient": ("0.97", "0.30", 2.4), "strict": ("0.985", "0.30", 1.6)}
# The network that the image sample distilled answers the same requests.
_STUDENT_PATH, _STUDENT_ACCURACY = "image/student", "0.98"


@dataclass(frozen=True)
class Model:
    """A model, what it promises, its largest load as a multiple of one replica's most, and where
    it is asked, unless through a Service."""

    name: str
    manifest: dict[str, Any]
    promise: Promise
    peak: float
    url: str | None = None


def models(stage: Stage, gateway: Gateway | None) -> list[Model]:
    """`lenient` may use all three variants, and is behind the Gateway where there is one; `strict`
    only those of the higher accuracy."""
    found = [_model(stage, name, *rest) for name, rest in _MODELS.items()]
    if gateway is not None:
        found[0].manifest["spec"]["routing"] = gateway.routing
        found[0] = replace(found[0], url=gateway.url)
    return found


def _model(stage: Stage, name: str, floor: str, budget: str, peak: float) -> Model:
    manifest = stage.digits(name, objective="MaximizeAccuracy", budget={"perHour": budget})
    spec = manifest["spec"]
    spec["slo"] = {**spec["slo"], "minAccuracy": floor}
    # Bursts are less than a minute apart, and each is to be followed down.
    spec["scaling"] = {**spec["scaling"], "scaleDown": {"stabilization": "5s"}}
    image = spec["variants"][0]["source"]["image"]["reference"]
    spec["variants"].append(
        {
            "name": "student",
            "accuracy": _STUDENT_ACCURACY,
            "acceleratorClasses": ["cpu-quarter"],
            "source": {"image": {"reference": image, "path": _STUDENT_PATH}},
        }
    )
    accuracy = {v["name"]: Decimal(v["accuracy"]) for v in spec["variants"]}
    target_s = parse_duration(spec["slo"]["latency"]["target"])
    return Model(
        name, manifest, Promise(accuracy, Decimal(floor), Decimal(budget), float(target_s)), peak
    )
