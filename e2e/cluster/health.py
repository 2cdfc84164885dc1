"""Asking a component whether it is well."""

from __future__ import annotations

import socket
import ssl
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from e2e.cluster.paths import Paths
from e2e.cluster.specs import Spec

_TIMEOUT = 2.0
# No proxy: these addresses are this machine's own, whatever the environment says.
_NO_PROXY = urllib.request.ProxyHandler({})


def healthy(spec: Spec, paths: Paths) -> bool:
    if spec.probe.startswith("/"):
        return _accepts(spec.probe)
    handlers: list[urllib.request.BaseHandler] = [_NO_PROXY]
    if spec.probe.startswith("https"):
        handlers.append(urllib.request.HTTPSHandler(context=_context(spec, paths)))
    try:
        with urllib.request.build_opener(*handlers).open(spec.probe, timeout=_TIMEOUT) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _context(spec: Spec, paths: Paths) -> ssl.SSLContext:
    if not spec.ca:
        # Managers sign their own certificate; only "ok" is read from them, over loopback.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    context = ssl.create_default_context(cafile=str(paths.pki / f"{spec.ca}.crt"))
    if spec.identity:
        context.load_cert_chain(
            paths.pki / f"{spec.identity}.crt", paths.pki / f"{spec.identity}.key"
        )
    return context


def _accepts(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_TIMEOUT)
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def port_taken(spec: Spec) -> bool:
    """Whether something already listens where this component's probe would be."""
    if spec.probe.startswith("/"):
        return False
    where = urlsplit(spec.probe)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(_TIMEOUT)
        return probe.connect_ex((where.hostname or "", where.port or 0)) == 0
