"""Mails: each notification goes to the mail server of the settings."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from zaqar_core.configuration.settings import Settings
from zaqar_core.notifications.notification import NotDelivered, Notice

_SUBJECTS = {
    "message": "Message in queue {queue}",
    "confirm": "Please confirm your subscription of queue {queue}",
    "cancelled": "Your subscription of queue {queue} is cancelled",
}


class Mails:
    """The way of mailto."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def place(self, notice: Notice) -> str:
        """All mails go to one server."""
        del notice
        return "mail"

    def deliver(self, notice: Notice) -> None:
        """The server has taken the mail. Raises NotDelivered: what it refuses for good is final, also an address."""
        mail = _mail(notice, self._settings)
        try:
            self._send(mail)
        except smtplib.SMTPRecipientsRefused as refused:
            codes = [code for code, _ in refused.recipients.values()]
            raise NotDelivered(f"the address was refused: {max(codes)}", is_final=min(codes) >= 500) from None
        except smtplib.SMTPAuthenticationError as problem:
            raise NotDelivered(f"the mail server refused the login: {problem.smtp_code}") from None
        except smtplib.SMTPResponseException as problem:
            raise NotDelivered(
                f"the mail was refused: {problem.smtp_code}", is_final=problem.smtp_code >= 500
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

    def cut_overdue(self) -> None:
        """The mail server is the operator's own: its time-outs will do."""


def _mail(notice: Notice, settings: Settings) -> EmailMessage:
    parts = urlsplit(notice.subscriber)
    subject = parse_qs(parts.query).get("subject", [None])[-1] or notice.options.get("subject")
    mail = EmailMessage(policy=SMTP)
    try:
        mail["From"] = notice.options.get("from") or settings.smtp_from
        mail["To"] = unquote(parts.path)
        mail["Subject"] = subject or _SUBJECTS[notice.kind].format(queue=notice.ref.name)
    except ValueError:
        raise NotDelivered("the address or the subject cannot stand in a mail", is_final=True) from None
    mail.set_content(notice.document.decode())
    return mail
