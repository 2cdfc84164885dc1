"""What the install decides for every workload it makes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CompressSettings:
    """How compressions run in the cluster. Without an image none does."""

    image: str = ""
    image_pull_policy: str = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    deadline_s: int = 6 * 3600
    keep_s: int = 24 * 3600


@dataclass(frozen=True, slots=True)
class InstallSettings:
    """Settings of this install of trimtab; the chart's values end up here.

    `instance` labels the children where several installs share a cluster. `run_as_user` None
    leaves the user to the platform (OpenShift assigns one).
    """

    instance: str = ""
    allow_host_path: bool = False
    http_port: int = 8000
    grpc_port: int = 8001
    metrics_port: int = 8002
    pod_labels: tuple[tuple[str, str], ...] = ()
    run_as_user: int | None = 1000
    pre_stop_s: int = 8
    drain_s: int = 30
    startup_s: int = 300
    shm_size: str = "512Mi"
    scrape_interval_s: int = 5
    compress: CompressSettings = CompressSettings()

    @property
    def grace_s(self) -> int:
        """Longer than preStop and drain together: a pod killed at the last moment of its drain
        would lose the very requests the drain waited for."""
        return self.pre_stop_s + self.drain_s + 7

    @property
    def progress_deadline_s(self) -> int:
        """A rollout is called stuck only after a pod had its whole start-up time and an image
        pull."""
        return self.startup_s + 300
