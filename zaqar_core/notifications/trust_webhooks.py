"""Webhooks that are told with a token of who subscribed: ``trust+http`` and ``trust+https``."""

from __future__ import annotations

from dataclasses import replace

from zaqar_core.keystone.trusts import KeystoneAway, TrustRefused, Trusts
from zaqar_core.notifications.notification import NotDelivered, Notice
from zaqar_core.notifications.webhooks import Webhooks

PREFIX = "trust+"
#: Of a subscription's options: the trust that was made for it. No client can give it.
OPTION = "trust_id"


class Trusted:
    """The way of trust+http and trust+https."""

    def __init__(self, webhooks: Webhooks, trusts: Trusts) -> None:
        self._webhooks = webhooks
        self._trusts = trusts

    def place(self, notice: Notice) -> str:
        """As of a webhook; Keystone, where it has to be asked first: a slow one must not hold up the other ways."""
        if not self._trusts.has_token(_trust(notice)):
            return "keystone"
        return self._webhooks.place(replace(notice, subscriber=_url(notice)))

    def deliver(self, notice: Notice) -> None:
        """As a webhook, with X-Auth-Token. Raises NotDelivered: a Keystone that is away may come back.

        After a 401 the next try has a new token: the old one may have been revoked.
        """
        trust_id = _trust(notice)
        if not trust_id:
            raise NotDelivered("the subscription has no trust", is_final=True)
        try:
            token, is_new = self._trusts.token(trust_id)
        except TrustRefused as refused:
            raise NotDelivered(refused.reason, is_final=refused.is_final) from None
        except KeystoneAway:
            raise NotDelivered("Keystone did not answer") from None
        try:
            self._webhooks.post(_url(notice), notice, {"X-Auth-Token": token})
        except NotDelivered as failure:
            if failure.status == 401 and not is_new:
                self._trusts.forget(trust_id)
                failure.is_final = False
            raise

    def cut_overdue(self) -> None:
        """The webhooks' own way sees to it."""


def _url(notice: Notice) -> str:
    return notice.subscriber[len(PREFIX) :]


def _trust(notice: Notice) -> str:
    trust_id = notice.options.get(OPTION)
    return trust_id if type(trust_id) is str else ""
