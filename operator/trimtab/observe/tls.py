"""What a connection to Prometheus trusts and shows: files, read anew when they change."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from trimtab.observe.errors import PrometheusCredentialsUnreadable

CA_SETTING = "prometheus.caFile"
CERT_SETTING = "prometheus.clientCertFile"
KEY_SETTING = "prometheus.clientKeyFile"

_Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """`ca` replaces the system's trust; `certificate` and `key` are the client's own. All PEM.

    Raises ValueError, by the names of the settings file, for one of the pair without the other.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError(
                f"{CERT_SETTING} and {KEY_SETTING} have an effect together alone: set both or"
                " neither"
            )


class Tls:
    """The context of new connections. It stays the same as long as the files do, so that
    connections are kept."""

    def __init__(self, files: TlsFiles, shown_url: str) -> None:
        self._files = files
        self._url = shown_url
        self._named = tuple(
            (setting, file)
            for setting, file in (
                (CA_SETTING, files.ca),
                (CERT_SETTING, files.certificate),
                (KEY_SETTING, files.key),
            )
            if file is not None
        )
        self._made: tuple[tuple[_Stamp, ...], ssl.SSLContext] | None = None

    def context(self) -> ssl.SSLContext | bool:
        """True, which is the system's trust, where no file is named. Raises
        PrometheusCredentialsUnreadable, with the setting that names the file."""
        if not self._named:
            return True
        stamps = tuple(self._stamp(setting, file) for setting, file in self._named)
        if self._made is None or self._made[0] != stamps:
            self._made = (stamps, self._make())
        return self._made[1]

    def _stamp(self, setting: str, file: Path) -> _Stamp:
        # A Secret or ConfigMap that changes is another file behind the same link.
        try:
            found = file.stat()
        except OSError as problem:
            raise self._unusable(setting, file, problem) from None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _make(self) -> ssl.SSLContext:
        files = self._files
        try:
            context = ssl.create_default_context(cafile=files.ca)
        except OSError as problem:  # ssl.SSLError is one
            raise self._unusable(CA_SETTING, files.ca, problem) from None
        if files.certificate is not None:
            try:
                # Without a password it would be asked for on a terminal, and nobody sits there.
                context.load_cert_chain(files.certificate, files.key, password="")
            except OSError as problem:
                setting = f"{CERT_SETTING} or {KEY_SETTING}"
                raise self._unusable(setting, files.certificate, problem) from None
        return context

    def _unusable(
        self, setting: str, file: Path | None, problem: OSError
    ) -> PrometheusCredentialsUnreadable:
        no_pem = "it holds no usable PEM" if isinstance(problem, ssl.SSLError) else ""
        why = no_pem or problem.strerror or type(problem).__name__
        return PrometheusCredentialsUnreadable(self._url, setting, str(file), why)
