"""A real Kubernetes on one Linux machine, for the demo and the end-to-end tests."""

from e2e.cluster.cluster import Cluster
from e2e.cluster.errors import ClusterError
from e2e.cluster.gateway import apply_gateway, remove_gateway
from e2e.cluster.prometheus import apply_prometheus

__all__ = ["Cluster", "ClusterError", "apply_gateway", "apply_prometheus", "remove_gateway"]
