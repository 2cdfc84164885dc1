"""TLS to Prometheus: real certificates, a real server, files that are wrong or change."""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import serialization

from e2e.cluster import pki
from trimtab.observe.errors import (
    PrometheusCredentialsUnreadable,
    PrometheusError,
    PrometheusUntrusted,
)
from trimtab.observe.prometheus import ClientSettings, PrometheusClient, open_client
from trimtab.observe.tls import TlsFiles

PEM = serialization.Encoding.PEM
EMPTY = {"status": "success", "data": {"resultType": "vector", "result": []}}
CANARY = "canary-5f1d0c-token"


class Ca:
    """An authority whose certificates lie in a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._authority = pki.authority(name)
        self.file = self._put(f"{name}.crt", self._authority.certificate.public_bytes(PEM))

    def issue(self, name: str, *hosts: str) -> tuple[Path, Path]:
        """Certificate and key; a server's where there are hosts."""
        certificate, key = pki.issue(self._authority, pki.Identity(name, name, hosts=hosts))
        private = key.private_bytes(
            PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return (
            self._put(f"{name}.crt", certificate.public_bytes(PEM)),
            self._put(f"{name}.key", private),
        )

    def _put(self, name: str, content: bytes) -> Path:
        file = self._folder / name
        file.write_bytes(content)
        return file


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Ca:
    return Ca(tmp_path_factory.mktemp("ours"), "ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Ca:
    return Ca(tmp_path_factory.mktemp("theirs"), "theirs")


class Prometheus:
    """Answers with no series over TLS, and remembers what it was shown."""

    def __init__(self, pair: tuple[Path, Path], clients: Path | None = None) -> None:
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(*pair)
        if clients is not None:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(clients)
        self.tokens: list[str | None] = []
        self.clients: list[str] = []
        self.connections: set[Any] = set()

    async def _answer(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        self.tokens.append(request.headers.get("Authorization"))
        self.connections.add(request.transport)
        shown = request.transport.get_extra_info("peercert") or {}
        self.clients += [v for part in shown.get("subject", ()) for k, v in part]
        return web.json_response(EMPTY)

    @asynccontextmanager
    async def asked_by(self, tls: TlsFiles, **settings: Any) -> AsyncIterator[PrometheusClient]:
        app = web.Application()
        app.router.add_get("/api/v1/query", self._answer)
        server = TestServer(app, host="127.0.0.1", scheme="https")
        await server.start_server(ssl=self.context)
        try:
            url = f"https://127.0.0.1:{server.port}"
            async with open_client(ClientSettings(url, tls=tls, **settings)) as client:
                yield client
        finally:
            await server.close()


async def error_of(client: PrometheusClient) -> PrometheusError:
    with pytest.raises(PrometheusError) as caught:
        await client.query("up", 0)
    assert client.shown_url in caught.value.message
    return caught.value


async def test_the_ca_file_is_what_is_trusted(ours: Ca) -> None:
    server = Prometheus(ours.issue("server", "127.0.0.1"))
    async with server.asked_by(TlsFiles(ours.file)) as client:
        assert await client.query("up", 0) == []
        assert await client.query("up", 0) == []
    assert len(server.connections) == 1, "a file that has not changed opens no new connection"


async def test_a_wrong_ca_names_the_setting_its_file_and_the_mend(ours: Ca, theirs: Ca) -> None:
    server = Prometheus(ours.issue("server", "127.0.0.1"))
    async with server.asked_by(TlsFiles(theirs.file)) as client:
        problem = await error_of(client)
    assert isinstance(problem, PrometheusUntrusted)
    assert f"prometheus.caFile ({theirs.file}) must hold the CA that signed it" in problem.message


async def test_without_a_ca_file_a_private_ca_is_not_trusted_and_the_setting_is_named(
    ours: Ca,
) -> None:
    server = Prometheus(ours.issue("server", "127.0.0.1"))
    async with server.asked_by(TlsFiles()) as client:
        problem = await error_of(client)
    assert isinstance(problem, PrometheusUntrusted)
    assert "set prometheus.caFile to the CA that signed it" in problem.message


async def test_another_hosts_certificate_is_told_from_another_cas(ours: Ca) -> None:
    server = Prometheus(ours.issue("elsewhere", "prometheus.example"))
    async with server.asked_by(TlsFiles(ours.file)) as client:
        problem = await error_of(client)
    assert isinstance(problem, PrometheusUntrusted)
    assert "prometheus.url" in problem.message


async def test_a_ca_that_is_rotated_is_read_anew(ours: Ca, theirs: Ca, tmp_path: Path) -> None:
    """As the kubelet rotates: the name is a link, and leads to another file at once."""
    link = tmp_path / "ca.crt"
    link.symlink_to(theirs.file)
    server = Prometheus(ours.issue("server", "127.0.0.1"))
    async with server.asked_by(TlsFiles(link)) as client:
        assert isinstance(await error_of(client), PrometheusUntrusted)
        _point(link, ours.file)
        assert await client.query("up", 0) == []
        _point(link, theirs.file)
        assert isinstance(await error_of(client), PrometheusUntrusted)


def _point(link: Path, target: Path) -> None:
    other = link.with_suffix(".new")
    other.symlink_to(target)
    os.replace(other, link)


async def test_a_client_certificate_is_shown_and_asked_for_by_its_setting(ours: Ca) -> None:
    server = Prometheus(ours.issue("server", "127.0.0.1"), clients=ours.file)
    async with server.asked_by(TlsFiles(ours.file)) as client:
        assert "set prometheus.clientCertFile" in (await error_of(client)).message
    async with server.asked_by(TlsFiles(ours.file, *ours.issue("reader"))) as client:
        assert await client.query("up", 0) == []
    assert server.clients == ["reader"]


@pytest.mark.parametrize("half", ["certificate", "key"])
def test_half_of_a_clients_pair_is_refused_with_what_to_set(half: str) -> None:
    """And not taken for no pair at all: the server would be asked without any certificate."""
    with pytest.raises(ValueError, match=r"clientCertFile and .*clientKeyFile .*: set both or"):
        TlsFiles(**{half: Path("half.pem")})


@pytest.fixture
def unusable(ours: Ca, theirs: Ca, tmp_path: Path) -> dict[str, TlsFiles]:
    """Files that cannot be used, by the setting that is to be named."""
    text = tmp_path / "text"
    text.write_text("no certificate\n")
    certificate, key = ours.issue("reader")
    of_another = theirs.issue("reader")[1]
    return {
        "prometheus.caFile": TlsFiles(tmp_path / "none"),
        "prometheus.caFile)": TlsFiles(text),
        "prometheus.clientCertFile": TlsFiles(ours.file, tmp_path / "none", key),
        "prometheus.clientKeyFile": TlsFiles(ours.file, certificate, tmp_path / "none"),
        "prometheus.clientKeyFile)": TlsFiles(ours.file, certificate, of_another),
    }


async def test_an_unusable_file_is_refused_at_once_with_its_setting(
    unusable: dict[str, TlsFiles],
) -> None:
    for setting, files in unusable.items():
        with pytest.raises(PrometheusCredentialsUnreadable) as caught:
            async with open_client(ClientSettings("https://host", tls=files)):
                raise AssertionError(f"{setting}: the file was taken")
        assert setting in caught.value.message
        assert "mount it" in caught.value.message


async def test_a_token_over_tls_is_read_anew_and_never_told(
    ours: Ca, theirs: Ca, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither in errors nor in any log, down to what libraries say at DEBUG."""
    caplog.set_level(logging.DEBUG)
    token, ca = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text(f"{CANARY}-1\n")
    ca.symlink_to(ours.file)
    server = Prometheus(ours.issue("server", "127.0.0.1"))
    told: list[str] = []
    async with server.asked_by(TlsFiles(ca), bearer_token_file=token) as client:
        await client.query("up", 0)
        token.write_text(f"{CANARY}-2\n")
        await client.query("up", 0)
        token.write_text(f"{CANARY}-3\nand a second line\n")
        told.append((await error_of(client)).message)
        token.write_text(f"{CANARY}-4\n")
        _point(ca, theirs.file)
        told.append((await error_of(client)).message)
    assert server.tokens == [f"Bearer {CANARY}-1", f"Bearer {CANARY}-2"]
    assert CANARY not in caplog.text
    assert not [text for text in told if CANARY in text]
