"""Mails, with a real mail server."""

from __future__ import annotations

import gc
import json
import ssl
import warnings
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.notifications.conftest import subscribe, texts
from tests.notifications.test_retries import nothing_left, undelivered
from tests.patience import until
from zaqar_core.core import messages
from zaqar_core.core.session import Session
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys


class MailServer:
    """``answers`` are the responses to the next mails, which are not accepted."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.to: list[list[str]] = []
        self.answers: list[str] = []
        self.logins: list[bool] = []

    async def handle_RCPT(  # noqa: N802 # aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if "nobody" in address:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 # aiosmtpd's name
        if self.answers:
            return self.answers.pop(0)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        self.to.append(envelope.rcpt_tos)
        self.logins.append(session.authenticated)
        return "250 taken"


@pytest.fixture
def security() -> dict[str, Any]:
    """The kind of TLS of the mail server."""
    return {}


@pytest.fixture
def mail_server(free_port: int, security: dict[str, Any]) -> Iterator[MailServer]:
    server = MailServer()
    controller = Controller(server, hostname="127.0.0.1", port=free_port, **security)
    controller.start()
    yield server
    controller.stop()
    # aiosmtpd leaves the transports of handshakes that failed to the collector.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def settings(free_port: int) -> dict[str, Any]:
    return {"smtp_host": "127.0.0.1", "smtp_port": free_port, "smtp_from": "queues@example.com"}


def test_a_message_is_mailed(mail_server: MailServer, session: Session, queue: QueueRef) -> None:
    subscribe(session, queue, "mailto:someone@example.com")
    messages.send(session, queue, texts("héllo"))
    until(lambda: mail_server.mails, "it is mailed")
    [mail] = mail_server.mails
    assert (mail["From"], mail["To"], mail["Subject"]) == (
        "queues@example.com",
        "someone@example.com",
        f"Message in queue {queue.name}",
    )
    assert json.loads(mail.get_content()) == {
        "body": "héllo",
        "ttl": 3600,
        "Message_Type": "Notification",
        "queue_name": queue.name,
    }
    until(lambda: nothing_left(session, queue), "an empty outbox")


@pytest.mark.parametrize(
    ("uri", "options", "expected"),
    [
        ("mailto:a@example.com?subject=H%C3%A9llo%20there", {"subject": "other"}, "Héllo there"),
        ("mailto:a@example.com", {"subject": "Ünder", "from": "Me <me@example.com>"}, "Ünder"),
    ],
)
def test_a_mail_has_subject_and_sender(
    mail_server: MailServer, session: Session, queue: QueueRef, uri: str, options: dict[str, Any], expected: str
) -> None:
    subscribe(session, queue, uri, **options)
    messages.send(session, queue, texts("x"))
    until(lambda: mail_server.mails, "it is mailed")
    assert (mail_server.mails[0]["Subject"], mail_server.to) == (expected, [["a@example.com"]])
    assert mail_server.mails[0]["From"] == options.get("from", "queues@example.com")


def test_mails_of_a_post_are_sent_in_its_order(mail_server: MailServer, session: Session, queue: QueueRef) -> None:
    numbers = [f"{number:02}" for number in range(20)]
    subscribe(session, queue, "mailto:someone@example.com")
    messages.send(session, queue, texts(*numbers))
    until(lambda: len(mail_server.mails) == 20, "all are mailed")
    assert [json.loads(mail.get_content())["body"] for mail in mail_server.mails] == numbers


def test_a_mail_can_have_several_receivers(mail_server: MailServer, session: Session, queue: QueueRef) -> None:
    subscribe(session, queue, "mailto:a@example.com,b@example.com")
    messages.send(session, queue, texts("x"))
    until(lambda: mail_server.mails, "it is mailed")
    assert mail_server.to == [["a@example.com", "b@example.com"]]


def test_a_busy_server_is_tried_again(mail_server: MailServer, session: Session, queue: QueueRef) -> None:
    mail_server.answers = ["451 later"] * 2
    subscribe(session, queue, "mailto:a@example.com")
    messages.send(session, queue, texts("x"))
    until(lambda: mail_server.mails, "it is mailed at last")


def test_a_refused_address_is_not_tried_again(mail_server: MailServer, session: Session, queue: QueueRef) -> None:
    subscribe(session, queue, "mailto:nobody@example.com")
    messages.send(session, queue, texts("x"))
    until(lambda: undelivered(session, queue), "it is recorded")
    [failed] = undelivered(session, queue)
    assert (failed.tries, failed.reason) == (1, "the mail server refused the address: 550")


def test_without_a_server_a_mail_is_tried_again(session: Session, queue: QueueRef) -> None:
    subscribe(session, queue, "mailto:a@example.com")
    messages.send(session, queue, texts("x"))
    until(lambda: _waits(session, queue), "a retry")


def _waits(session: Session, queue: QueueRef) -> bool:
    return bool(session.store.command("ZCARD", keys.queue(queue) + b":nd"))


def _login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (b"me", b"secret")
    return AuthResult(success=known, handled=known)


class TestWithLogin:
    @pytest.fixture
    def security(self) -> dict[str, Any]:
        return {"authenticator": _login, "auth_require_tls": False}

    @pytest.fixture
    def settings(self, free_port: int) -> dict[str, Any]:
        return {"smtp_host": "127.0.0.1", "smtp_port": free_port, "smtp_user": "me", "smtp_password": "secret"}

    def test_the_service_logs_in_at_the_server(
        self, mail_server: MailServer, session: Session, queue: QueueRef
    ) -> None:
        subscribe(session, queue, "mailto:a@example.com")
        messages.send(session, queue, texts("x"))
        until(lambda: mail_server.mails, "it is mailed")
        assert mail_server.logins == [True]


class TestEncrypted:
    """With TLS from the beginning, and by STARTTLS; the certificate is checked."""

    @pytest.fixture(params=["tls", "starttls"])
    def mode(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def authority(self) -> trustme.CA:
        return trustme.CA()

    @pytest.fixture
    def security(self, authority: trustme.CA, mode: str) -> dict[str, Any]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        if mode == "tls":
            return {"ssl_context": context}
        return {"tls_context": context, "require_starttls": True}

    @pytest.fixture
    def settings(self, free_port: int, mode: str) -> dict[str, Any]:
        return {"smtp_host": "localhost", "smtp_port": free_port, "smtp_tls": mode}

    def test_the_mail_arrives(
        self, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mail_server: MailServer,
        session: Session, queue: QueueRef,
    ) -> None:  # fmt: skip
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        subscribe(session, queue, "mailto:a@example.com")
        messages.send(session, queue, texts("x"))
        until(lambda: mail_server.mails, "it is mailed")

    # Not from the beginning: aiosmtpd leaves the socket of such a failed handshake open.
    @pytest.mark.parametrize("mode", ["starttls"])
    def test_an_unknown_certificate_is_refused(
        self, mail_server: MailServer, session: Session, queue: QueueRef
    ) -> None:
        subscribe(session, queue, "mailto:a@example.com")
        messages.send(session, queue, texts("x"))
        until(lambda: _waits(session, queue), "a retry")
        assert mail_server.mails == []
