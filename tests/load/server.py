"""A small inference server on this machine, in a thread of its own, whose pace a test sets."""

from __future__ import annotations

import asyncio
import json
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


def answer_parts(
    values: Sequence[float], *, name: str = "logits", binary: bool = True
) -> tuple[bytes, bytes]:
    """Lower-case headers and body of a KServe v2 answer with one FP32 output."""
    output: dict[str, object] = {"name": name, "datatype": "FP32", "shape": [1, len(values)]}
    if not binary:
        body = json.dumps({"outputs": [{**output, "data": list(values)}]}).encode()
        return f"content-length: {len(body)}".encode(), body
    tensor = struct.pack(f"<{len(values)}f", *values)
    output["parameters"] = {"binary_data_size": len(tensor)}
    header = json.dumps({"outputs": [output]}).encode()
    headers = (
        f"inference-header-content-length: {len(header)}\r\n"
        f"content-length: {len(header) + len(tensor)}"
    )
    return headers.encode(), header + tensor


GOOD = b"HTTP/1.1 200 OK\r\n" + b"\r\n\r\n".join(answer_parts([0.0, 1.0]))


class Stall:
    """Blocks whoever calls `sleep`, and remembers from when to when (epoch seconds)."""

    begin_s = end_s = 0.0

    def sleep(self, for_s: float) -> None:
        self.begin_s = time.time()
        time.sleep(for_s)
        self.end_s = time.time()


class Server:
    """Answers every request with `answer`; None means never. An empty answer closes at once."""

    def __init__(self) -> None:
        self.answer: bytes | None = GOOD
        self.connections = 0
        self.stalled = Stall()
        self.port = 0
        self.open: set[asyncio.BaseTransport] = set()
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event

    def stall(self, after_s: float, for_s: float) -> None:
        """Freeze the whole server, as a long garbage collection or a CPU quota does."""
        self._loop.call_soon_threadsafe(self._loop.call_later, after_s, self.stalled.sleep, for_s)

    async def _listen(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await self._loop.create_server(
            lambda: _Connection(self), "127.0.0.1", 0, backlog=512
        )
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stop.wait()
        # A connection accepted a moment ago is made in some turns of the loop, fails in them if the
        # server closes meanwhile, and once closed needs one more; what is open in the end warns.
        await _turns()
        server.close()
        for transport in tuple(self.open):
            transport.close()
        await _turns()

    @contextmanager
    def running(self) -> Iterator[Server]:
        ready = threading.Event()
        thread = threading.Thread(target=lambda: asyncio.run(self._listen(ready)))
        thread.start()
        ready.wait()
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._stop.set)
            thread.join()


class _Connection(asyncio.Protocol):
    def __init__(self, server: Server) -> None:
        self._server = server
        self._asked = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.connections += 1
        self._server.open.add(transport)

    def data_received(self, data: bytes) -> None:
        self._asked += data
        answer = self._server.answer
        if b"\r\n\r\n" in self._asked and answer is not None:
            # In two pieces: an answer need not come in one.
            self._transport.write(answer[:20])
            self._transport.write(answer[20:])
            self._transport.close()

    def connection_lost(self, problem: Exception | None) -> None:
        self._server.open.discard(self._transport)


async def _turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)
