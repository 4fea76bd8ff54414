"""The document at ``/`` that lists the versions of the API."""

from __future__ import annotations

from collections.abc import Sequence

from zaqar_core.rest import documents
from zaqar_core.rest.dialect import Dialect
from zaqar_core.web.envelope import Reply


def get(dialects: Sequence[Dialect]) -> Reply:
    """Return 300 with the versions that are served."""
    return documents.reply({"versions": [_version(dialect) for dialect in dialects]}, 300)


def _version(dialect: Dialect) -> dict[str, object]:
    return {
        "id": dialect.id,
        "status": dialect.status,
        "updated": dialect.updated,
        "media-types": [{"base": "application/json", "type": dialect.media_type}],
        "links": [{"href": f"{dialect.prefix}/", "rel": "self"}],
    }
