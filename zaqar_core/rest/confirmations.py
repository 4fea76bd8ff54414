"""What a subscriber is sent to confirm a subscription, or to learn that it is cancelled."""

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

#: How long a confirmation can be given.
_LIFE = timedelta(days=1)
_METHODS = ("PUT",)

_TEXTS = {
    "confirm": "You are asked to receive the messages of queue {queue}, project {project}. Confirm the subscription by "
    "a PUT of SubscribeBody to the path in URL-Paths, with the values given here as headers.",
    "cancelled": "The subscription of queue {queue}, project {project}, is cancelled. A PUT of SubscribeBody to the "
    "path in URL-Paths, with the values given here as headers, confirms it anew.",
}
_TYPES = {"confirm": "SubscriptionConfirmation", "cancelled": "UnsubscribeConfirmation"}


class Confirmations:
    """Makes the documents; signs them anew each time, so that nothing secret is kept."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, ref: QueueRef, subscription_id: str, kind: DeliveryKind) -> bytes:
        """A JSON object as text. ``signed_url_key`` must be set."""
        key = self._settings.signed_url_key
        assert key is not None  # the settings' loader asks for it where confirmations are required
        path = f"{documents.queue_href(V2.prefix, ref)}/subscriptions/{subscription_id}/confirm"
        grant = Grant([path], _METHODS, ref.project, signatures.until(datetime.now(UTC) + _LIFE))
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
