"""The PodMonitor of a workload, for clusters that run the Prometheus operator."""

from __future__ import annotations

from typing import Any

from trimtab.actuate import names
from trimtab.actuate.kinds import POD_MONITOR
from trimtab.actuate.settings import InstallSettings
from trimtab.api.resources import ModelDeployment
from trimtab.core.snapshot import WorkloadKey


def pod_monitor(md: ModelDeployment, key: WorkloadKey, settings: InstallSettings) -> dict[str, Any]:
    """Scrapes the pods of one workload and carries their labels over to the series."""
    return {
        **POD_MONITOR.named,
        "metadata": names.metadata(
            md, names.child_name(md, key), names.workload_labels(md, key, settings)
        ),
        "spec": {
            "selector": {"matchLabels": names.workload_selector(md, key)},
            "podTargetLabels": [
                names.MODEL_DEPLOYMENT_LABEL,
                names.VARIANT_LABEL,
                names.CLASS_LABEL,
            ],
            "podMetricsEndpoints": [
                {
                    "port": "metrics",
                    "path": "/metrics",
                    "interval": f"{settings.scrape_interval_s}s",
                    # A scrape slower than the interval would leave holes, not late samples.
                    "scrapeTimeout": f"{settings.scrape_interval_s}s",
                }
            ],
        },
    }
