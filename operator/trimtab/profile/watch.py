"""Sends loads and sees that what the server counted is what was sent: no more, and no less."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from trimtab.profile.counters import Counters
from trimtab.profile.errors import ProfileError
from trimtab.profile.live import Due, Server
from trimtab.profile.play import Played

IDLE_S = 1.0
# Triton counts a request when it lets go of it, a moment after its answer.
_SETTLE_S, _SETTLE_TRIES = 0.02, 50
TIMEOUT_S = 30.0
_MEND = "Take the traffic away, or say --force and get figures of both together."


class Taken(NamedTuple):
    """A load that was played, and what the server counted of it."""

    played: Played
    grown: Counters


class Watch:
    """Over one model of one server. `force`: other traffic is let pass, and told by `is_shared`."""

    def __init__(self, server: Server, *, force: bool = False) -> None:
        self._server = server
        self._force = force
        self._others: Mapping[str, int] = {}
        self._owed = 0
        self.is_shared = False

    async def begin(self) -> None:
        """Looks on for a second without sending; ProfileError where something is served."""
        before = await self._server.counters()
        self._others = await self._server.items_of_others()
        await self._server.pause(IDLE_S)
        grown = (await self._server.counters()).since(before)
        if grown.items:
            self._shared(
                f"the server executed {grown.items} inferences of this model within "
                f"{IDLE_S:g} s in which none was sent"
            )
        await self.look_around()

    async def play(self, due: Sequence[Due], timeout_s: float = TIMEOUT_S) -> Taken:
        """Plays it, and compares the counts; what has no answer by `timeout_s` after the last was
        sent has failed. ProfileError where they differ."""
        before = await self._server.counters()
        played = await self._server.play(due, timeout_s)
        grown = await self._settled(before, played)
        self._check(played, grown)
        return Taken(played, grown)

    async def look_around(self) -> None:
        """Whether other models of the server were busy since last asked."""
        now = await self._server.items_of_others()
        busy = {m: n - self._others.get(m, 0) for m, n in now.items()}
        self._others = now
        told = ", ".join(f"{model} ({n})" for model, n in busy.items() if n > 0)
        if told:
            self._shared(f"the server executes inferences of other models meanwhile: {told}")

    async def _settled(self, before: Counters, played: Played) -> Counters:
        good = played.items_answered
        for _ in range(_SETTLE_TRIES):
            grown = (await self._server.counters()).since(before)
            if grown.items >= good:
                break
            await self._server.pause(_SETTLE_S)
        return grown

    def _check(self, played: Played, grown: Counters) -> None:
        if grown.cached:
            raise ProfileError(
                f"{grown.cached} answers came from Triton's response cache, which tells nothing of "
                "the model: start Triton without --cache-config"
            )
        # What was sent and given up may still be executed.
        if grown.items > played.items + self._owed:
            self._shared(
                f"the server executed {grown.items} inferences while {played.items} were sent"
            )
        self._owed = max(
            0, self._owed + played.items_given_up - max(0, grown.items - played.items_answered)
        )
        if grown.items < played.items_answered:
            raise ProfileError(
                f"{played.items_answered} inferences were answered and the statistics tell of "
                f"{grown.items}: did it restart, or does the address lead to several servers? "
                "Profile one, such as a pod by kubectl port-forward"
            )

    def _shared(self, what: str) -> None:
        self.is_shared = True
        if not self._force:
            raise ProfileError(f"other traffic: {what}. {_MEND}")


def check_answers(played: Played) -> None:
    """ProfileError with what the server said where any request failed."""
    if played.errors:
        raise ProfileError(
            f"the model answers errors, {len(played.errors)} of {len(played.answers)} requests: "
            f"{played.errors[0] or 'no answer'}"
        )
