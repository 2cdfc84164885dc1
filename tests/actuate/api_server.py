"""An API server on 127.0.0.1 that answers what a test tells it to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web
from kubernetes.aio.client import Configuration
from multidict import CIMultiDict

from trimtab.actuate.client import KubeClient


@dataclass
class Answer:
    """One answer; `after_s` is how long it takes."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    after_s: float = 0.0


@dataclass
class Seen:
    """One request, as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: CIMultiDict[str]
    body: Any


def status(code: int, reason: str, message: str) -> Answer:
    """A Status, as the API server sends with an error."""
    return Answer(code, {"kind": "Status", "code": code, "reason": reason, "message": message})


class ApiServer:
    """Answers in order, the last one for ever; an empty object where there is none."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.seen: list[Seen] = []
        self.at_once = 0
        self.most_at_once = 0
        self._runner: web.ServerRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def client(self, token: str | None = "bearer one", **options: Any) -> KubeClient:
        """A client of this server."""
        configuration = Configuration(host=self.url)
        if token is not None:
            configuration.api_key["BearerToken"] = token
        return KubeClient(configuration, **options)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        self.seen.append(
            Seen(
                request.method,
                request.path,
                dict(request.query),
                CIMultiDict(request.headers),
                body,
            )
        )
        answer = self.answers[0] if self.answers else Answer(body={})
        if len(self.answers) > 1:
            self.answers.pop(0)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(answer.after_s)
        finally:
            self.at_once -= 1
        if isinstance(answer.body, str):
            return web.Response(status=answer.status, text=answer.body, headers=answer.headers)
        return web.json_response(answer.body, status=answer.status, headers=answer.headers)
