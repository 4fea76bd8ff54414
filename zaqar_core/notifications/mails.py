"""The channel of ``mailto``: send each notification to the configured mail server."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from zaqar_core.configuration.settings import Settings
from zaqar_core.notifications.notification import NotDelivered, Notification

_SUBJECTS = {
    "message": "Message in queue {queue}",
    "confirm": "Please confirm your subscription of queue {queue}",
    "cancelled": "Your subscription of queue {queue} is cancelled",
}


class MailChannel:
    """Deliver by mail."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def destination(self, notification: Notification) -> str:
        """Return one destination for all mails: they go to one server."""
        del notification
        return "mail"

    def deliver(self, notification: Notification) -> None:
        """Hand the mail to the server. Raises NotDelivered, which is final after a permanent refusal (5xx)."""
        mail = _mail(notification, self._settings)
        try:
            self._send(mail)
        except smtplib.SMTPRecipientsRefused as refused:
            codes = [code for code, _ in refused.recipients.values()]
            raise NotDelivered(
                f"the mail server refused the address: {max(codes)}", is_final=min(codes) >= 500
            ) from None
        except smtplib.SMTPAuthenticationError as problem:
            raise NotDelivered(f"the mail server refused the login: {problem.smtp_code}") from None
        except smtplib.SMTPResponseException as problem:
            raise NotDelivered(
                f"the mail server refused the mail: {problem.smtp_code}", is_final=problem.smtp_code >= 500
            ) from None
        except (smtplib.SMTPException, OSError):
            raise NotDelivered("the mail server cannot be reached") from None

    def _send(self, mail: EmailMessage) -> None:
        settings = self._settings
        arguments: dict[str, Any] = {"timeout": settings.notification_timeout_seconds}
        if settings.smtp_tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                settings.smtp_host, settings.smtp_port, context=ssl.create_default_context(), **arguments
            )
        else:
            server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, **arguments)
        with server:
            if settings.smtp_tls == "starttls":
                server.starttls(context=ssl.create_default_context())
            if settings.smtp_user is not None:
                server.login(settings.smtp_user, settings.smtp_password or "")
            server.send_message(mail)

    def cancel_overdue(self) -> None:
        """Do nothing: the operator's own mail server needs no more than the socket's time-out."""


def _mail(notification: Notification, settings: Settings) -> EmailMessage:
    parts = urlsplit(notification.subscriber)
    subject = parse_qs(parts.query).get("subject", [None])[-1] or notification.options.get("subject")
    mail = EmailMessage(policy=SMTP)
    try:
        mail["From"] = notification.options.get("from") or settings.smtp_from
        mail["To"] = unquote(parts.path)
        mail["Subject"] = subject or _SUBJECTS[notification.kind].format(queue=notification.ref.name)
    except ValueError:
        raise NotDelivered("the address or the subject is not valid in a mail header", is_final=True) from None
    mail.set_content(notification.document.decode())
    return mail
