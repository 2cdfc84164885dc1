"""Whoever reaches Triton may ask it for an inference, and for nothing that changes it."""

from __future__ import annotations

import json

import pytest

from e2e.kit.served import Stage
from e2e.security.scene import CANARY, SAMPLE, ask, tensor


@pytest.mark.parametrize(
    "path",
    [
        "v2/repository/index",
        "v2/repository/models/digits/load",
        "v2/repository/models/digits/unload",
        "v2/logging",
        "v2/trace/setting",
        "v2/systemsharedmemory/region/r/register",
        "v2/cudasharedmemory/region/r/register",
    ],
)
def test_whoever_may_ask_triton_may_not_change_it(secured: Stage, path: str) -> None:
    status, said = ask(f"{secured.way_in()}/{path}", b"{}")
    assert status == 403, said
    assert "restricted" in said


def test_it_answers_all_the_same(secured: Stage) -> None:
    image = json.loads(SAMPLE.read_text())["inputs"][0]["data"][:64]
    body = {"inputs": [tensor(image)], "id": f"{CANARY}-id", "parameters": {"p": f"{CANARY}-p"}}
    status, said = ask(f"{secured.way_in()}/v2/models/digits/infer", json.dumps(body).encode())
    assert status == 200, said
    assert f"{CANARY}-id" in said
