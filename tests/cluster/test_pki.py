"""The certificates: who vouches for whom, and for which addresses."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from e2e.cluster import pki


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pki") / "pki"
    pki.ensure(made, "node-1")
    return made


def _load(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())


def _hosts(certificate: x509.Certificate) -> set[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in names}


def _subject(certificate: x509.Certificate) -> tuple[str, str]:
    def one(oid: x509.ObjectIdentifier) -> str:
        return "".join(str(a.value) for a in certificate.subject.get_attributes_for_oid(oid))

    return one(NameOID.COMMON_NAME), one(NameOID.ORGANIZATION_NAME)


def test_every_certificate_is_signed_by_its_own_authority(folder: Path) -> None:
    for who in pki.identities("node-1"):
        _load(folder, who.file).verify_directly_issued_by(_load(folder, "ca"))
    for who in pki.etcd_identities():
        _load(folder, who.file).verify_directly_issued_by(_load(folder, "etcd-ca"))


def test_who_vouches_for_users_is_none_that_the_api_server_signs(folder: Path) -> None:
    proxy = _load(folder, pki.FRONT_PROXY)
    proxy.verify_directly_issued_by(_load(folder, "front-proxy-ca"))
    with pytest.raises(ValueError, match="issuer"):
        proxy.verify_directly_issued_by(_load(folder, "ca"))


def test_what_the_api_server_signs_does_not_open_etcd(folder: Path) -> None:
    with pytest.raises(ValueError, match="issuer"):
        _load(folder, "admin").verify_directly_issued_by(_load(folder, "etcd-ca"))


def test_the_api_server_is_known_by_all_its_addresses(folder: Path) -> None:
    hosts = _hosts(_load(folder, "apiserver"))
    assert {"kubernetes.default.svc", "10.96.0.1", "10.244.0.1", "127.0.0.1"} <= hosts


def test_the_kubelet_is_a_node_and_serves_its_address(folder: Path) -> None:
    kubelet = _load(folder, "kubelet")
    assert _subject(kubelet) == ("system:node:node-1", "system:nodes")
    assert _hosts(kubelet) == {"node-1", "10.244.0.1"}


def test_a_client_certificate_cannot_serve(folder: Path) -> None:
    extension = _load(folder, "scheduler").extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert list(extension.value) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_keys_are_for_root_alone(folder: Path) -> None:
    assert {file.stat().st_mode & 0o077 for file in folder.glob("*.key")} == {0}


def test_a_set_of_an_older_version_gets_what_it_lacks(tmp_path: Path) -> None:
    pki.ensure(tmp_path, "node-1")
    kept = (tmp_path / "ca.crt").read_bytes()
    for file in tmp_path.glob("front-proxy*"):
        file.unlink()
    pki.ensure(tmp_path, "node-1")
    proxy = _load(tmp_path, pki.FRONT_PROXY)
    proxy.verify_directly_issued_by(_load(tmp_path, "front-proxy-ca"))
    assert (tmp_path / "ca.crt").read_bytes() == kept


def test_a_whole_set_is_kept(folder: Path) -> None:
    before = (folder / "ca.crt").read_bytes()
    pki.ensure(folder, "node-1")
    assert (folder / "ca.crt").read_bytes() == before
