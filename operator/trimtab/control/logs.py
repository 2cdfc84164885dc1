"""Log lines: JSON for machines, text for people; never a payload, header or token."""

from __future__ import annotations

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

from trimtab.core.explain import Explanation

_TEXT = "%(asctime)s %(levelname)-7s %(name)s %(message)s"
_QUIET = ("kopf", "aiohttp.access", "asyncio")


def log_fields(told: Explanation) -> dict[str, object]:
    """A decision's figures beside its line, for whoever searches JSON logs by field."""
    fields = {
        "modeldeployment": told.name,
        "action": told.action,
        "binding": told.binding,
        "demand": told.demand,
        "decided": [f"{way.replicas} x {way.key}" for way in told.decided],
        "cost_per_hour": None if told.cost_per_hour is None else f"{told.cost_per_hour:f}",
        "predicted": told.predicted,
        "observed": told.observed,
        "gap": told.gap,
    }
    return {name: value for name, value in fields.items() if value is not None}


def configure_logging(log_format: str) -> None:
    """One handler on standard error, in the given format (json or text)."""
    handler = logging.StreamHandler(sys.stderr)
    if log_format == "json":
        handler.setFormatter(
            JsonFormatter(
                "{asctime}{levelname}{name}{message}",
                style="{",
                rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            )
        )
    else:
        handler.setFormatter(logging.Formatter(_TEXT))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
