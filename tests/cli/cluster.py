"""An API server and a Prometheus on 127.0.0.1 that hold what a test gives them, to be read."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.openapi import published, schemas
from trimtab.actuate.kinds import KINDS
from trimtab.api.resources import API_VERSION

_LIVE = {k.plural: k for k in KINDS}


class FakeCluster:
    """Serves objects by kind and name; `methods` are those it was asked with."""

    def __init__(self, *objects: dict[str, Any]) -> None:
        self.objects = list(objects)
        self.series: dict[str, float] = {}
        self.recorded: dict[tuple[str, str], list[float | None]] = {}
        self.methods: set[str] = set()
        self.reviews: dict[str, dict[str, Any]] = {
            "selfsubjectreviews": {"userInfo": {"username": "jane"}}
        }
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def kubeconfig(self, folder: Path, namespace: str = "shop") -> str:
        """A file that leads here."""
        path = folder / "kubeconfig"
        context = {"cluster": "c", "user": "u", "namespace": namespace}
        path.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "x",
                    "clusters": [{"name": "c", "cluster": {"server": self.url}}],
                    "users": [{"name": "u", "user": {"token": "t"}}],
                    "contexts": [{"name": "x", "context": context}],
                }
            )
        )
        return str(path)

    def answer(self, target: str) -> tuple[int, Any]:
        """Status and body for a GET."""
        url = urlsplit(target)
        if url.path == "/api/v1/query_range":
            return 200, self._range({k: v[0] for k, v in parse_qs(url.query).items()})
        if url.path == "/api/v1/query":
            return 200, self._query(parse_qs(url.query)["query"][0])
        parts = url.path.strip("/").split("/")
        namespace = None
        if "namespaces" in parts[:-2]:
            at = parts.index("namespaces")
            namespace = parts[at + 1]
            del parts[at : at + 2]
        depth = 2 if parts[0] == "api" else 3
        if url.path == "/version":
            return 200, {}
        if parts[0] == "openapi":
            return 200, published(schemas())
        if len(parts) == depth:
            ours = "/".join(parts[1:]) == API_VERSION
            return 200, {"resources": [k.named for k in KINDS if ours and API_VERSION in k.root]}
        kind = _LIVE[parts[depth]].kind
        found = [o for o in self.objects if o["kind"] == kind]
        if namespace:
            found = [o for o in found if o["metadata"].get("namespace") == namespace]
        if len(parts) == depth + 1:
            return 200, {"items": found, "metadata": {"resourceVersion": "1"}}
        named = [o for o in found if o["metadata"]["name"] == parts[-1]]
        if named:
            return 200, named[0]
        return 404, {"kind": "Status", "code": 404, "reason": "NotFound", "message": "not found"}

    def _query(self, promql: str) -> dict[str, Any]:
        value = next((v for part, v in self.series.items() if part in promql), None)
        rows = [
            {
                "metric": {
                    "namespace": o["metadata"]["namespace"],
                    "pod": o["metadata"]["name"],
                    "model": "digits",
                },
                "value": [0, str(value)],
            }
            for o in self.objects
            if o["kind"] == "Pod" and value is not None
        ]
        return {"status": "success", "data": {"resultType": "vector", "result": rows}}

    def _range(self, asked: dict[str, str]) -> dict[str, Any]:
        """`recorded` by (namespace, model): requests per second from the first step on, None where
        no sample tells."""
        start, end, step = (float(asked[k]) for k in ("start", "end", "step"))
        count = round((end - start) / step) + 1
        rows = [
            {
                "metric": {"namespace": namespace, "model": model},
                "values": [
                    [start + i * step, str(rates[i % len(rates)])]
                    for i in range(count)
                    if rates[i % len(rates)] is not None
                ],
            }
            for (namespace, model), rates in self.recorded.items()
            if "success" in asked["query"]
        ]
        return {"status": "success", "data": {"resultType": "matrix", "result": rows}}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        cluster = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                cluster.methods.add("GET")
                code, body = cluster.answer(self.path)
                data = json.dumps(body).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_POST(self) -> None:
                # Reviews are questions, though they are asked so.
                told = cluster.reviews.get(self.path.rpartition("/")[2])
                if told is None:
                    return self.do_PATCH()
                self.rfile.read(int(self.headers["Content-Length"]))
                data = json.dumps({"status": told}).encode()
                self.send_response(201)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
                return None

            def do_PATCH(self) -> None:
                cluster.methods.add(self.command)
                self.send_error(405)

            do_PUT = do_DELETE = do_PATCH  # noqa: N815 - http.server's names

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        return Handler
