"""A real Kubernetes on one Linux machine, for the demo and the end-to-end tests."""

from e2e.cluster.cluster import Cluster, apply_prometheus
from e2e.cluster.errors import ClusterError

__all__ = ["Cluster", "ClusterError", "apply_prometheus"]
