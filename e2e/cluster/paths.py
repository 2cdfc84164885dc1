"""Where the cluster keeps things: what survives `down` (cache) and what does not (state)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = Path(__file__).resolve().parent


def _xdg(variable: str, fallback: str) -> Path:
    value = os.environ.get(variable, "")
    # The XDG rules say that a relative path is to be ignored.
    return Path(value) if value.startswith("/") else Path.home() / fallback


@dataclass(frozen=True)
class Paths:
    """Every folder the cluster writes to."""

    cache: Path
    state: Path

    @classmethod
    def default(cls) -> Paths:
        return cls(
            cache=_xdg("XDG_CACHE_HOME", ".cache") / "trimtab",
            state=_xdg("XDG_STATE_HOME", ".local/state") / "trimtab" / "cluster",
        )

    @property
    def binaries(self) -> Path:
        return self.cache / "bin"

    @property
    def staging(self) -> Path:
        """Half-made things; whatever is found here belongs to a run that was cut short."""
        return self.cache / "tmp"

    @property
    def oci(self) -> Path:
        return self.cache / "oci"

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def etc(self) -> Path:
        return self.state / "etc"

    @property
    def run(self) -> Path:
        return self.state / "run"

    @property
    def logs(self) -> Path:
        return self.state / "log"

    @property
    def data(self) -> Path:
        return self.state / "data"

    @property
    def records(self) -> Path:
        return self.state / "processes"

    @property
    def containerd_socket(self) -> Path:
        return self.run / "containerd.sock"

    @property
    def kubeconfig(self) -> Path:
        return self.etc / "admin.kubeconfig"

    @property
    def lock(self) -> Path:
        # Beside the state and not in it: `down` removes the state while it holds the lock.
        return self.state.parent / "cluster.lock"
