"""Prometheus and raw Kubernetes objects in, the core's snapshot types out."""
