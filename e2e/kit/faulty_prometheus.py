"""A Prometheus that lies on demand: it asks the real one, and a fault spoils what comes back."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

# These addresses are this machine's own, whatever the environment says.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_UPSTREAM_S = 10.0

Row = dict[str, Any]
Answer = tuple[int, bytes]


@dataclass(frozen=True)
class Fault:
    """What is wrong with the answers.

    said: stands for every answer. rows: what becomes of the rows of a true one. delay_s: how long
    an answer takes. frozen: every answer is that of the moment at which the fault began. cut: the
    connection ends without an answer.
    """

    name: str
    said: Answer | None = None
    rows: Callable[[list[Row]], list[Row]] | None = None
    delay_s: float = 0.0
    frozen: bool = False
    cut: bool = False

    def __str__(self) -> str:
        return self.name


def _error(kind: str, text: str) -> bytes:
    return json.dumps({"status": "error", "errorType": kind, "error": text}).encode()


def _nan(rows: list[Row]) -> list[Row]:
    return [row if _is_time(row) else {**row, "value": [row["value"][0], "NaN"]} for row in rows]


def _is_time(row: Row) -> bool:
    """Whether it tells when a sample was taken: a rate of 0/0 has samples that are fresh."""
    at_s, value = row["value"]
    return abs(float(value) - float(at_s)) < 3600.0


def _unlabelled(rows: list[Row]) -> list[Row]:
    return [
        {
            **r,
            "metric": {("kubernetes_pod" if k == "pod" else k): v for k, v in r["metric"].items()},
        }
        for r in rows
    ]


DOWN = Fault("down", cut=True)
SLOW = Fault("slow", delay_s=30.0)
ERROR_500 = Fault("error-500", said=(500, b"Internal Server Error"))
ERROR_503 = Fault("error-503", said=(503, b"<html>no healthy upstream</html>"))
QUERY_ERROR = Fault("query-error", said=(422, _error("execution", "too many samples")))
NOT_SUCCESS = Fault("not-success", said=(200, b'{"success": false}'))
EMPTY = Fault("empty", rows=lambda _: [])
NAN = Fault("nan", rows=_nan)
STALE = Fault("stale", frozen=True)
UNLABELLED = Fault("wrong-labels", rows=_unlabelled)

TOLD = (
    (DOWN, "PrometheusUnreachable"),
    (SLOW, "PrometheusTimeout"),
    (ERROR_500, "PrometheusRefused"),
    (ERROR_503, "PrometheusRefused"),
    (QUERY_ERROR, "PrometheusQueryError"),
    (NOT_SUCCESS, "PrometheusMalformed"),
    (EMPTY, "NoSeries"),
    (NAN, "WindowTooShort"),
    (STALE, "MetricsStale"),
    (UNLABELLED, "NoSeries"),
)
"""Each fault with the reason of MetricsAvailable=False that it is to be told by."""


def without_pod(pod: str) -> Fault:
    """One pod of several is scraped no more."""
    return Fault("a-pod-less", rows=lambda rows: [r for r in rows if r["metric"].get("pod") != pod])


class FaultyPrometheus:
    """Serves at `address`, which pods reach, until it is left."""

    def __init__(self, upstream: str, address: str) -> None:
        self._upstream = upstream
        self._fault: Fault | None = None
        self._frozen_at = ""
        self._over = threading.Event()
        self._server = ThreadingHTTPServer((address, 0), self._handler())
        self.url = f"http://{address}:{self._server.server_port}"

    def __enter__(self) -> FaultyPrometheus:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def suffers(self, fault: Fault) -> Iterator[None]:
        """Inside, every answer has the fault; whoever waits at its end is answered at once."""
        self._over.clear()
        self._fault, self._frozen_at = fault, ""
        try:
            yield
        finally:
            self._fault = None
            self._over.set()

    def _answer(self, path: str, params: Mapping[str, str]) -> Answer | None:
        """None where the connection is to be cut."""
        fault = self._fault
        if fault is None:
            return self._truth(path, params)
        answer = self._spoilt(fault, path, params)
        if fault.delay_s:
            self._over.wait(fault.delay_s)
        return answer

    def _spoilt(self, fault: Fault, path: str, params: Mapping[str, str]) -> Answer | None:
        if fault.cut or fault.said:
            return None if fault.cut else fault.said
        if fault.frozen and "time" in params:
            self._frozen_at = self._frozen_at or params["time"]
            params = {**params, "time": self._frozen_at}
        status, body = self._truth(path, params)
        if fault.rows is None or status != 200 or not path.endswith("/query"):
            return status, body
        payload = json.loads(body)
        payload["data"]["result"] = fault.rows(payload["data"]["result"])
        return status, json.dumps(payload).encode()

    def _truth(self, path: str, params: Mapping[str, str]) -> Answer:
        form = urllib.parse.urlencode(params).encode()
        try:
            with _DIRECT.open(self._upstream + path, form, timeout=_UPSTREAM_S) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError as error:
            return 502, f"{error}".encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer_of = self._answer

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path, _, query = self.path.partition("?")
                self._tell(path, query)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._tell(self.path, body.decode())

            def _tell(self, path: str, form: str) -> None:
                answer = answer_of(path, dict(urllib.parse.parse_qsl(form)))
                if answer is None:
                    return  # HTTP/1.0: the end of the connection is the end of the answer
                try:
                    self.send_response(answer[0])
                    self.send_header("Content-Type", "application/json")
                    self.end_headers()
                    self.wfile.write(answer[1])
                except OSError:
                    pass  # who asked has given up

            def log_message(self, *_: object) -> None:
                """Nothing: the test's own output is what is read."""

        return Handler
