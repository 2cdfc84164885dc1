"""What Triton's own /metrics of one pod count of a model. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from trimtab.observe.table import MOST

_FIELDS = {
    "nv_inference_request_success": "success",
    "nv_inference_request_failure": "failure",
    "nv_cache_num_hits_per_model": "hits",
    "nv_inference_count": "items",
    "nv_inference_pending_request_count": "pending",
}
_STARTS = tuple(f"{name}{{" for name in _FIELDS)
_MOST_LINES = 1000  # versions and reasons of failures; a page that has more is no Triton's


class Counts(NamedTuple):
    """Since the pod's start: requests that were answered, that failed, that a response cache
    answered, and items; and, the last, how many requests wait now."""

    success: float = 0.0
    failure: float = 0.0
    hits: float = 0.0
    items: float = 0.0
    pending: float = 0.0


def read_counts(text: str, model: str) -> Counts | None:
    """The counts of that model, None where it has none; raises ValueError where the text is no
    exposition of a Triton.

    Summed over what Triton itself distinguishes: versions, GPUs, reasons of failures.
    """
    # A page is a hundred lines of other things, and of a whole fleet they took seconds to read.
    lines = [ln for ln in text.splitlines() if ln.startswith(_STARTS) and model in ln]
    if len(lines) > _MOST_LINES:
        raise ValueError(f"{len(lines)} lines of one model")
    found: dict[str, float] = defaultdict(float)
    for family in text_string_to_metric_families("\n".join(lines) + "\n"):
        for sample in family.samples:
            if sample.labels.get("model") != model:
                continue
            if 0.0 <= sample.value <= MOST:
                found[_FIELDS[sample.name]] += sample.value
    return Counts(**found) if "success" in found else None
