"""What the API server, or the way to it, can answer with."""

from __future__ import annotations

import json


class ApiError(Exception):
    """An answer that is no success. `status` is 0 where there was no answer at all."""

    def __init__(self, doing: str, status: int, reason: str, message: str) -> None:
        super().__init__(
            f"{doing}: {status} {reason}: {message}" if status else f"{doing}: {message}"
        )
        self.doing = doing
        self.status = status
        self.reason = reason
        self.message = message


class NotFound(ApiError):  # noqa: N818 - they name the answer
    """404: the object, or its kind, does not exist."""


class Conflict(ApiError):  # noqa: N818
    """409: the object changed in between, exists already, or a field is another manager's."""


class Gone(ApiError):  # noqa: N818
    """410: a continue token or resource version is too old."""


class Forbidden(ApiError):  # noqa: N818
    """403: RBAC, a quota or an admission rule says no."""


class Unauthorized(ApiError):  # noqa: N818
    """401: the token is not accepted."""


class Invalid(ApiError):  # noqa: N818
    """400 or 422: the server's own message names the field."""


class Unavailable(ApiError):  # noqa: N818
    """No answer in time, or the server's own failure: try again later."""


class Throttled(Unavailable):
    """429: not before `retry_after_s`."""

    def __init__(
        self, doing: str, status: int, reason: str, message: str, retry_after_s: float
    ) -> None:
        super().__init__(doing, status, reason, message)
        self.retry_after_s = retry_after_s


_BY_STATUS: dict[int, type[ApiError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    422: Invalid,
}
_DEFAULT_RETRY_S = 1.0
_MAX_MESSAGE = 1000


def api_error(doing: str, status: int, retry_after: str | None, body: bytes) -> ApiError:
    """The error of an answer; the message is the server's own where it sent a Status."""
    reason, message = _status(body)
    if status == 429:
        return Throttled(doing, status, reason, message, _seconds(retry_after))
    cls = _BY_STATUS.get(status, Unavailable if status >= 500 else ApiError)
    return cls(doing, status, reason, message)


def _status(body: bytes) -> tuple[str, str]:
    text = body.decode("utf-8", "replace")
    try:
        status = json.loads(text)
    except ValueError:
        # A proxy in between answers in HTML or plain text.
        return "Unknown", text[:_MAX_MESSAGE]
    if not isinstance(status, dict):
        return "Unknown", text[:_MAX_MESSAGE]
    return str(status.get("reason") or "Unknown"), str(status.get("message") or text)[:_MAX_MESSAGE]


def _seconds(retry_after: str | None) -> float:
    try:
        return max(0.0, float(retry_after or _DEFAULT_RETRY_S))
    except ValueError:
        # The header may hold a date; Kubernetes never sends one.
        return _DEFAULT_RETRY_S
