"""What the demo and the end-to-end tests share: a cluster to reach, an install, a recorder."""
