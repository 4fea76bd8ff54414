"""Pre-signed URLs: a client without credentials may use one for its paths and methods until it expires.

The signature is the HMAC-SHA256 of paths, methods, project and expiry under the setting signed_url_key, as in Zaqar.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from zaqar_core.logs import remedies
from zaqar_core.logs.remedies import note_refusal
from zaqar_core.rest.errors import Fact, RestError

#: Separator of the signed fields: a backslash and an n. No field may hold a backslash: a signature would then also be
#: valid for fields that are split elsewhere.
_SEPARATOR = "\\n"
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S"
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


@dataclass(frozen=True, slots=True)
class Grant:
    """What a signature allows. ``expires`` is in UTC, whole seconds."""

    paths: Sequence[str]
    methods: Sequence[str]
    project: str
    expires: str

    def signature(self, key: str) -> str:
        """Return the signature in hexadecimal; the order of paths and methods does not matter."""
        fields = (",".join(sorted(self.paths)), ",".join(sorted(self.methods)), self.project, self.expires)
        return hmac.new(key.encode(), _SEPARATOR.join(fields).encode(), hashlib.sha256).hexdigest()


def expiry_text(moment: datetime) -> str:
    """Return the expiry as it is signed."""
    return moment.astimezone(UTC).strftime(_TIME_FORMAT)


def check(environ: Mapping[str, Any], path: str, method: str, key: str | None) -> None:
    """Check that the request's signature allows it. Raises the same RestError for every reason."""
    grant = Grant(
        environ.get("HTTP_URL_PATHS", "").split(","),
        environ.get("HTTP_URL_METHODS", "").split(","),
        environ.get("HTTP_X_PROJECT_ID", ""),
        environ.get("HTTP_URL_EXPIRES", ""),
    )
    given = environ["HTTP_URL_SIGNATURE"].encode("latin-1", "replace")
    if key is None:
        note_refusal(remedies.URL_KEY)
    is_signed = key is not None and hmac.compare_digest(grant.signature(key).encode(), given)
    if not (is_signed and _allows(grant, path, method)):
        raise RestError(Fact.SIGNATURE_UNKNOWN)


def _allows(grant: Grant, path: str, method: str) -> bool:
    try:
        expires = datetime.strptime(grant.expires, _TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return False
    # A granted path includes all paths below it, segment by segment: /a allows /a/b and not /ab.
    return (
        datetime.now(UTC) < expires
        and method in grant.methods
        and not any("\\" in field for field in (*grant.paths, *grant.methods, grant.project))
        and any(part and (path == part or path.startswith(part + "/")) for part in grant.paths)
    )
