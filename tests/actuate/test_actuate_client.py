"""The client against a server that misbehaves as API servers do."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import certifi
import pytest
import yaml
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import incluster_config

from tests.actuate.api_server import Answer, ApiServer, status
from tests.actuate.fleet import children_of, only_deployment
from trimtab.actuate import client_errors as errors
from trimtab.actuate import kinds
from trimtab.actuate.client import KubeClient
from trimtab.actuate.silence import Silence

NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}
DEPLOYMENT = only_deployment(children_of())


async def test_apply_is_a_server_side_apply_of_ours() -> None:
    async with ApiServer(Answer(body={"kind": "Deployment"})) as server, server.client() as client:
        assert await client.server_side_apply(DEPLOYMENT, "trimtab") == {"kind": "Deployment"}
        await client.server_side_apply(
            DEPLOYMENT, "trimtab-status", force=False, subresource="status", dry_run=True
        )
    first, second = server.seen
    path = "/apis/apps/v1/namespaces/shop/deployments/classifier-fp32-l4"
    assert (first.method, first.path) == ("PATCH", path)
    assert first.query == {"fieldManager": "trimtab", "force": "true"}
    assert first.headers["Content-Type"] == "application/apply-patch+yaml"
    assert first.headers["authorization"] == "bearer one"
    assert first.headers["User-Agent"] == "trimtab"
    assert first.body == DEPLOYMENT
    assert second.path == f"{path}/status"
    assert second.query == {"fieldManager": "trimtab-status", "force": "false", "dryRun": "All"}


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (status(404, "NotFound", "no such thing"), errors.NotFound, "no such thing"),
        (status(409, "Conflict", "changed"), errors.Conflict, "changed"),
        (status(403, "Forbidden", "cannot patch"), errors.Forbidden, "cannot patch"),
        (status(422, "Invalid", "spec.replicas: must be"), errors.Invalid, "spec.replicas: must"),
        (status(400, "BadRequest", "strict decoding"), errors.Invalid, "strict decoding"),
        (status(500, "InternalError", "etcd"), errors.Unavailable, "etcd"),
        (status(504, "Timeout", "slow"), errors.Unavailable, "504 Timeout: slow"),
        (Answer(503, "<html>no</html>"), errors.Unavailable, "<html>no</html>"),
        (Answer(503, ["odd"]), errors.Unavailable, "odd"),
        (Answer(418, "tea"), errors.ApiError, "tea"),
        (Answer(200, "<html>log in</html>"), errors.ApiError, "no JSON object"),
        (Answer(200, ["x"]), errors.ApiError, "no JSON object"),
    ],
)
async def test_errors_have_a_type_and_the_servers_words(
    answer: Answer, error: type[errors.ApiError], says: str
) -> None:
    async with ApiServer(answer) as server, server.client() as client:
        with pytest.raises(error) as caught:
            await client.server_side_apply(DEPLOYMENT, "trimtab")
    assert type(caught.value) is error
    assert says in str(caught.value)
    assert "PATCH /apis/apps/v1/namespaces/shop/deployments/" in str(caught.value)


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), (None, 1.0), ("Wed, 21 Oct 2026", 1.0), ("-3", 0.0)]
)
async def test_a_throttled_request_says_for_how_long(header: str | None, seconds: float) -> None:
    answer = status(429, "TooManyRequests", "slow down")
    answer.headers = {"Retry-After": header} if header else {}
    async with ApiServer(answer) as server, server.client() as client:
        with pytest.raises(errors.Throttled, match="slow down") as caught:
            await client.get(kinds.NODE, "one")
    assert caught.value.retry_after_s == seconds
    assert isinstance(caught.value, errors.Unavailable)
    # A retry is the tick's to make: one hidden here would hold up every other model.
    assert len(server.seen) == 1


async def test_no_request_waits_for_ever() -> None:
    async with (
        ApiServer(Answer(body={}, after_s=5)) as server,
        server.client(timeout_s=0.05) as client,
    ):
        with pytest.raises(errors.Unavailable, match=r"no answer within 0\.05 s"):
            await client.get(kinds.NODE, "one")


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with ApiServer() as server:
        client = server.client()
    async with client:
        with pytest.raises(errors.Unavailable, match=r"GET /api/v1/nodes/one") as caught:
            await client.get(kinds.NODE, "one")
    assert caught.value.status == 0


async def test_a_silence_is_noted_and_an_answer_is_none() -> None:
    silence = Silence(clock=lambda: 5.0)
    async with ApiServer(status(500, "InternalError", "etcd")) as server:
        async with server.client(silence=silence) as client:
            with pytest.raises(errors.Unavailable):
                await client.get(kinds.NODE, "one")
        assert silence.age_s is None
        client = server.client(silence=silence)
    async with client:
        with pytest.raises(errors.Unavailable):
            await client.get(kinds.NODE, "one")
    assert silence.age_s == 0.0


async def test_requests_at_once_are_bounded() -> None:
    async with (
        ApiServer(Answer(body={}, after_s=0.02)) as server,
        server.client(concurrency=3) as client,
    ):
        await asyncio.gather(*(client.get(kinds.NODE, str(n)) for n in range(12)))
    assert server.most_at_once == 3


def page(names: list[str], token: str = "") -> Answer:
    items = [{"metadata": {"name": n}} for n in names]
    return Answer(body={"metadata": {"resourceVersion": "42", "continue": token}, "items": items})


async def test_lists_come_in_chunks_and_items_know_their_kind() -> None:
    async with (
        ApiServer(page(["a", "b"], "more"), page(["c"])) as server,
        server.client() as client,
    ):
        items, version = await client.list(kinds.DEPLOYMENT, "shop", label_selector="a=b", chunk=2)
    assert [i["metadata"]["name"] for i in items] == ["a", "b", "c"]
    assert {(i["apiVersion"], i["kind"]) for i in items} == {("apps/v1", "Deployment")}
    assert version == "42"
    assert [s.query for s in server.seen] == [
        {"limit": "2", "labelSelector": "a=b"},
        {"limit": "2", "labelSelector": "a=b", "continue": "more"},
    ]


async def test_a_list_that_grew_too_old_begins_again() -> None:
    gone = status(410, "Expired", "too old")
    async with (
        ApiServer(page(["a"], "more"), gone, page(["a"], "more"), page(["b"])) as server,
        server.client() as client,
    ):
        items, _ = await client.list(kinds.POD)
    assert [i["metadata"]["name"] for i in items] == ["a", "b"]
    assert [s.path for s in server.seen] == ["/api/v1/pods"] * 4


async def test_a_list_that_is_always_too_old_ends() -> None:
    async with ApiServer(status(410, "Expired", "too old")) as server, server.client() as client:
        with pytest.raises(errors.Gone):
            await client.list(kinds.POD)


async def test_delete_takes_what_was_looked_at_and_nothing_else() -> None:
    async with (
        ApiServer(Answer(body={}), status(404, "NotFound", "gone")) as server,
        server.client() as client,
    ):
        assert await client.delete(kinds.DEPLOYMENT, "a", "shop", uid="u1")
        assert not await client.delete(kinds.DEPLOYMENT, "a", "shop", uid="u1")
    assert server.seen[0].method == "DELETE"
    assert server.seen[0].body == {
        "propagationPolicy": "Background",
        "preconditions": {"uid": "u1"},
    }


async def test_find_tells_absence_from_failure() -> None:
    async with (
        ApiServer(status(404, "NotFound", "no"), status(500, "Error", "no")) as server,
        server.client() as client,
    ):
        assert await client.find(kinds.POD, "a", "shop") is None
        with pytest.raises(errors.Unavailable):
            await client.find(kinds.POD, "a", "shop")


async def test_create_and_replace_go_where_they_belong() -> None:
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "trimtab", "namespace": "system"},
    }
    async with ApiServer() as server, server.client() as client:
        await client.create(lease)
        await client.replace(lease, field_manager="trimtab")
    root = "/apis/coordination.k8s.io/v1/namespaces/system/leases"
    assert [(s.method, s.path) for s in server.seen] == [("POST", root), ("PUT", f"{root}/trimtab")]
    assert server.seen[1].query == {"fieldManager": "trimtab"}


async def test_events_are_about_their_object_and_fit() -> None:
    async with ApiServer() as server, server.client() as client:
        for regarding in (
            DEPLOYMENT,
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}},
        ):
            await client.create_event(
                regarding, type_="Normal", reason="ScaledUp", note="x" * 5000, action="Scale"
            )
    first, second = server.seen
    assert first.path == "/apis/events.k8s.io/v1/namespaces/shop/events"
    assert first.body["regarding"]["name"] == "classifier-fp32-l4"
    assert len(first.body["note"]) == 1024
    assert first.body["metadata"]["name"].startswith("classifier-fp32-l4.")
    assert second.body["metadata"]["namespace"] == "default"


async def test_kinds_are_discovered() -> None:
    known = Answer(body={"resources": [{"name": "podmonitors", "kind": "PodMonitor"}]})
    other = Answer(body={"resources": [{"name": "rules", "kind": "PrometheusRule"}]})
    async with (
        ApiServer(known, other, status(404, "NotFound", "no")) as server,
        server.client() as client,
    ):
        found = [await client.has_kind(kinds.POD_MONITOR) for _ in range(3)]
    assert found == [True, False, False]
    assert server.seen[0].path == "/apis/monitoring.coreos.com/v1"


async def test_a_token_that_is_refused_is_renewed_once() -> None:
    async def login(configuration: Configuration) -> None:
        configuration.api_key["BearerToken"] = "bearer two"

    refused = status(401, "Unauthorized", "expired")
    async with (
        ApiServer(refused, Answer(body={}), refused) as server,
        server.client(login=login) as client,
    ):
        await client.get(kinds.NODE, "one")
        with pytest.raises(errors.Unauthorized):
            await client.get(kinds.NODE, "one")
    assert [s.headers["authorization"] for s in server.seen] == [
        "bearer one",
        "bearer two",
        "bearer two",
        "bearer two",
    ]


async def test_a_kubeconfig_leads_to_the_server(tmp_path: Path) -> None:
    async with ApiServer(Answer(body={"kind": "Node"})) as server:
        path = tmp_path / "config"
        path.write_text(yaml.safe_dump(_kubeconfig(server.url)))
        async with await KubeClient.connect(str(path)) as client:
            assert await client.get(kinds.NODE, "one") == {"kind": "Node"}
    assert server.seen[0].headers["authorization"] == "Bearer secret"


def _kubeconfig(url: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
    }


async def test_in_a_pod_a_rotated_token_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, ca = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("first")
    shutil.copy(certifi.where(), ca)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(ca))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    async with await KubeClient.connect() as client:
        configuration = client._configuration
        assert configuration.host == "https://127.0.0.1:6443"
        assert (await configuration.auth_settings())["BearerToken"]["value"] == "bearer first"
        token.write_text("second")
        assert client._login is not None
        await client._login(configuration)
        assert (await configuration.auth_settings())["BearerToken"]["value"] == "bearer second"


async def test_the_api_servers_clock_is_its_answers_date() -> None:
    dated = Answer(body={}, headers={"Date": "Tue, 15 Nov 1994 08:12:31 GMT"})
    async with ApiServer(dated) as server, server.client() as client:
        assert await client.server_time_s() == 784887151.0
    assert server.seen[0].path == "/version"


async def test_a_server_that_hides_its_version_tells_its_clock() -> None:
    refusal = Answer(403, headers={"Date": "Tue, 15 Nov 1994 08:12:31 GMT"})
    async with ApiServer(refusal) as server, server.client() as client:
        assert await client.server_time_s() == 784887151.0


async def test_a_proxy_that_tells_no_date_tells_no_time() -> None:
    undated = Answer(body={}, headers={"Date": "soon"})
    async with ApiServer(undated) as server, server.client() as client:
        assert await client.server_time_s() is None


async def test_the_schemas_are_those_of_the_kinds_group() -> None:
    async with ApiServer(Answer(body={"components": {}})) as server, server.client() as client:
        assert await client.openapi(kinds.MODEL_DEPLOYMENT) == {"components": {}}
    assert server.seen[0].path == "/openapi/v3/apis/trimtab.dev/v1alpha1"
