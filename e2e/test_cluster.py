"""What the embedded cluster does with a Service address that its kube-proxy does not know."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from e2e.kit.access import Access

STRANGER = "10.96.255.253"  # far from what Services are given first
TRACKED = Path("/proc/net/nf_conntrack")


def test_an_address_of_no_service_is_refused_and_not_remembered(access: Access) -> None:
    """As one that has no pod Ready: and whoever is sent from the same port later is not held up."""
    if access.embedded is None:
        pytest.skip("another cluster's network is its own")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((STRANGER, 80), timeout=10)
    assert not TRACKED.exists() or STRANGER not in TRACKED.read_text()
