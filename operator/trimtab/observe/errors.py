"""Why Prometheus gave no answer: one class a cause, each with a word and a sentence."""

from __future__ import annotations


class PrometheusError(Exception):
    """Base of all. `reason` is one CamelCase word, `message` names the URL without credentials.

    `said` and `mend` are what is wrong and what to do, where one asks for them apart; the message
    holds the mend where `joint` ties it to what is said.
    """

    reason = "PrometheusError"
    mend = "see its log"

    def __init__(self, said: str, joint: str = "", mend: str = "") -> None:
        message = f"{said}{joint}{mend}." if joint else said
        super().__init__(message)
        self.message = message
        self.said = f"{said}." if joint else said
        self.mend = mend or self.mend


class PrometheusUnreachable(PrometheusError):  # noqa: N818 - the name is the condition's reason
    """No connection: DNS, refused, reset or TLS."""

    reason = "PrometheusUnreachable"
    mend = (
        "set prometheus.url to where it answers, and see that no NetworkPolicy keeps the operator"
        " from it"
    )

    def __init__(self, url: str, detail: str, mend: str = "") -> None:
        said = f"Prometheus at {url} cannot be reached: {detail}"
        super().__init__(said, "; ", mend) if mend else super().__init__(f"{said}.")


class PrometheusUntrusted(PrometheusError):  # noqa: N818
    """TLS: the server's certificate is not one to trust."""

    reason = "PrometheusUntrusted"

    def __init__(self, url: str, detail: str, mend: str) -> None:
        super().__init__(f"TLS to Prometheus at {url} fails: {detail}", "; ", mend)


class PrometheusTimeout(PrometheusError):  # noqa: N818
    """No complete answer in time."""

    reason = "PrometheusTimeout"
    mend = "see why it is slow, or raise prometheus.timeout"

    def __init__(self, url: str, after_s: float) -> None:
        super().__init__(f"Prometheus at {url} did not answer within {after_s:g} s.")


class PrometheusRefused(PrometheusError):  # noqa: N818
    """An HTTP status other than 200 without a Prometheus error in it."""

    reason = "PrometheusRefused"

    def __init__(self, url: str, status: int, location: str | None = None) -> None:
        said = f"Prometheus at {url} answered HTTP {status}"
        super().__init__(said, ": ", _mend(status, location))
        self.status = status


class PrometheusQueryError(PrometheusError):
    """Prometheus understood the request and could not run the query."""

    reason = "PrometheusQueryError"
    mend = "see prometheus.extraMatchers, and that prometheus.url is a Prometheus"

    def __init__(self, url: str, error_type: str, error: str) -> None:
        super().__init__(f"Prometheus at {url} rejected the query ({error_type}): {error[:500]}")
        self.error_type = error_type
        self.error = error


class PrometheusMalformed(PrometheusError):  # noqa: N818
    """An answer that is not what /api/v1/query returns, or too much of it."""

    reason = "PrometheusMalformed"
    mend = "set prometheus.url to a Prometheus, with its path prefix"

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(f"The answer of {url} cannot be used: {detail}.")


class PrometheusClockSkew(PrometheusError):  # noqa: N818
    """Its clock and ours are too far apart for either to say what is now."""

    reason = "PrometheusClockSkew"

    def __init__(self, url: str, ahead_s: float) -> None:
        way = "ahead of" if ahead_s > 0 else "behind"
        super().__init__(
            f"The clock of Prometheus at {url} is {abs(ahead_s):.0f} s {way} trimtab's, so that it"
            " answers of another time",
            ": ",
            "set the clocks of their nodes right",
        )


class PrometheusCredentialsUnreadable(PrometheusError):  # noqa: N818
    """A file of a token or a certificate is missing, unreadable or empty: nothing was sent."""

    reason = "PrometheusCredentialsUnreadable"

    def __init__(self, url: str, setting: str, file: str, detail: str) -> None:
        super().__init__(
            f"The file {file} ({setting}) for Prometheus at {url} is unusable: {detail}",
            "; ",
            "mount it into the operator's container, or unset it",
        )


def _mend(status: int, location: str | None) -> str:
    if status == 401:
        return "credentials are missing or expired; set prometheus.bearerTokenFile"
    if status == 403:
        return "the credentials may not read /api/v1/query"
    if status == 404:
        return "there is no query API under this URL; check its path prefix"
    if 300 <= status < 400:
        # Only the host and path: a login redirect may carry a state token in its query.
        return f"it redirects to {(location or 'nowhere').split('?')[0]}; use the final URL"
    return "see its log, or that of the proxy before it"
