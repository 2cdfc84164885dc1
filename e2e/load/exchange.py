"""One HTTP request on a TCP connection of its own, as cheaply as Python can.

Straight on the event loop's readiness callbacks: neither streams nor an HTTP client, because those
cost several times the CPU a request (CONTRIBUTING.md has the numbers), and the load generator
shares the machine with the servers that it measures.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
from collections.abc import Callable

from e2e.load.payload import Call, header_value

# Closing with a reset leaves no TIME_WAIT behind: at some 470 requests/s a minute of those would
# use up every local port. The answer is complete by then, so nothing is cut off.
_LINGER = struct.pack("ii", 1, 0)
_CHUNK = 65536
_RETRY_AFTER_S = 0.025

Done = Callable[["Exchange", int, str, bool | None], None]


class Exchange:
    """connect -> send -> receive; then `done(self, status, error, correct)`, exactly once."""

    __slots__ = (
        "_address",
        "_answer",
        "_began_s",
        "_call",
        "_connect_s",
        "_done",
        "_loop",
        "_pending",
        "_retries_left",
        "_socket",
        "_timer",
        "_total_s",
        "lag_s",
        "retries",
        "scheduled_s",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        call: Call,
        done: Done,
        *,
        scheduled_s: float,
        lag_s: float,
    ) -> None:
        self._loop = loop
        self._call = call
        self._done = done
        self._answer = b""
        self._pending = call.request
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._began_s = self._connect_s = self._total_s = 0.0
        self._retries_left = self.retries = 0
        self.scheduled_s = scheduled_s
        self.lag_s = lag_s

    def start(
        self,
        family: int,
        address: tuple[str, int],
        connect_s: float,
        total_s: float,
        connect_retries: int = 0,
    ) -> None:
        """Begin to connect. Failing at once (no local port, no descriptor) counts as any other.

        A refused connection is tried again up to `connect_retries` times: nothing was sent on it,
        so nothing can happen twice, and every gateway and most clients do so.
        """
        self._address, self._connect_s, self._total_s = (family, address), connect_s, total_s
        self._retries_left = connect_retries
        self._began_s = self._loop.time()
        self._connect()

    def _connect(self) -> None:
        self._timer = None
        family, address = self._address
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            self._finish(0, _name(error.errno))
            return
        self._socket = sock
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        code = sock.connect_ex(address)
        if code not in (0, errno.EINPROGRESS):
            self._refused(code)
            return
        self._timer = self._loop.call_later(self._connect_s, self._finish, 0, "connect timeout")
        self._loop.add_writer(sock, self._connected)

    def abort(self, error: str) -> None:
        self._finish(0, error)

    def _connected(self) -> None:
        """The socket became writable: connected, or refused."""
        sock = self._socket
        assert sock is not None
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._refused(code)
            return
        try:
            sent = sock.send(self._pending)
        except BlockingIOError:
            return
        except OSError as error:
            self._finish(0, _name(error.errno))
            return
        if self._pending is self._call.request:
            assert self._timer is not None
            self._timer.cancel()
            ends_s = self._began_s + self._total_s
            self._timer = self._loop.call_at(ends_s, self._finish, 0, "timeout")
        self._pending = self._pending[sent:]
        if not self._pending:
            self._loop.remove_writer(sock)
            self._loop.add_reader(sock, self._readable)

    def _refused(self, code: int) -> None:
        """No connection came about: try again where that is wanted and may help."""
        if code != errno.ECONNREFUSED or not self._retries_left:
            self._finish(0, _name(code))
            return
        self._retries_left -= 1
        self.retries += 1
        self._let_go()
        self._timer = self._loop.call_later(_RETRY_AFTER_S, self._connect)

    def _readable(self) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._finish(0, _name(error.errno))
            return
        self._answer += data
        head, blank, body = self._answer.partition(b"\r\n\r\n")
        if not blank:
            if not data:
                self._finish(0, "closed early" if self._answer else "closed without answer")
            return
        first, _, headers = head.lower().partition(b"\r\n")
        length = header_value(headers, b"content-length")
        try:
            status, whole = int(first.split(None, 2)[1]), int(length or 0)
        except (IndexError, ValueError):
            self._finish(0, "answer is not HTTP")
            return
        if length is None:
            # Chunked, or until the end of the connection: inference answers are neither.
            self._finish(status, "answer without Content-Length")
        elif len(body) >= whole:
            self._finish(status, *self._call.check(status, headers, body[:whole]))
        elif not data:
            self._finish(status, "closed early")

    def _finish(self, status: int, error: str, correct: bool | None = None) -> None:
        self._let_go()
        self._done(self, status, error, correct)

    def _let_go(self) -> None:
        """Of timer and socket."""
        if self._timer is not None:
            self._timer.cancel()
        if self._socket is not None:
            self._loop.remove_writer(self._socket)
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None


def _name(code: int | None) -> str:
    """`connection refused` and the like: the system's words are the same wherever we run."""
    return os.strerror(code or 0).lower()
