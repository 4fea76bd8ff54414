"""Client certificates: their subjects, as users of the credentials file name them, and the users they stand for."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zaqar_core.domain.identity import CERTIFICATE_SUBJECT

if TYPE_CHECKING:
    from zaqar_core.access.directory import User
    from zaqar_core.access.reloading import Credentials


def subject_of(certificate: bytes) -> str:
    """Return the subject of a certificate (DER) as RFC 4514 writes it, "" without one that can be read."""
    from cryptography import x509  # only needed with client certificates

    try:
        return x509.load_der_x509_certificate(certificate).subject.rfc4514_string()
    except ValueError:
        return ""


def normal_subject(text: str) -> str:
    """Return a subject in the form of ``subject_of``. Raises ValueError."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    # Names of OpenSSL that RFC 4514 does not have.
    others = {"emailAddress": NameOID.EMAIL_ADDRESS, "serialNumber": NameOID.SERIAL_NUMBER}
    return x509.Name.from_rfc4514_string(text, others).rfc4514_string()


def user(credentials: Credentials, environ: Mapping[str, Any]) -> User | None:
    """Return the active user for whom the verified certificate of a request stands, None if there is none."""
    subject = environ.get(CERTIFICATE_SUBJECT)
    if not subject:
        return None
    found = credentials.directory.subjects.get(subject)
    return found if found is not None and found.is_active(time.time()) else None
