"""The home document of a version: which paths there are (JSON Home)."""

from __future__ import annotations

from typing import Any

from zaqar_core.rest import documents
from zaqar_core.rest.call import Call
from zaqar_core.web.call import Reply

_PATCH = "application/openstack-messaging-v2.0-json-patch"
_PAGE = "{?marker,limit,echo,include_claimed,include_delayed}"
_BULK_DELETE = "{?ids,claim_ids,pop}"

#: Relation -> method, template below the version's prefix, media types of bodies.
_ROWS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("queues", "GET", "/queues{?marker,limit,detailed,name,with_count}", ()),
    ("queue", "GET PUT DELETE PATCH", "/queues/{queue_name}", ("application/json", _PATCH)),
    ("queue_stats", "GET", "/queues/{queue_name}/stats", ()),
    ("queue_purge", "POST", "/queues/{queue_name}/purge", ("application/json",)),
    ("messages", "GET", "/queues/{queue_name}/messages" + _PAGE, ()),
    ("post_messages", "POST", "/queues/{queue_name}/messages", ("application/json",)),
    ("messages_delete", "DELETE", "/queues/{queue_name}/messages" + _BULK_DELETE, ()),
    ("message_delete", "DELETE", "/queues/{queue_name}/messages/{message_id}{?claim_id}", ()),
    ("message_get", "GET", "/queues/{queue_name}/messages/{message_id}", ()),
    ("claim", "GET", "/queues/{queue_name}/claims/{claim_id}", ()),
    ("post_claim", "POST", "/queues/{queue_name}/claims{?limit}", ("application/json",)),
    ("patch_claim", "PATCH", "/queues/{queue_name}/claims/{claim_id}", ("application/json",)),
    ("delete_claim", "DELETE", "/queues/{queue_name}/claims/{claim_id}", ()),
    ("ping", "GET HEAD", "/ping", ()),
    ("health", "GET", "/health", ()),
)


def get(call: Call) -> Reply:
    """200, ``application/json-home``, good for a day."""
    prefix = call.dialect.prefix
    resources = {
        f"rel/{name}": _resource(prefix + template, methods, bodies) for name, methods, template, bodies in _ROWS
    }
    reply = documents.reply({"resources": resources})
    reply.headers = [("Content-Type", "application/json-home"), ("Cache-Control", "max-age=86400")]
    return reply


def _resource(template: str, methods: str, bodies: tuple[str, ...]) -> dict[str, Any]:
    variables = [variable for part in template.split("{")[1:] for variable in part.split("}")[0].lstrip("?").split(",")]
    hints: dict[str, Any] = {"allow": methods.split(), "formats": {"application/json": {}}}
    for method in methods.split():
        if bodies and method in ("POST", "PUT", "PATCH"):
            hints[f"accept-{method.lower()}"] = list(bodies)
    return {
        "href-template": template,
        "href-vars": {variable: f"param/{variable}" for variable in variables},
        "hints": hints,
    }
