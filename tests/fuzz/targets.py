"""Everything that is fuzzed."""

from __future__ import annotations

from tests.fuzz import files, fleets, loop, objects, prometheus, resources

TARGETS = (
    *resources.TARGETS,
    *prometheus.TARGETS,
    *files.TARGETS,
    *objects.TARGETS,
    *fleets.TARGETS,
    *loop.TARGETS,
)
BY_NAME = {target.name: target for target in TARGETS}
