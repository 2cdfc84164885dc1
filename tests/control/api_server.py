"""The fake cluster behind HTTP, for the real client; a storm decides what is answered instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from aiohttp import web
from kubernetes.aio.client import Configuration

from tests.control.world import FakeKube
from trimtab.actuate.client import KubeClient
from trimtab.actuate.kinds import KINDS, Kind

Storm = Callable[[str, str], web.Response | None]


class KubeOverHttp:
    """Serves a FakeKube. `storm`: by method and path the answer to give instead, or None."""

    def __init__(self, kube: FakeKube) -> None:
        self._kube = kube
        self.storm: Storm = lambda _method, _path: None
        self.asked: list[tuple[str, str]] = []
        self._runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=0.1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def client(self) -> KubeClient:
        """A client of this server."""
        host, port = self._runner.addresses[0][:2]
        return KubeClient(Configuration(host=f"http://{host}:{port}"))

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append((request.method, request.path))
        spoilt = self.storm(request.method, request.path)
        if spoilt is not None:
            return spoilt
        body = await request.json() if request.can_read_body else {}
        found = await self._do(request.method, request.path, body)
        if found is None:
            return web.json_response({"reason": "NotFound"}, status=404)
        return web.json_response(found)

    async def _do(self, method: str, path: str, body: dict[str, Any]) -> Any:
        kind, namespace, name, subresource = _place(path)
        if kind is None or not await self._kube.has_kind(kind):
            return None
        if method == "PATCH":
            return await self._kube.server_side_apply(body, "trimtab", subresource=subresource)
        if method == "POST":
            return await self._kube.create_event({}, type_=body["type"], reason=body["reason"])
        if method == "DELETE":
            return {} if await self._kube.delete(kind, name or "", namespace) else None
        if name is not None:
            return await self._kube.find(kind, name, namespace)
        items, version = await self._kube.list(kind)
        return {"items": items, "metadata": {"resourceVersion": version}}


def _place(path: str) -> tuple[Kind | None, str | None, str | None, str | None]:
    """Kind, namespace, name and subresource of a URL."""
    for kind in KINDS:
        if path.startswith(f"{kind.root}/"):
            parts = path.removeprefix(f"{kind.root}/").split("/")
            namespace = parts[1] if parts[0] == "namespaces" and len(parts) > 2 else None
            rest = parts[2:] if namespace else parts
            if rest[0] == kind.plural:
                name, subresource = [*rest[1:], None, None][:2]
                return kind, namespace, name, subresource
    return None, None, None, None
