"""A small Prometheus client: one query in, samples or a typed error out.

An error is never an empty answer: "no series" is a fact about the fleet, "no answer" is a fact
about Prometheus, and only the first may be reasoned about.
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
from yarl import URL

from trimtab.observe.body import BodyTooLarge, bounded_body
from trimtab.observe.errors import (
    PrometheusClockSkew,
    PrometheusCredentialsUnreadable,
    PrometheusError,
    PrometheusMalformed,
    PrometheusQueryError,
    PrometheusRefused,
    PrometheusTimeout,
    PrometheusUnreachable,
    PrometheusUntrusted,
)
from trimtab.observe.tls import CA_SETTING, CERT_SETTING, Tls, TlsFiles

BEARER_SETTING = "prometheus.bearerTokenFile"
GET_LIMIT = 2000
"""Longest query, in characters, that goes out as GET."""

MOST_SKEW_S = 60.0
"""How far two clocks may be apart: twice the age at which a sample is stale by default, since a
proxy's cache may be some seconds behind."""


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """Where Prometheus is and how to speak to it.

    `base_url` may have a path prefix (`https://host/prometheus`) and user:password, which are sent
    as basic authentication and never shown. `bearer_token_file` is read anew for each request,
    because projected tokens rotate, and so are the files of `tls` when they change. Verification of
    TLS cannot be switched off. `timeout_s` bounds one query, `max_body_bytes` one unpacked answer.
    """

    base_url: str
    timeout_s: float = 5.0
    bearer_token_file: Path | None = None
    tls: TlsFiles = field(default_factory=TlsFiles)
    headers: Mapping[str, str] = field(default_factory=dict)
    max_body_bytes: int = 16 * 1024 * 1024


class Sample(NamedTuple):
    """One series of an instant vector: its labels and its value at `at_s` (epoch seconds).

    A tuple, and no dataclass: a reading of a fleet makes them by the hundred thousand.
    """

    labels: Mapping[str, str]
    value: float
    at_s: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What one query returned. `no_numbers`: those whose value was NaN or infinite."""

    samples: tuple[Sample, ...]
    no_numbers: tuple[Sample, ...] = ()


_Reply = tuple[int, Mapping[str, str], bytes]


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a range query: its labels, and (epoch seconds, value) in order of time."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


class PrometheusClient:
    """Queries over a session that the caller owns; see `open_client`.

    `clock`: seconds since the epoch, by which queries name their time. Raises ValueError when
    `base_url` is not an http(s) URL.
    """

    def __init__(
        self,
        settings: ClientSettings,
        session: aiohttp.ClientSession,
        clock: Callable[[], float] = time.time,
    ) -> None:
        url = URL(settings.base_url)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError(
                "The Prometheus URL must look like http(s)://HOST[:PORT][/PREFIX]; "
                f"got {_shown(url) if url.host else settings.base_url!r}."
            )
        self._settings = settings
        self._session = session
        self._clock = clock
        self._basic = _basic(url.user, url.password or "") if url.user else None
        clean = url.with_user(None).with_query(None).with_fragment(None)
        self._url = clean / "api/v1"
        self.shown_url = _shown(clean)
        self._tls = Tls(settings.tls, self.shown_url)

    def check_files(self) -> None:
        """Raises PrometheusCredentialsUnreadable where a file of TLS cannot be used."""
        self._tls.context()

    async def query(self, promql: str, at_s: float) -> list[Sample]:
        """The finite samples of an instant query at that time (epoch seconds).

        NaN and infinities are left out: they are no readings, and no zeros either. Raises a
        PrometheusError of the kind that applies.
        """
        return list((await self.answer(promql, at_s)).samples)

    async def answer(self, promql: str, at_s: float) -> Answer:
        """As `query`, with the number of series that were left out as NaN or infinite."""
        payload = await self._ask("query", {"query": promql, "time": f"{at_s:.3f}"})
        try:
            return _answer_of(payload)
        except _ShapeError as problem:
            raise PrometheusMalformed(self.shown_url, str(problem)) from None

    async def range(
        self, promql: str, start_s: float, end_s: float, step_s: float
    ) -> tuple[Series, ...]:
        """The finite samples of a range query, every `step_s` from `start_s` to `end_s` (epoch
        seconds), both included. Prometheus bounds one answer to 11,000 samples a series. Raises a
        PrometheusError of the kind that applies.
        """
        span = {"start": f"{start_s:.3f}", "end": f"{end_s:.3f}", "step": f"{step_s:g}"}
        payload = await self._ask("query_range", {"query": promql, **span})
        try:
            return _series_of(payload)
        except _ShapeError as problem:
            raise PrometheusMalformed(self.shown_url, str(problem)) from None

    async def _ask(self, path: str, params: dict[str, str]) -> Any:
        """What that part of the API answers, as JSON, whatever its shape."""
        status, headers, body = await self._send(path, params)
        payload = _json_or_none(body)
        # 401 and 403 come from what stands before Prometheus, and some wrap them in its JSON.
        said = isinstance(payload, dict) and payload.get("status") == "error"
        if said and status not in (401, 403):
            raise PrometheusQueryError(
                self.shown_url, str(payload.get("errorType", "unknown")), str(payload.get("error"))
            )
        if status != 200:
            raise PrometheusRefused(self.shown_url, status, headers.get("Location"))
        self._check_clock(headers.get("Date"))
        return payload

    def _check_clock(self, date: str | None) -> None:
        """Asked by a clock that is an hour behind, Prometheus answers of an hour ago, and nothing
        in that is old: a load that had risen since was read as low, and the fleet shrank to it."""
        try:
            ahead_s = parsedate_to_datetime(date or "").timestamp() - self._clock()
        except ValueError:
            return  # whatever it is that answers has no clock to compare
        if abs(ahead_s) > MOST_SKEW_S:
            raise PrometheusClockSkew(self.shown_url, ahead_s)

    async def _send(self, path: str, params: dict[str, str]) -> _Reply:
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                return await self._exchange(path, params)
        except TimeoutError:
            raise PrometheusTimeout(self.shown_url, self._settings.timeout_s) from None
        except (aiohttp.ClientPayloadError, aiohttp.ClientResponseError) as problem:
            raise PrometheusMalformed(self.shown_url, _said(problem)) from problem
        except (aiohttp.ClientError, OSError) as problem:
            raise self._broken(problem) from problem
        except ValueError as problem:
            # A query that is no UTF-8, a token of two lines: the request cannot even be written.
            # Only the kind is told, since the text could hold the token.
            raise PrometheusUnreachable(
                self.shown_url, f"the request cannot be written ({type(problem).__name__})"
            ) from None

    def _broken(self, problem: Exception) -> PrometheusError:
        """What kept a request from its answer, and the setting to mend where TLS is the trouble."""
        if isinstance(problem, aiohttp.ClientConnectorCertificateError):
            error = problem.certificate_error
            why = getattr(error, "verify_message", "") or "its certificate is not valid"
            return PrometheusUntrusted(self.shown_url, why.rstrip("."), self._mend(why))
        said = _said(problem)
        if isinstance(problem, aiohttp.ClientConnectorDNSError):
            return PrometheusUnreachable(self.shown_url, said, _NAME_IT)
        connected = not isinstance(problem, aiohttp.ClientConnectorError)
        if connected and self._url.scheme == "https" and self._settings.tls.certificate is None:
            # TLS 1.3 has no word for it that would reach the client before the end.
            said = said.rstrip(".") + f"; if it asks for a client certificate, set {CERT_SETTING}"
        return PrometheusUnreachable(self.shown_url, said)

    def _mend(self, why: str) -> str:
        if "mismatch" in why:
            return "use a name in prometheus.url that the certificate is for"
        if "expired" in why or "not yet valid" in why:
            return "renew it"
        ca = self._settings.tls.ca
        if ca is None:
            return f"set {CA_SETTING} to the CA that signed it"
        return f"{CA_SETTING} ({ca}) must hold the CA that signed it"

    async def _exchange(self, path: str, params: dict[str, str]) -> _Reply:
        # GET where it fits: proxies that map verbs to RBAC (OpenShift's Thanos querier) ask for
        # "create" on a POST, and an account that may only "get" would be refused. Longer queries
        # would break on the usual 4 to 8 KiB bound of a request line.
        promql = params["query"]
        promql.encode()  # a lone surrogate raises here; the URL library would leave it out unsaid
        in_url = len(promql) <= GET_LIMIT
        async with self._session.request(
            "GET" if in_url else "POST",
            self._url / path,
            params=params if in_url else None,
            data=None if in_url else params,
            headers=self._headers(),
            ssl=self._tls.context(),
            # A redirect is a login page or a wrong URL; following it would carry the token along.
            allow_redirects=False,
        ) as response:
            return response.status, response.headers, await self._body(response)

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        limit = self._settings.max_body_bytes
        try:
            return await bounded_body(response, limit)
        except BodyTooLarge:
            raise PrometheusMalformed(
                self.shown_url,
                f"the answer is larger than {limit} bytes; narrow the queries with matchers",
            ) from None

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", **self._settings.headers}
        if self._basic is not None:
            headers["Authorization"] = self._basic
        file = self._settings.bearer_token_file
        if file is not None:
            try:
                token = file.read_text(encoding="ascii").strip()
            except (OSError, UnicodeError) as problem:
                why = getattr(problem, "strerror", None) or type(problem).__name__
                raise PrometheusCredentialsUnreadable(
                    self.shown_url, BEARER_SETTING, str(file), why
                ) from None
            if not token:
                raise PrometheusCredentialsUnreadable(
                    self.shown_url, BEARER_SETTING, str(file), "it is empty"
                )
            headers["Authorization"] = f"Bearer {token}"
        return headers


@asynccontextmanager
async def open_client(settings: ClientSettings) -> AsyncIterator[PrometheusClient]:
    """A client with a session of its own, closed on exit.

    Raises ValueError for a bad URL, PrometheusCredentialsUnreadable for an unusable file of TLS:
    later such a file is one query's trouble, but what never worked is said at the start.
    """
    connector = aiohttp.TCPConnector(limit=16)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),  # bounded per query, by settings.timeout_s
    ) as session:
        client = PrometheusClient(settings, session)
        client.check_files()
        yield client


_NAME_IT = (
    "set prometheus.url to a name that the cluster's DNS knows, such as"
    " http://SERVICE.NAMESPACE:9090, or see why its DNS does not answer"
)
_MISSHAPEN = (AttributeError, KeyError, TypeError, ValueError, OverflowError)


class _ShapeError(ValueError):
    """The answer is JSON, but not what /api/v1/query returns."""


def _shown(url: URL) -> str:
    return str(url.with_user(None).with_query(None).with_fragment(None)).rstrip("/")


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def _said(problem: BaseException) -> str:
    # aiohttp quotes the request's URL in some messages; its userinfo was taken out beforehand.
    text = re.sub(r"\s+", " ", str(problem)).strip()
    return text[:300] or type(problem).__name__


def _json_or_none(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _answer_of(payload: Any) -> Answer:
    if not isinstance(payload, dict):
        raise _ShapeError("the answer is not a JSON object; is this a Prometheus API?")
    data = payload.get("data")
    if payload.get("status") != "success" or not isinstance(data, dict):
        raise _ShapeError("the answer has no status and data")
    kind, result = data.get("resultType"), data.get("result")
    if kind == "scalar":
        rows: Any = [{"metric": {}, "value": result}]
    elif kind == "vector":
        rows = result
    else:
        raise _ShapeError(f"the result is a {kind}, not an instant vector or a scalar")
    if not isinstance(rows, list):
        raise _ShapeError("the result is not a list")
    samples = [_sample_of(row) for row in rows]
    finite = tuple(s for s in samples if math.isfinite(s.value))
    if len(finite) == len(samples):
        return Answer(finite)
    return Answer(finite, tuple(s for s in samples if not math.isfinite(s.value)))


def _series_of(payload: Any) -> tuple[Series, ...]:
    if not isinstance(payload, dict):
        raise _ShapeError("the answer is not a JSON object; is this a Prometheus API?")
    data = payload.get("data")
    if payload.get("status") != "success" or not isinstance(data, dict):
        raise _ShapeError("the answer has no status and data")
    if data.get("resultType") != "matrix" or not isinstance(data.get("result"), list):
        raise _ShapeError(f"the result is a {data.get('resultType')}, not a range of samples")
    try:
        return tuple(
            Series(
                {str(k): str(v) for k, v in row["metric"].items()},
                tuple(
                    (_time_s(at_s), float(str(text)))
                    for at_s, text in row["values"]
                    if math.isfinite(float(str(text)))
                ),
            )
            for row in data["result"]
        )
    except _MISSHAPEN as problem:
        raise _ShapeError(f"a series has a wrong shape ({type(problem).__name__})") from None


def _time_s(value: Any) -> float:
    """Epoch seconds. JSON as Python reads it has NaN, and whole numbers of any length: no time."""
    at_s = float(value)
    if not math.isfinite(at_s):
        raise ValueError(value)
    return at_s


def _sample_of(row: Any) -> Sample:
    try:
        labels, (at_s, text) = row["metric"], row["value"]
        for label in labels.values():  # the names are strings in any JSON
            if type(label) is not str:
                raise _ShapeError("a label is not a string")
        # Prometheus writes values as strings; a JSON number here means a proxy rewrote them.
        return Sample(labels, float(str(text)), _time_s(at_s))
    except _MISSHAPEN as problem:
        raise _ShapeError(f"a sample has a wrong shape ({type(problem).__name__})") from None
