"""The body of an HTTP answer, up to a bound."""

from __future__ import annotations

import aiohttp


class BodyTooLarge(Exception):  # noqa: N818 - it names what is wrong with the answer
    """The answer is longer than was asked for."""


async def bounded_body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """All of it; raises BodyTooLarge, and closes the connection, where it has more than `limit`
    bytes.

    Bounded after unpacking: 10 kB of gzip can become 10 MB and end the operator's pod.
    """
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > limit:
            response.close()
            raise BodyTooLarge
        parts.append(part)
    return b"".join(parts)
