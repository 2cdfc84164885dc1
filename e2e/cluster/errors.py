"""What a person is told when the cluster cannot go on."""

from __future__ import annotations


class ClusterError(Exception):
    """A failure whose text is the whole message: what failed, and what to do about it."""
