"""What Triton says over HTTP, beside inference: who it is, what it serves, what it has counted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import aiohttp

from trimtab.profile.counters import Counters, read_counters
from trimtab.profile.errors import ProfileError
from trimtab.profile.request import model_path

_TIMEOUT = aiohttp.ClientTimeout(total=10)
_NEEDED = ("statistics", "model_configuration")


class Triton:
    """A server at a URL. Every method raises ProfileError in words for the user."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url.rstrip("/")

    async def check(self) -> str:
        """Its name and version; refuses what is no Triton, or lacks an extension."""
        status, said = await self._ask("GET", "/v2")
        extensions = said.get("extensions") if isinstance(said, Mapping) else None
        if status != 200 or not isinstance(said, Mapping) or extensions is None:
            raise ProfileError(
                f"{self._url} answers, but not as Triton does (GET /v2: status {status}): give its "
                "HTTP port, 8000 by default, and not that of gRPC or of the metrics"
            )
        for needed in _NEEDED:
            if needed not in extensions:
                raise ProfileError(
                    f"the server at {self._url} has no extension {needed!r}: it has "
                    f"{', '.join(map(str, extensions))}. Batch times come from Triton's own "
                    "statistics; a build with TRITON_ENABLE_STATS=ON has them"
                )
        return f"{said.get('name', 'server')} {said.get('version', '')}".strip()

    async def version(self, name: str, asked: str | None) -> str:
        """The version that answers: the one asked for, or the highest; it is ready."""
        status, _ = await self._ask("GET", f"{model_path(name, asked)}/ready")
        if status != 200:
            raise ProfileError(await self._why_not(name, asked))
        _, said = await self._ask("GET", model_path(name, asked))
        versions = said.get("versions") if isinstance(said, Mapping) else None
        return asked or max(map(str, versions or ["1"]), key=_number)

    async def config(self, name: str, version: str) -> Mapping[str, Any]:
        """The model's configuration, with what Triton completed in it."""
        return await self._mapping(f"{model_path(name, version)}/config")

    async def counters(self, name: str, version: str) -> Counters:
        """The statistics of one version."""
        said = await self._mapping(f"{model_path(name, version)}/stats")
        entries = said.get("model_stats") or [{}]
        return read_counters(entries[0])

    async def items_of_others(self, name: str, version: str) -> dict[str, int]:
        """Inferences of everything else on this server, by model and version."""
        said = await self._mapping("/v2/models/stats")
        found = {
            f"{entry.get('name')} version {entry.get('version')}": read_counters(entry).items
            for entry in said.get("model_stats") or ()
        }
        found.pop(f"{name} version {version}", None)
        return found

    async def _why_not(self, name: str, version: str | None) -> str:
        status, said = await self._ask("POST", "/v2/repository/index")
        listed = [e for e in said if isinstance(e, Mapping)] if isinstance(said, list) else []
        of_model = [e for e in listed if e.get("name") == name]
        if status == 200 and not of_model:
            names = ", ".join(sorted({str(e.get("name")) for e in listed})) or "none"
            return f"{self._url} has no model {name!r}; it has: {names}"
        for entry in of_model:
            if version is None or str(entry.get("version")) == version:
                state, reason = entry.get("state", "UNAVAILABLE"), entry.get("reason", "")
                told = f"{state}: {reason}".rstrip(": ")
                return f"model {name!r} is not ready ({told}): load it, or wait until it is"
        if of_model and version is not None:
            versions = ", ".join(sorted(str(e.get("version")) for e in of_model))
            return f"model {name!r} has no version {version!r}; it has: {versions}"
        return f"model {name!r} is not ready at {self._url}: is that its name, and is it loaded?"

    async def _mapping(self, path: str) -> Mapping[str, Any]:
        status, said = await self._ask("GET", path)
        if status != 200 or not isinstance(said, Mapping):
            raise ProfileError(f"{self._url}{path} answers status {status}: {said}")
        return said

    async def _ask(self, method: str, path: str) -> tuple[int, Any]:
        """Status, and the body: parsed where it is JSON."""
        url = f"{self._url}{path}"
        try:
            async with self._session.request(method, url, timeout=_TIMEOUT) as response:
                text = await response.text(errors="replace")
                status = response.status
        except (TimeoutError, aiohttp.ClientError, ValueError) as error:
            why = str(error) or type(error).__name__
            raise ProfileError(
                f"no server answers at {self._url} ({why}): is Triton running there, and is this "
                "its HTTP port, 8000 by default?"
            ) from error
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text[:200]


def _number(version: str) -> int:
    return int(version) if version.isdigit() else -1
