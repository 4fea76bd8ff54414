"""Pre-signed URLs: whoever has one may do with a queue what it says, until it expires, without credentials.

The signature is HMAC-SHA256 of paths, methods, project and expiry under the key of the settings, as Zaqar makes it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from zaqar_core.rest.errors import Fact, RestError

#: Between the signed fields: a backslash and an n. No field may hold a backslash, so that none can be split anew.
_BETWEEN = "\\n"
_WHEN = "%Y-%m-%dT%H:%M:%S"
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


@dataclass(frozen=True, slots=True)
class Grant:
    """What a signature stands for. ``expires`` is in UTC, whole seconds."""

    paths: Sequence[str]
    methods: Sequence[str]
    project: str
    expires: str

    def signature(self, key: str) -> str:
        """Hexadecimal; the same in whatever order paths and methods are given."""
        fields = (",".join(sorted(self.paths)), ",".join(sorted(self.methods)), self.project, self.expires)
        return hmac.new(key.encode(), _BETWEEN.join(fields).encode(), hashlib.sha256).hexdigest()


def until(moment: datetime) -> str:
    """The expiry as it is signed."""
    return moment.astimezone(UTC).strftime(_WHEN)


def check(environ: Mapping[str, Any], path: str, method: str, key: str | None) -> None:
    """The request's signature admits it. Raises RestError, the same whatever is wrong."""
    grant = Grant(
        environ.get("HTTP_URL_PATHS", "").split(","),
        environ.get("HTTP_URL_METHODS", "").split(","),
        environ.get("HTTP_X_PROJECT_ID", ""),
        environ.get("HTTP_URL_EXPIRES", ""),
    )
    given = environ["HTTP_URL_SIGNATURE"].encode("latin-1", "replace")
    is_signed = key is not None and hmac.compare_digest(grant.signature(key).encode(), given)
    if not (is_signed and _admits(grant, path, method)):
        raise RestError(Fact.SIGNATURE_UNKNOWN)


def _admits(grant: Grant, path: str, method: str) -> bool:
    try:
        expires = datetime.strptime(grant.expires, _WHEN).replace(tzinfo=UTC)
    except ValueError:
        return False
    # A path is granted with all that is below it, never with what merely begins alike.
    return (
        datetime.now(UTC) < expires
        and method in grant.methods
        and not any("\\" in field for field in (*grant.paths, *grant.methods, grant.project))
        and any(part and (path == part or path.startswith(part + "/")) for part in grant.paths)
    )
