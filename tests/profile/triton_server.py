"""A server on this machine that answers as Triton does, as far as a test sets it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.profile.fake import CONFIG


class TritonServer:
    """`answers`: status and body by path; a path that is not there answers 404."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {
            "/v2": (
                200,
                {
                    "name": "triton",
                    "version": "2.51.0",
                    "extensions": ["statistics", "model_configuration"],
                },
            ),
            "/v2/models/digits/ready": (200, ""),
            "/v2/models/digits": (200, {"name": "digits", "versions": ["2", "10"]}),
            "/v2/models/digits/versions/10/config": (200, CONFIG),
            "/v2/repository/index": (
                200,
                [
                    {"name": "digits", "version": "10", "state": "READY"},
                    {"name": "xor", "version": "1", "state": "UNAVAILABLE", "reason": "no memory"},
                ],
            ),
            "/v2/models/digits/versions/10/infer": (200, {"outputs": []}),
            "/metrics": (200, "nv_cpu_utilization 0.5\n"),
        }
        self.infer_ms = 2.0
        self.items = 0
        self.busy = 0
        self.connections: set[Any] = set()
        self.closes = False

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.connections.add(request.transport)
        if request.path.endswith("/stats"):
            return web.json_response(self._stats(request.path))
        if request.path.endswith("/infer"):
            self.items += _items(request, body)
        status, answer = self.answers.get(request.path, (404, {"error": "unknown"}))
        if isinstance(answer, str):
            response: web.Response = web.Response(status=status, text=answer)
        else:
            response = web.json_response(answer, status=status)
        if self.closes:
            response.force_close()
        return response

    def _stats(self, path: str) -> dict[str, Any]:
        self.items += self.busy
        part = {"count": self.items, "ns": round(self.items * self.infer_ms * 1e6 / 3)}
        parts = dict.fromkeys(("compute_input", "compute_infer", "compute_output"), part)
        entry = {
            "name": "digits",
            "version": "10",
            "inference_count": self.items,
            "inference_stats": {},
            "batch_stats": [{"batch_size": 1, **parts}],
        }
        others = [{"name": "xor", "version": "1", "inference_count": 5}]
        return {"model_stats": [entry, *(others if path == "/v2/models/stats" else [])]}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Its URL."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self.handle)
        server = TestServer(application)
        await server.start_server()
        try:
            yield str(server.make_url("/")).rstrip("/")
        finally:
            await server.close()


def _items(request: web.Request, body: bytes) -> int:
    import json

    header = body[: int(request.headers["Inference-Header-Content-Length"])]
    return int(json.loads(header)["inputs"][0]["shape"][0])
