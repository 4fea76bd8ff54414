"""The channel of ``trust+http`` and ``trust+https``: webhooks that get a token of the user who subscribed."""

from __future__ import annotations

from dataclasses import replace

from zaqar_core.keystone.trusts import KeystoneUnavailable, TrustRefused, Trusts
from zaqar_core.notifications.notification import NotDelivered, Notification
from zaqar_core.notifications.webhooks import WebhookChannel

PREFIX = "trust+"
#: The subscription's option that names its trust. Clients cannot set it.
OPTION = "trust_id"


class TrustWebhookChannel:
    """Deliver to webhooks with a token of the subscription's trust."""

    def __init__(self, webhooks: WebhookChannel, trusts: Trusts) -> None:
        self._webhooks = webhooks
        self._trusts = trusts

    def destination(self, notification: Notification) -> str:
        """Return the webhook's host, or Keystone when a token must be fetched: it must not block other hosts."""
        if not self._trusts.has_token(_trust(notification)):
            return "keystone"
        return self._webhooks.destination(replace(notification, subscriber=_url(notification)))

    def deliver(self, notification: Notification) -> None:
        """Deliver as a webhook does, with X-Auth-Token. Raises NotDelivered, not final while Keystone is unavailable.

        After a 401 the next try uses a new token, since the old one may have been revoked.
        """
        trust_id = _trust(notification)
        if not trust_id:
            raise NotDelivered("the subscription has no trust", is_final=True)
        try:
            token, is_new = self._trusts.token(trust_id)
        except TrustRefused as refused:
            raise NotDelivered(refused.reason, is_final=refused.is_final) from None
        except KeystoneUnavailable:
            raise NotDelivered("Keystone did not answer") from None
        try:
            self._webhooks.post(_url(notification), notification, {"X-Auth-Token": token})
        except NotDelivered as failure:
            if failure.status == 401 and not is_new:
                self._trusts.forget(trust_id)
                failure.is_final = False
            raise

    def cancel_overdue(self) -> None:
        """Do nothing: the webhook channel cancels them."""


def _url(notification: Notification) -> str:
    return notification.subscriber[len(PREFIX) :]


def _trust(notification: Notification) -> str:
    trust_id = notification.options.get(OPTION)
    return trust_id if type(trust_id) is str else ""
