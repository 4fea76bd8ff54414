"""The versions document at ``/``."""

from __future__ import annotations

from zaqar_core.rest import documents
from zaqar_core.rest.dialect import DIALECTS
from zaqar_core.web.call import Reply

_DOCUMENT = {
    "versions": [
        {
            "id": dialect.id,
            "status": dialect.status,
            "updated": dialect.updated,
            "media-types": [
                {
                    "base": "application/json",
                    "type": f"application/vnd.openstack.messaging-v{dialect.id}+json",
                }
            ],
            "links": [{"href": f"{dialect.prefix}/", "rel": "self"}],
        }
        for dialect in DIALECTS
    ]
}


def get() -> Reply:
    """300: there is a choice."""
    return documents.reply(_DOCUMENT, 300)
