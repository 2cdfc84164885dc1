"""The operator at scale: a real API server, fake nodes and pods (kwok), a real Prometheus."""
