"""What was chosen at `up`, kept so that a component started again later is the same."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from e2e.cluster.paths import Paths
from e2e.cluster.versions import KUBERNETES


@dataclass(frozen=True)
class Options:
    audit: bool = False
    kubernetes: str = KUBERNETES

    def write(self, paths: Paths) -> None:
        paths.etc.mkdir(parents=True, exist_ok=True)
        (paths.etc / "options.json").write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, paths: Paths) -> Options:
        file = paths.etc / "options.json"
        return cls(**json.loads(file.read_text())) if file.exists() else cls()
