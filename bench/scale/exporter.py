"""The metrics of all fake pods on one address, as if every one of them ran a Triton.

    python -m bench.scale.exporter --models 1000 --server URL --token TOKEN --ca FILE --port 19100

It watches the API server for trimtab's pods. GET /move makes the loads move from now on, GET /rest
makes them rest.
"""

from __future__ import annotations

import argparse
import json
import ssl
import threading
import time
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from bench.scale.fleet import Model, models
from bench.scale.load import Counters, exposition, rate

_SELECTOR = "labelSelector=app.kubernetes.io%2Fmanaged-by%3Dtrimtab"


class Pod(NamedTuple):
    """Where a pod's traffic comes from, and what serves it."""

    namespace: str
    name: str
    model: str
    variant: str
    accelerator_class: str


class Fleet:
    """The Ready pods and their counters."""

    def __init__(self, fleet: list[Model]) -> None:
        self._models = {m.name: m for m in fleet}
        self._pods: dict[Pod, Counters] = {}
        self._lock = threading.Lock()
        self._moving_since_s: float | None = None
        self._counted_s = time.time()

    def note(self, event: str, obj: dict[str, Any]) -> None:
        """Takes what the API server says of one pod."""
        meta = obj["metadata"]
        labels = meta.get("labels") or {}
        pod = Pod(
            meta["namespace"],
            meta["name"],
            *(labels.get(f"trimtab.dev/{n}", "") for n in _LABELS),
        )
        ready = any(
            c.get("type") == "Ready" and c.get("status") == "True"
            for c in (obj.get("status") or {}).get("conditions") or ()
        )
        with self._lock:
            if event == "DELETED" or meta.get("deletionTimestamp"):
                self._pods.pop(pod, None)
            elif ready and pod.model in self._models:
                self._pods.setdefault(pod, Counters())

    def move(self, *, moving: bool) -> None:
        """Makes the loads move from now on, or rest."""
        with self._lock:
            self._moving_since_s = time.time() if moving else None

    def render(self) -> str:
        """All pods' metrics, counted up to now."""
        with self._lock:
            now_s = time.time()
            seconds, self._counted_s = now_s - self._counted_s, now_s
            moving_s = None if self._moving_since_s is None else now_s - self._moving_since_s
            serving = Counter(pod.model for pod in self._pods)
            parts = []
            for pod, counters in self._pods.items():
                model = self._models[pod.model]
                share = rate(model, moving_s) / serving[pod.model]
                counters.advance(model, pod.variant, pod.accelerator_class, share, seconds)
                parts.append(exposition(pod.namespace, pod.name, pod.model, counters))
        return "".join(parts)


_LABELS = ("model-deployment", "variant", "accelerator-class")


def watch(fleet: Fleet, server: str, token: str, ca: Path) -> None:
    """Follows the pods for ever; a watch that ends is begun anew with a listing."""
    context = ssl.create_default_context(cafile=str(ca))
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "trimtab-bench-exporter"}

    def ask(query: str) -> Any:
        request = urllib.request.Request(f"{server}/api/v1/pods?{_SELECTOR}{query}", None, headers)  # noqa: S310
        return urllib.request.urlopen(request, context=context, timeout=600)  # noqa: S310

    while True:
        try:
            with ask("") as answer:
                listed = json.load(answer)
            for obj in listed["items"]:
                fleet.note("ADDED", obj)
            version = listed["metadata"]["resourceVersion"]
            with ask(f"&watch=1&resourceVersion={version}") as answer:
                for line in answer:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        break
                    fleet.note(event["type"], event["object"])
        except OSError:
            time.sleep(1.0)


def _handler(fleet: Fleet) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                body = fleet.render().encode()
            else:
                fleet.move(moving=self.path == "/move")
                body = b"ok\n"
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    return Handler


def main() -> None:
    """Serves until it is killed."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale.exporter")
    parser.add_argument("--models", type=int, required=True)
    parser.add_argument("--server", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--ca", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    asked = parser.parse_args()
    fleet = Fleet(models(asked.models))
    threading.Thread(
        target=watch, args=(fleet, asked.server, asked.token, asked.ca), daemon=True
    ).start()
    HTTPServer(("127.0.0.1", asked.port), _handler(fleet)).serve_forever()


if __name__ == "__main__":
    main()
