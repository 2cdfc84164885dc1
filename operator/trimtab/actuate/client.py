"""Plain dictionaries to and from the API server, with typed errors and a time limit on all of it.

kubernetes.aio brings the connection, TLS and credentials; its typed models are left alone, since
they validate with pydantic whatever the server sends and hold several times the memory.
"""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any, Self

import aiohttp
from kubernetes.aio import config as kube_config
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import incluster_config

from trimtab.actuate.client_errors import (
    ApiError,
    Forbidden,
    Gone,
    NotFound,
    Unauthorized,
    Unavailable,
    api_error,
)
from trimtab.actuate.fence import Fence
from trimtab.actuate.kinds import EVENT, Kind, kind_of
from trimtab.actuate.silence import Silence
from trimtab.api.resources import RawObject

TIMEOUT_S = 10.0
CONCURRENCY = 8
CHUNK = 100
"""Objects that one answer of a listing holds."""
_MAX_NOTE = 1024
_APPLY = "application/apply-patch+yaml"
_READS = frozenset({"GET"})

Dict = dict[str, Any]
Login = Callable[[Configuration], Awaitable[None]]


class KubeClient:
    """The API server, as trimtab uses it. Made by `connect`, closed by `close`.

    `fence`: every request but a GET passes it, once before it waits for a connection and once right
    before its first byte is sent, and is given up when the fence closes; NotLeading where it is
    closed. Without one, all may pass. `silence`: told of every request that got no answer.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        login: Login | None = None,
        timeout_s: float = TIMEOUT_S,
        concurrency: int = CONCURRENCY,
        fence: Fence | None = None,
        silence: Silence | None = None,
    ) -> None:
        self._fence = fence
        self._silence = silence or Silence()
        if fence is not None:
            last_look = aiohttp.TraceConfig()
            last_look.on_request_headers_sent.append(self._before_sent)
            configuration.trace_configs = [last_look]
        self._configuration = configuration
        self._api = ApiClient(configuration)
        self._api.user_agent = "trimtab"
        self._login = login
        self._timeout_s = timeout_s
        self._slots = asyncio.Semaphore(concurrency)
        self._dated = ""

    @classmethod
    async def connect(
        cls, kubeconfig: str | None = None, context: str | None = None, **options: Any
    ) -> Self:
        """In the cluster where this is a pod and no kubeconfig is named, else by kubeconfig.

        `kubeconfig` None means $KUBECONFIG or the default place.
        """
        in_pod = incluster_config.SERVICE_HOST_ENV_NAME in os.environ
        if kubeconfig is None and in_pod and not os.environ.get("KUBECONFIG"):
            login: Login = _in_cluster
        else:

            async def login(configuration: Configuration) -> None:
                await kube_config.load_kube_config(
                    kubeconfig or os.environ.get("KUBECONFIG") or None,
                    context,
                    client_configuration=configuration,
                    persist_config=False,
                )

        configuration = Configuration()
        await login(configuration)
        return cls(configuration, login=login, **options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._api.close()

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Dict:
        """One object; NotFound where there is none."""
        return await self._request("GET", kind.url(name, namespace))

    async def find(self, kind: Kind, name: str, namespace: str | None = None) -> Dict | None:
        """One object, None where there is none."""
        try:
            return await self.get(kind, name, namespace)
        except NotFound:
            return None

    async def list(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        label_selector: str | None = None,
        chunk: int = CHUNK,
        keep: Callable[[Dict], Dict] = lambda item: item,
    ) -> tuple[list[Dict], str]:
        """All objects of a kind, and the resource version they are of.

        `keep`: what of each is kept, chunk by chunk: a thousand ModelDeployments in full are tens
        of megabytes.

        In chunks, so that no answer is tens of megabytes; items carry their kind, which the
        server leaves out.
        """
        items: list[Dict] = []
        token: str | None = None
        while True:
            query = {"limit": str(chunk), "labelSelector": label_selector, "continue": token}
            try:
                page = await self._request("GET", kind.url(None, namespace), query)
            except Gone:
                if token is None:
                    raise
                # The list is older than what etcd keeps: begin again, once more in chunks.
                items, token = [], None
                continue
            for item in page.get("items") or ():
                items.append(keep({**kind.named, **item}))
            meta = page.get("metadata") or {}
            token = meta.get("continue") or None
            if token is None:
                return items, meta.get("resourceVersion", "")

    async def server_side_apply(
        self,
        obj: RawObject,
        field_manager: str,
        *,
        force: bool = True,
        subresource: str | None = None,
        dry_run: bool = False,
    ) -> Dict:
        """Apply an object, or one subresource of it; returns it as it is now."""
        meta = obj["metadata"]
        url = kind_of(obj).url(meta["name"], meta.get("namespace"))
        query = {
            "fieldManager": field_manager,
            "force": "true" if force else "false",
            "dryRun": "All" if dry_run else None,
        }
        path = f"{url}/{subresource}" if subresource else url
        return await self._request("PATCH", path, query, obj, _APPLY)

    async def create(self, obj: RawObject, *, field_manager: str | None = None) -> Dict:
        """Create an object; Conflict where it exists."""
        url = kind_of(obj).url(None, obj["metadata"].get("namespace"))
        return await self._request("POST", url, {"fieldManager": field_manager}, obj)

    async def replace(self, obj: RawObject, *, field_manager: str | None = None) -> Dict:
        """Replace an object; Conflict where its resourceVersion is not the newest."""
        meta = obj["metadata"]
        url = kind_of(obj).url(meta["name"], meta.get("namespace"))
        return await self._request("PUT", url, {"fieldManager": field_manager}, obj)

    async def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str | None = None,
        *,
        uid: str | None = None,
        propagation: str = "Background",
    ) -> bool:
        """Delete an object; False where it was gone already.

        `uid` makes sure that it is the one that was looked at, and not one that a user has
        created since under its name.
        """
        body: Dict = {"propagationPolicy": propagation}
        if uid is not None:
            body["preconditions"] = {"uid": uid}
        try:
            await self._request("DELETE", kind.url(name, namespace), body=body)
        except NotFound:
            return False
        return True

    async def create_event(
        self,
        regarding: RawObject,
        *,
        type_: str,
        reason: str,
        note: str,
        action: str,
        controller: str = "trimtab.dev/operator",
        instance: str = "trimtab",
    ) -> Dict:
        """Tell, on an object, that something happened. `type_` is Normal or Warning."""
        meta = regarding["metadata"]
        namespace = meta.get("namespace")
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        event: Dict = {
            **EVENT.named,
            "metadata": {
                "name": f"{meta['name'][:200]}.{uuid.uuid4().hex[:16]}",
                # Events of cluster-scoped objects live in the namespace default.
                "namespace": namespace or "default",
            },
            "eventTime": now,
            "type": type_,
            "reason": reason,
            "action": action,
            "note": note if len(note) <= _MAX_NOTE else note[: _MAX_NOTE - 1] + "…",
            "reportingController": controller,
            "reportingInstance": instance,
            "regarding": {
                "apiVersion": regarding["apiVersion"],
                "kind": regarding["kind"],
                "name": meta["name"],
                "namespace": namespace,
                "uid": meta.get("uid"),
                "resourceVersion": meta.get("resourceVersion"),
            },
        }
        return await self.create(event)

    async def has_kind(self, kind: Kind) -> bool:
        """Whether the API server knows the kind."""
        try:
            found = await self._request("GET", kind.root)
        except NotFound:
            return False
        return any(r.get("kind") == kind.kind for r in found.get("resources") or ())

    async def openapi(self, kind: Kind) -> Dict:
        """The schemas of the kind's group and version as the API server publishes them (OpenAPI 3),
        to every authenticated user."""
        return await self._request("GET", f"/openapi/v3{kind.root}")

    async def server_time_s(self) -> float | None:
        """The API server's clock, to the second (epoch); None where its answers tell no time."""
        with suppress(Forbidden):  # which is an answer, and tells it as well
            await self._request("GET", "/version")
        try:
            return parsedate_to_datetime(self._dated).timestamp()
        except ValueError:
            return None

    async def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | None] | None = None,
        body: RawObject | None = None,
        content_type: str = "application/json",
    ) -> Dict:
        doing = f"{method} {path}"
        async with self._slots:
            try:
                return await self._once(doing, method, path, query, body, content_type)
            except Unauthorized:
                if self._login is None:
                    raise
                # A token that was rotated since, or an exec plugin's that ran out: log in anew,
                # once.
                await self._login(self._configuration)
                return await self._once(doing, method, path, query, body, content_type)

    async def _once(
        self,
        doing: str,
        method: str,
        path: str,
        query: Mapping[str, str | None] | None,
        body: RawObject | None,
        content_type: str,
    ) -> Dict:
        given = [(k, v) for k, v in (query or {}).items() if v is not None]
        timeout_s = self._timeout_s
        fence = None if method in _READS else self._fence
        try:
            with nullcontext(timeout_s) if fence is None else fence.write() as left_s:
                timeout_s = min(timeout_s, left_s)
                request = await self._api.param_serialize(
                    method,
                    path,
                    query_params=given,
                    header_params={"Accept": "application/json", "Content-Type": content_type},
                    body=body,
                    auth_settings=["BearerToken"],
                )
                response = await self._api.call_api(
                    *request, _request_timeout=aiohttp.ClientTimeout(total=timeout_s)
                )
                data: bytes = await response.read()
                self._dated = response.headers.get("Date", "")
        except TimeoutError:
            self._silence.note()
            message = f"no answer within {timeout_s:g} s"
            raise Unavailable(doing, 0, "Timeout", message) from None
        except (aiohttp.ClientError, OSError) as problem:
            self._silence.note()
            raise Unavailable(doing, 0, type(problem).__name__, str(problem)) from problem
        if 200 <= response.status < 300:
            return _decoded(doing, response.status, data)
        raise api_error(doing, response.status, response.headers.get("Retry-After"), data)

    async def _before_sent(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        request: aiohttp.TraceRequestHeadersSentParams,
    ) -> None:
        # Seconds may have gone by since the first look: a new connection waits for the server, and
        # a stopped process for whoever lets it go on. This is the last moment before the socket.
        if self._fence is not None and request.method not in _READS:
            self._fence.check()


async def _in_cluster(configuration: Configuration) -> None:
    # Re-reads the token's file once a minute by itself; the kubelet rotates it.
    loader = incluster_config.InClusterConfigLoader(
        incluster_config.SERVICE_TOKEN_FILENAME, incluster_config.SERVICE_CERT_FILENAME
    )
    loader.load_and_set(configuration)


def _decoded(doing: str, status: int, data: bytes) -> Dict:
    try:
        value = json.loads(data)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ApiError(doing, status, "NotJson", "the answer is no JSON object: is it a proxy's?")
    return value
