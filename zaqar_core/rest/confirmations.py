"""The documents that ask a subscriber to confirm a subscription, or report that it is cancelled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson

from zaqar_core.configuration.settings import Settings
from zaqar_core.core.deliveries import DeliveryKind
from zaqar_core.domain.names import QueueRef
from zaqar_core.rest import documents, signatures
from zaqar_core.rest.dialect import V2
from zaqar_core.rest.signatures import Grant

#: How long the signature of a confirmation is valid.
_VALIDITY = timedelta(days=1)
_METHODS = ("PUT",)

_TEXTS = {
    "confirm": "A subscription to queue {queue} of project {project} waits for your confirmation. To confirm it, PUT "
    "SubscribeBody to the path in URL-Paths and send the values given here as headers.",
    "cancelled": "The subscription to queue {queue} of project {project} is cancelled. To confirm it again, PUT "
    "SubscribeBody to the path in URL-Paths and send the values given here as headers.",
}
_TYPES = {"confirm": "SubscriptionConfirmation", "cancelled": "UnsubscribeConfirmation"}


class Confirmations:
    """Writes the documents. Each one is signed when it is written, so that no secret is stored."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, ref: QueueRef, subscription_id: str, kind: DeliveryKind) -> bytes:
        """Return the document as JSON text. The setting ``signed_url_key`` must be set."""
        key = self._settings.signed_url_key
        assert key is not None  # the settings' loader requires it where confirmations are required
        path = f"{documents.queue_href(V2.prefix, ref)}/subscriptions/{subscription_id}/confirm"
        grant = Grant([path], _METHODS, ref.project, signatures.expiry_text(datetime.now(UTC) + _VALIDITY))
        signature = grant.signature(key)
        document: dict[str, Any] = {
            "Message_Type": _TYPES[kind],
            "Message": _TEXTS[kind].format(queue=ref.name, project=ref.project),
            "URL-Signature": signature,
            "URL-Methods": ",".join(_METHODS),
            "URL-Paths": path,
            "X-Project-ID": ref.project,
            "URL-Expires": grant.expires,
            "SubscribeBody": {"confirmed": True},
            "UnsubscribeBody": {"confirmed": False},
            "queue_name": ref.name,
        }
        public = self._settings.public_url
        if public is not None:
            document["WSGISubscribeURL"] = public.rstrip("/") + path
        page = self._settings.external_confirmation_url
        if page is not None:
            named = {
                "Signature": signature,
                "Methods": ",".join(_METHODS),
                "Paths": path,
                "Project": ref.project,
                "Expires": grant.expires,
                "Url": public or "",
                "Queue": ref.name,
            }
            document["ConfirmationPage"] = f"{page}?{urlencode(named)}"
        return orjson.dumps(document)
