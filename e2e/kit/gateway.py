"""A Gateway in front of models, and routes to them."""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from e2e.cluster import apply_gateway, remove_gateway
from e2e.cluster.gateway import NAME, NAMESPACE, SLO_MS, SYSTEM
from e2e.kit.access import Access, CommandFailed, wait_for
from e2e.kit.served import reachable_host


@dataclass(frozen=True)
class Gateway:
    """A Gateway that takes routes of every namespace. `url` holds on this machine and in pods."""

    url: str
    namespace: str
    name: str

    @property
    def parent_ref(self) -> dict[str, str]:
        """What a route names it by."""
        return {"namespace": self.namespace, "name": self.name}

    @property
    def routing(self) -> dict[str, Any]:
        """`spec.routing` of a model behind it."""
        return {"type": "Gateway", "parentRef": self.parent_ref}


def gateway_up(access: Access, slo_ms: int = SLO_MS) -> Gateway:
    """Envoy Gateway and a Gateway of it, that answers; at once where they are there already.

    slo_ms: a bucket of the latency histograms ends exactly there, and others close around it.
    The first time on a machine it takes a quarter of an hour: both are built.
    """
    if access.embedded is None:
        raise CommandFailed(
            "the Gateway is made of images that only the embedded cluster has: unset KUBECONFIG"
        )
    url = apply_gateway(access.embedded, slo_ms)
    host, _, port = url.removeprefix("http://").partition(":")
    reachable_host([host], int(port))
    return Gateway(url, NAMESPACE, NAME)


def gateway_down(access: Access) -> None:
    """Removes it and all that came with it; routes go with their custom resource."""
    if access.embedded is not None:
        remove_gateway(access.embedded)


def await_route(access: Access, namespace: str, name: str, *, seconds: float = 30.0) -> None:
    """Waits until the Gateway has taken an HTTPRoute, with all that it refers to."""
    wanted = {"Accepted", "ResolvedRefs"}
    _await_taken(access, namespace, f"httproute/{name}", "parents", wanted, seconds)


def await_policy(access: Access, namespace: str, name: str, *, seconds: float = 30.0) -> None:
    """Waits until the Gateway has taken what it is told beside a route."""
    policy = f"backendtrafficpolicy/{name}"
    _await_taken(access, namespace, policy, "ancestors", {"Accepted"}, seconds)


def _await_taken(
    access: Access, namespace: str, what: str, holders: str, wanted: set[str], seconds: float
) -> None:
    conditions: list[dict[str, Any]] = []

    def taken() -> bool:
        told = (access.json("-n", namespace, what).get("status") or {}).get(holders) or ()
        conditions[:] = [c for holder in told for c in holder["conditions"]]
        return wanted <= {c["type"] for c in conditions if c["status"] == "True"}

    wait_for(f"{what} to be taken", taken, seconds=seconds, told=lambda: conditions)


def failures_of(access: Access) -> list[str]:
    """What Envoy's access log says of the answers with a status of 5xx: which backend, and why.

    Of all its files: kubectl shows the newest alone, which holds less than a minute of a load.
    """
    found: list[str] = []
    for line in _lines_of_envoy(access):
        with contextlib.suppress(ValueError):
            # The runtime's time and stream come first.
            entry = json.loads(line[max(0, line.find("{")) :])
            if str(entry.get("response_code", "")).startswith("5"):
                kept = ("start_time", "response_code", "response_code_details", "response_flags")
                names = (*kept, "upstream_cluster", "upstream_host", "duration")
                found.append(", ".join(f"{name} {entry.get(name)}" for name in names))
    return sorted(found)


def _lines_of_envoy(access: Access) -> Iterator[str]:
    if access.embedded is None:
        return
    for path in (access.embedded.paths.logs / "pods").glob(f"{SYSTEM}_envoy-*/envoy/*"):
        # One that is turned over meanwhile is gone, and its lines are in another.
        with (
            contextlib.suppress(FileNotFoundError),
            gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file,
        ):
            yield from file
