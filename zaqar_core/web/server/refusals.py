"""Refusals by the server itself, for requests that no face can be asked about: they cannot be read, or not in time."""

from __future__ import annotations

from http import HTTPStatus

from zaqar_core.web.envelope import Reply


class Refused(Exception):
    """The request is refused and its connection is closed. ``reason`` is the key of the counter."""

    def __init__(self, status: HTTPStatus, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self._status = status
        self._text = text

    def reply(self) -> Reply:
        """Return the response."""
        headers = [("Content-Type", "text/plain; charset=utf-8")]
        return Reply(self._status.value, headers, f"{self._text}\n".encode())


def malformed(text: str) -> Refused:
    """Return the refusal of a request that is not HTTP/1."""
    return Refused(HTTPStatus.BAD_REQUEST, "malformed", text)


def head_too_large() -> Refused:
    """Return the refusal of headers beyond the limits."""
    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    return Refused(status, "head too large", "the headers of the request are too large or too many")


def target_too_long() -> Refused:
    """Return the refusal of a request line beyond the limit."""
    return Refused(HTTPStatus.REQUEST_URI_TOO_LONG, "target too long", "the request line is too long")


def unsupported_version() -> Refused:
    """Return the refusal of another version than HTTP/1.0 and HTTP/1.1."""
    status = HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
    return Refused(status, "version", "the service speaks HTTP/1.1 and HTTP/1.0")


def unknown_coding() -> Refused:
    """Return the refusal of a Transfer-Encoding that is not chunked."""
    return Refused(HTTPStatus.NOT_IMPLEMENTED, "transfer coding", "the only supported Transfer-Encoding is chunked")


def tunnel() -> Refused:
    """Return the refusal of CONNECT."""
    return Refused(HTTPStatus.NOT_IMPLEMENTED, "tunnel", "the service is not a proxy")


def unknown_expectation() -> Refused:
    """Return the refusal of an Expect header that is not 100-continue."""
    return Refused(HTTPStatus.EXPECTATION_FAILED, "expectation", "the only supported Expect is 100-continue")


def too_slow(reason: str) -> Refused:
    """Return the refusal of a request that does not arrive in time."""
    return Refused(HTTPStatus.REQUEST_TIMEOUT, reason, "the request did not arrive in time")
