"""What a scrape of the operator's metrics brings."""

from __future__ import annotations

from trimtab.control.metrics import Metrics


def scraped(metrics: Metrics) -> str:
    """The whole exposition text."""
    return b"".join(metrics.exposition()).decode()
