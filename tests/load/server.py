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
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event

    def stall(self, after_s: float, for_s: float) -> None:
        """Freeze the whole server, as a long garbage collection or a CPU quota does."""
        self._loop.call_soon_threadsafe(self._loop.call_later, after_s, self.stalled.sleep, for_s)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await reader.readuntil(b"\r\n\r\n")
            if self.answer is None:
                await reader.read(-1)
            else:
                # In two pieces: an answer need not come in one.
                writer.write(self.answer[:20])
                await writer.drain()
                writer.write(self.answer[20:])
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _listen(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stop.wait()
        server.close()
        # Connections that were accepted a moment ago get their task, then all tasks end, then their
        # transports close: each takes a turn of the loop, and an unclosed one warns.
        await asyncio.sleep(0.02)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.01)

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
