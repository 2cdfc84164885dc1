"""Sends requests at their times, whatever became of those before them, on kept connections.

A connection takes one request at a time; a request that finds none free opens another. So a slow
server never delays a request (coordinated omission), and a quick one costs no connection each.
Straight on asyncio's protocols: an HTTP client takes several times the CPU a request, of a machine
that often also serves.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import ssl
from collections.abc import Callable
from dataclasses import dataclass

_HEAD_END = b"\r\n\r\n"
_TOLD_BYTES = 400

Done = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens; `tls` for https."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None


class Connections:
    """All connections to one server. `close` ends them."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._free: list[_Connection] = []
        self._all: set[_Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        _raise_file_limit()

    def send(self, request: bytes, done: Done) -> None:
        """Sends now; `done` is called once, with what went wrong or, if nothing did, with ""."""
        while self._free:
            connection = self._free.pop()
            if connection.is_open:
                connection.ask(request, done)
                return
        task = asyncio.get_running_loop().create_task(self._open(request, done))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def give_up(self, why: str) -> None:
        """Ends what is in flight, with that word to whoever waits for it."""
        for task in tuple(self._opening):
            task.cancel(why)
        for connection in tuple(self._all):
            connection.give_up(why)
        self._free.clear()

    def close(self) -> None:
        """Ends all connections."""
        self.give_up("given up")

    async def _open(self, request: bytes, done: Done) -> None:
        loop, where = asyncio.get_running_loop(), self._address
        try:
            _, connection = await loop.create_connection(
                lambda: _Connection(self), where.host, where.port, ssl=where.tls
            )
        except OSError as error:
            done(str(error))
        except asyncio.CancelledError as error:
            done(str(error))
            raise
        else:
            connection.ask(request, done)

    def opened(self, connection: _Connection) -> None:
        """It lives from now on."""
        self._all.add(connection)

    def freed(self, connection: _Connection) -> None:
        """It may take the next request."""
        self._free.append(connection)

    def lost(self, connection: _Connection) -> None:
        """It is gone."""
        self._all.discard(connection)


class _Connection(asyncio.Protocol):
    """One request after the other."""

    def __init__(self, pool: Connections) -> None:
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._done: Done | None = None
        self._request = b""
        self._answered = 0
        self._answer = bytearray()
        self._whole: int | None = None

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def ask(self, request: bytes, done: Done) -> None:
        assert self._transport is not None
        self._request, self._done = request, done
        self._transport.write(request)

    def give_up(self, why: str) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._finish(why)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._pool.opened(self)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if self._whole is None:
            end = self._answer.find(_HEAD_END)
            if end < 0:
                return
            length = content_length(bytes(self._answer[:end]))
            if length is None:
                self.give_up("the answer has no Content-Length")
                return
            self._whole = end + len(_HEAD_END) + length
        if len(self._answer) >= self._whole:
            self._complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.lost(self)
        done = self._done
        if done is not None and self._answered and not self._answer:
            # The server closed a connection that had been idle: nobody saw the request.
            self._done = None
            self._pool.send(self._request, done)
        else:
            self._finish(f"the connection was lost: {exc}" if exc else "closed without an answer")

    def _complete(self) -> None:
        error = told(bytes(self._answer))
        keeps = b"connection: close" not in bytes(self._answer[:2000]).lower()
        self._answered += 1
        self._answer.clear()
        self._whole = None
        if keeps:
            self._pool.freed(self)
        elif self._transport is not None:
            self._transport.close()
        self._finish(error)

    def _finish(self, error: str) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(error)


def content_length(head: bytes) -> int | None:
    """Bytes of the body that an answer's head tells; None where it does not."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            with contextlib.suppress(ValueError):
                return int(value)
    return None


def told(answer: bytes) -> str:
    """ "" of a good answer; else its status and what the server said."""
    head, _, body = answer.partition(_HEAD_END)
    status = head.split(b"\r\n", 1)[0].split(b" ", 2)[1:2]
    if status == [b"200"]:
        return ""
    said = body[:_TOLD_BYTES].decode(errors="replace").strip()
    return f"status {b''.join(status).decode(errors='replace')}: {said}"


def _raise_file_limit() -> None:
    """A saturated server holds a connection for each request that waits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
