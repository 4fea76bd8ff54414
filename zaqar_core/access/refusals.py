"""Reasons why a signature of AWS's Signature Version 4 is refused. The texts are the same in all services of AWS."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Reason(Enum):
    """The kinds of refusals. A face has a code and a status for each."""

    #: The signature cannot be read, or parts are missing.
    INCOMPLETE = auto()
    #: The signature is wrong, too old or too new, or made for another region or service.
    MISMATCH = auto()
    #: The access key or the session token is unknown, disabled or expired.
    UNKNOWN_KEY = auto()
    #: The session token was valid and has expired.
    EXPIRED_TOKEN = auto()


@dataclass(eq=False)
class SignatureRefused(Exception):
    """Raised when a request has credentials that are not accepted. ``message`` contains no secret and no token."""

    reason: Reason
    message: str


def incomplete(message: str) -> SignatureRefused:
    """Build the refusal of a signature that cannot be read."""
    return SignatureRefused(Reason.INCOMPLETE, message)


def mismatch(message: str) -> SignatureRefused:
    """Build the refusal of a wrong signature."""
    return SignatureRefused(Reason.MISMATCH, message)


def wrong_signature() -> SignatureRefused:
    """Build the refusal of a signature that differs from the calculated one."""
    return mismatch(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and signing method. Consult the service documentation for details."
    )


def unknown_key() -> SignatureRefused:
    """Build the refusal of an access key, or a session token, that is not known or not active."""
    return SignatureRefused(Reason.UNKNOWN_KEY, "The security token included in the request is invalid.")


def expired_token() -> SignatureRefused:
    """Build the refusal of a session token that has expired."""
    return SignatureRefused(Reason.EXPIRED_TOKEN, "The security token included in the request is expired")
