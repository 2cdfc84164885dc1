"""The sample of a model, read from its ConfigMap."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Protocol

from trimtab.actuate import kinds
from trimtab.actuate.client_errors import ApiError
from trimtab.api.resources import OutputCheck, RawObject
from trimtab.api.sample import UnreadableSample
from trimtab.core.snapshot import NoAnswer
from trimtab.observe.sample import Questions, questions

_MAKE = "make it with kubectl create configmap NAME --from-file=sample.json"


class Kube(Protocol):
    """What is asked of the API server."""

    async def find(
        self, kind: kinds.Kind, name: str, namespace: str | None = None
    ) -> RawObject | None:
        """The live object, None where there is none."""


@dataclass(frozen=True, slots=True)
class ReadSample:
    """The sample as last read, at `at_s`. `asked`: None where there is none that can be asked;
    `trouble` then says why."""

    place: tuple[str, str]
    at_s: float
    text: str = ""
    asked: Questions | None = None
    trouble: NoAnswer | None = None

    def is_of(self, check: OutputCheck) -> bool:
        """Whether this is where the check has it."""
        return self.place == (check.config_map, check.key)


async def read_sample(
    kube: Kube, namespace: str, check: OutputCheck, before: ReadSample | None, now_s: float
) -> ReadSample:
    """Reads it anew; what was read before stays where the API server does not answer."""
    name = f"{namespace}/{check.config_map}"
    blank = ReadSample((check.config_map, check.key), now_s)
    try:
        found = await kube.find(kinds.CONFIG_MAP, check.config_map, namespace)
    except ApiError as error:
        trouble = NoAnswer("SampleUnreadable", f"ConfigMap {name} cannot be read: {error}")
        return replace(before or blank, at_s=now_s, trouble=trouble)
    if found is None:
        return replace(
            blank, trouble=NoAnswer("SampleMissing", f"there is no ConfigMap {name}: {_MAKE}.")
        )
    text: str | None = (found.get("data") or {}).get(check.key)
    if text is None:
        why = f"ConfigMap {name} has no key {check.key!r}: {_MAKE}."
        return replace(blank, trouble=NoAnswer("SampleMissing", why))
    if before is not None and before.asked is not None and before.text == text:
        return replace(before, at_s=now_s, trouble=None)
    try:
        # A megabyte of JSON takes a while: not on the event loop.
        asked = await asyncio.to_thread(questions, text)
    except UnreadableSample as error:
        why = f"{check.key} of ConfigMap {name} is no sample: {error}"
        return replace(blank, trouble=NoAnswer("SampleInvalid", why))
    return replace(blank, text=text, asked=asked)
