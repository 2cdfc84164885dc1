"""The cluster's certificates: three small authorities and the keys they vouch for.

etcd has an authority of its own, because the API server signs certificates for whoever asks
rightly (CertificateSigningRequest), and none of those may open the data store. For the same reason
the API server vouches for users before the servers of added APIs by a third.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku
from cryptography.x509.oid import NameOID

from e2e.cluster.network import API_SERVICE_ADDRESS, NODE_ADDRESS

_LIFE = dt.timedelta(days=365)
FRONT_PROXY = "front-proxy"
"""As whom the API server speaks to servers of added APIs (metrics, for one)."""


@dataclass(frozen=True)
class Identity:
    """Whom a certificate is for; the API server reads the name as user and the org as group."""

    file: str
    name: str
    group: str = ""
    hosts: tuple[str, ...] = ()  # where it serves; empty for a pure client


def identities(node: str) -> tuple[Identity, ...]:
    return (
        Identity("admin", "trimtab-admin", "system:masters"),
        Identity("controller-manager", "system:kube-controller-manager"),
        Identity("scheduler", "system:kube-scheduler"),
        Identity("proxy", "system:kube-proxy"),
        Identity("kubelet", f"system:node:{node}", "system:nodes", (node, NODE_ADDRESS)),
        Identity("apiserver-kubelet", "trimtab-apiserver", "system:masters"),
        Identity(
            "apiserver",
            "kube-apiserver",
            "",
            (
                "kubernetes",
                "kubernetes.default",
                "kubernetes.default.svc",
                "kubernetes.default.svc.cluster.local",
                "localhost",
                "127.0.0.1",
                NODE_ADDRESS,
                API_SERVICE_ADDRESS,
            ),
        ),
    )


def etcd_identities() -> tuple[Identity, ...]:
    return (
        Identity("etcd", "etcd", "", ("localhost", "127.0.0.1")),
        Identity("etcd-client", "kube-apiserver"),
    )


def front_proxy_identities() -> tuple[Identity, ...]:
    return (Identity(FRONT_PROXY, FRONT_PROXY),)


@dataclass(frozen=True)
class Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def _subject(name: str, group: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if group:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
    return x509.Name(parts)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # An hour of slack, for a clock that is set back after the cluster came up.
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + _LIFE)
    )


def authority(name: str) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        _builder(_subject(name), _subject(name), key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def issue(by: Authority, who: Identity) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    usages = [Eku.CLIENT_AUTH, Eku.SERVER_AUTH] if who.hosts else [Eku.CLIENT_AUTH]
    builder = (
        _builder(_subject(who.name, who.group), by.certificate.subject, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key()),
            critical=False,
        )
    )
    if who.hosts:
        names = x509.SubjectAlternativeName([_host(host) for host in who.hosts])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(by.key, hashes.SHA256()), key


def ensure(folder: Path, node: str) -> None:
    """Write all keys and certificates that are not there; a set of an older version lacks some."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _ensure_family(folder, "ca", identities(node))
    _ensure_family(folder, "etcd-ca", etcd_identities())
    _ensure_family(folder, "front-proxy-ca", front_proxy_identities())
    if not (folder / "service-account.pub").exists():
        tokens = ec.generate_private_key(ec.SECP256R1())
        _write(folder / "service-account.key", pem(tokens))
        _write(
            folder / "service-account.pub",
            tokens.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            ),
        )


def certify(folder: Path, by: str, who: Identity, into: Path) -> None:
    """Write `tls.crt`, `tls.key` and `ca.crt` of one more identity, as servers want them."""
    parent = Authority(
        x509.load_pem_x509_certificate((folder / f"{by}.crt").read_bytes()),
        _key_of((folder / f"{by}.key").read_bytes()),
    )
    certificate, key = issue(parent, who)
    into.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write(into / "tls.crt", pem(certificate))
    _write(into / "tls.key", pem(key))
    _write(into / "ca.crt", pem(parent.certificate))


def _key_of(text: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(text, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("an authority's key is of an elliptic curve")
    return key


def _ensure_family(folder: Path, name: str, members: Sequence[Identity]) -> None:
    """All of one authority, or none of it anew: a half of it was cut short."""
    files = (f"{member.file}.key" for member in members)
    if all((folder / file).exists() for file in (f"{name}.key", *files)):
        return
    parent = authority(f"trimtab-{name}")
    _write(folder / f"{name}.crt", pem(parent.certificate))
    _write(folder / f"{name}.key", pem(parent.key))
    for member in members:
        certificate, key = issue(parent, member)
        _write(folder / f"{member.file}.crt", pem(certificate))
        _write(folder / f"{member.file}.key", pem(key))


def pem(what: x509.Certificate | ec.EllipticCurvePrivateKey) -> bytes:
    """As files hold it."""
    if isinstance(what, x509.Certificate):
        return what.public_bytes(serialization.Encoding.PEM)
    return what.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(file: Path, content: bytes) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(content)
