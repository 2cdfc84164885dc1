"""Asks one Triton pod the items of a sample: one request after the other, and with pauses."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import aiohttp

from trimtab.core.snapshot import NoAnswer
from trimtab.observe.body import BodyTooLarge, bounded_body
from trimtab.observe.pod_session import pod_session
from trimtab.observe.sample import NotComparable, Questions

TIMEOUT_S = 10.0
"""For one item. A pod that takes longer is overloaded, and is left alone."""
DEADLINE_S = 1200.0
"""For all of them."""
CONCURRENCY = 8
"""Requests in flight over all models: the largest part of the operator's that this may take."""
_MAX_BODY = 4 * 1024 * 1024
_SAID = 200


class Unanswered(Exception):  # noqa: N818 - it names what happened
    """The pod could not be asked; `why` is for the condition."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.why = NoAnswer(reason, message)


class Asker:
    """Asks pods. One that is slow or dead takes one place, for no longer than `timeout_s`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        timeout_s: float = TIMEOUT_S,
        deadline_s: float = DEADLINE_S,
        concurrency: int = CONCURRENCY,
    ) -> None:
        self._session = session
        self._timeout_s = timeout_s
        self._deadline_s = deadline_s
        self._places = asyncio.Semaphore(concurrency)

    async def agreed(self, address: str, model: str, asked: Questions, *, share: float) -> int:
        """On how many items that pod agrees with the reference; raises Unanswered.

        `address`: host and port. `share`: of the time that it may be kept busy by this, above 0.
        """
        url = f"http://{address}/v2/models/{quote(model, safe='')}/infer"
        agreed = 0
        try:
            async with asyncio.timeout(self._deadline_s):
                for item, body in enumerate(asked.bodies):
                    async with self._places:
                        started = time.monotonic()
                        answer = await self._answer(url, body)
                    agreed += asked.agrees(item, answer)
                    await asyncio.sleep((time.monotonic() - started) * (1.0 / share - 1.0))
        except NotComparable as problem:
            text = f"{problem}: make the sample anew from the model that is served"
            raise Unanswered("SampleDoesNotFit", text) from None
        except TimeoutError:
            text = f"the sample took longer than {self._deadline_s:g} s: keep fewer items in it"
            raise Unanswered("SampleTooSlow", text) from None
        return agreed

    async def _answer(self, url: str, body: bytes) -> Any:
        try:
            async with asyncio.timeout(self._timeout_s):
                status, text = await self._post(url, body)
        except TimeoutError:
            raise Unanswered(
                "PodUnreachable",
                f"{url} did not answer within {self._timeout_s:g} s; where a NetworkPolicy stands"
                " between, let trimtab in",
            ) from None
        except (aiohttp.ClientError, OSError) as problem:
            said = " ".join(str(problem).split())[:_SAID] or type(problem).__name__
            raise Unanswered("PodUnreachable", f"{url} cannot be reached: {said}") from None
        if status == 200:
            return _read(text)
        said = " ".join(text.decode("utf-8", "replace").split())[:_SAID]
        if 400 <= status < 500 and status != 429:
            raise Unanswered(
                "SampleDoesNotFit",
                f"Triton refuses an item ({status}: {said}): see that its inputs are the model's",
            )
        raise Unanswered("PodBusy", f"Triton answered {status}: {said}")

    async def _post(self, url: str, body: bytes) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"}
        async with self._session.post(
            url, data=body, headers=headers, allow_redirects=False
        ) as response:
            try:
                return response.status, await bounded_body(response, _MAX_BODY)
            except BodyTooLarge:
                raise Unanswered(
                    "SampleDoesNotFit",
                    f"an answer is larger than {_MAX_BODY} bytes: compare a smaller output",
                ) from None


@asynccontextmanager
async def open_asker() -> AsyncIterator[Asker]:
    """An Asker with a session of its own, closed on exit."""
    async with pod_session(CONCURRENCY) as session:
        yield Asker(session)


def _read(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise NotComparable("the answer is no JSON") from None
