"""The server that is profiled, as the measurements see it; and the real one behind that."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from trimtab.profile.connections import Address, Connections
from trimtab.profile.counters import Counters
from trimtab.profile.errors import ProfileError
from trimtab.profile.model import Model
from trimtab.profile.play import Played, Send, play
from trimtab.profile.request import inference_request
from trimtab.profile.tensor import Tensor
from trimtab.profile.triton import Triton


class Due(NamedTuple):
    """A request that leaves at so many seconds, with so many items."""

    at_s: float
    items: int = 1


class Server(Protocol):
    """What a measurement needs of a server."""

    async def counters(self) -> Counters:
        """What the model has counted."""
        ...

    async def items_of_others(self) -> Mapping[str, int]:
        """Inferences of the server's other models."""
        ...

    async def play(self, due: Sequence[Due], timeout_s: float) -> Played:
        """Sends all at their times and waits for the answers."""
        ...

    async def pause(self, seconds: float) -> None:
        """Lets so much time go by."""
        ...


class LiveServer:
    """A real one."""

    def __init__(self, triton: Triton, url: str, model: Model, tensors: Sequence[Tensor]) -> None:
        self._triton = triton
        self._url = url
        self._model = model
        self._tensors = tensors
        self._requests: dict[int, bytes] = {}
        self._connections = Connections(address(url))

    async def counters(self) -> Counters:
        return await self._triton.counters(self._model.name, self._model.version)

    async def items_of_others(self) -> Mapping[str, int]:
        return await self._triton.items_of_others(self._model.name, self._model.version)

    async def play(self, due: Sequence[Due], timeout_s: float) -> Played:
        # Before the first leaves: a large batch takes a while to put together.
        sends = [Send(each.at_s, self._request(each.items), each.items) for each in due]
        return await play(self._connections, sends, timeout_s)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def close(self) -> None:
        """Ends the connections."""
        self._connections.close()

    def _request(self, items: int) -> bytes:
        if items not in self._requests:
            self._requests[items] = inference_request(self._url, self._model, self._tensors, items)
        return self._requests[items]


def address(url: str) -> Address:
    """Of `http://HOST:PORT` or https; ProfileError of anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ProfileError(f"--url: {url!r} is no address: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ProfileError(f"--url: {url!r} is not of the form http://HOST:8000")
    is_tls = parts.scheme == "https"
    tls = ssl.create_default_context() if is_tls else None
    return Address(parts.hostname, port or (443 if is_tls else 80), tls)
