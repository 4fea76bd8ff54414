"""What SDKs have signed is accepted, and no change of it: their own bytes, at the time of their signatures."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import pytest

from sqs_facade.callers import Callers
from sqs_facade.face import SqsFace
from tests.credentials.recordings import Recording, recordings
from tests.credentials.signing import credentials, verifier_at
from tests.sdk.running import CREDENTIALS
from zaqar_core.access.gate import Gate
from zaqar_core.access.session_tokens import SessionTokens
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import queues
from zaqar_core.core.process import Core
from zaqar_core.domain.model import QueueSettings
from zaqar_core.domain.names import QueueRef
from zaqar_core.web.envelope import Reply, Request
from zaqar_core.web.server.heads import HeadParser
from zaqar_core.web.server.refusals import Refused

RECORDINGS = recordings()
PRESIGNED = [one for one in RECORDINGS if one.is_presigned]
SESSIONS = [one for one in RECORDINGS if one.session_key_id]
_ACCOUNT = "123456789012"
_SKEW = 15 * 60
_CORAL = "com.amazon.coral.service#"


class Refusal(NamedTuple):
    """An error of AWS: its code, its type in JSON, and its status."""

    code: str
    type: str
    status: int


MISMATCH = Refusal("SignatureDoesNotMatch", f"{_CORAL}InvalidSignatureException", 403)
UNKNOWN_KEY = Refusal("InvalidClientTokenId", f"{_CORAL}UnrecognizedClientException", 403)
INCOMPLETE = Refusal("IncompleteSignature", f"{_CORAL}IncompleteSignatureException", 400)
EXPIRED = Refusal("ExpiredToken", f"{_CORAL}ExpiredTokenException", 403)
NONE = Refusal("AccessDenied", f"{_CORAL}AccessDeniedException", 403)

WRONG = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
INVALID_TOKEN = "The security token included in the request is invalid."


@dataclass
class Place:
    """The SQS face of a service with the key of the recordings, at the time and with the secret that a test sets."""

    core: Core
    folder: Path
    now: float = 0.0
    secret: bytes = b""

    def __post_init__(self) -> None:
        self._faces: dict[str, SqsFace] = {}
        self._heads = HeadParser()

    def _face(self, text: str) -> SqsFace:
        face = self._faces.get(text)
        if face is None:
            folder = self.folder / str(len(self._faces))
            folder.mkdir()
            sessions, known = SessionTokens(lambda: self.secret), credentials(folder, text)
            gate = Gate(known, sessions, verifier_at(known, lambda: self.now, sessions))
            face = self._faces[text] = SqsFace(Settings(), callers=Callers(Settings(), gate))
        return face

    def reply(self, sent: Recording, *, now: float | None = None, text: str = CREDENTIALS) -> Reply:
        """Answer a request as the server of a worker reads it, by default at the time of its signature."""
        self.now, self.secret = sent.time if now is None else now, sent.store_secret
        template = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "QUERY_STRING": "", "SERVER_PROTOCOL": "HTTP/1.1"}
        environ = {**template, "wsgi.url_scheme": "http", "SCRIPT_NAME": "", **self._heads.parse(sent.raw_head).fields}
        request = Request(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"], sent.body, environ)
        return self._face(text).answer(request, self.core.session())

    def refusal(self, sent: Recording, **more: object) -> tuple[Refusal, str]:
        """Return the error of a request, and its message. The form is that of the request's protocol."""
        reply = self.reply(sent, **more)  # type: ignore[arg-type]
        headers = dict(reply.headers)
        if sent.is_json:
            error = json.loads(reply.body)
            code, kind = headers["x-amzn-query-error"].split(";")
            assert error.keys() == {"__type", "message"}
            assert headers["Content-Type"] == "application/x-amz-json-1.0"
            found, message = Refusal(code, error["__type"], reply.status), error["message"]
        else:
            text = reply.body.decode()
            shown = re.search(
                r"<ErrorResponse.*<Error><Type>(.+)</Type><Code>(.+)</Code><Message>(.+)</Message>.*</Error>", text
            )
            assert shown is not None, text
            kind, code, message = shown.groups()
            assert headers["Content-Type"] == "text/xml"
            found = next(one for one in (MISMATCH, UNKNOWN_KEY, INCOMPLETE, EXPIRED, NONE) if one.code == code)
            assert reply.status == found.status
            message = message.replace("&apos;", "'").replace("&#39;", "'")
        assert kind == "Sender"
        assert sent.secret not in message
        return found, message


Check = Callable[[Place, Recording], None]


def each(check: Check, sent_ones: list[Recording] = RECORDINGS) -> Callable[[Place], None]:
    """Make a test of a check of one request: it runs over all, and a failure names the request."""

    def test(place: Place) -> None:
        for sent in sent_ones:
            try:
                check(place, sent)
            except BaseException as problem:
                problem.add_note(sent.name)
                raise

    test.__name__, test.__doc__ = check.__name__, check.__doc__
    return test


def each_session(check: Check) -> Callable[[Place], None]:
    """Do the same for the requests with temporary credentials."""
    return each(check, SESSIONS)


@pytest.fixture(scope="module")
def place(core: Core, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    found = Place(core, tmp_path_factory.mktemp("recorded"))
    names = {match for one in RECORDINGS for match in re.findall(r"sdk-[0-9a-f]+-\w+", str(one.head) + str(one.body))}
    refs = [QueueRef(_ACCOUNT, "us-east-1", name) for name in names]
    session = core.session()
    for ref in refs:
        queues.create(session, ref, QueueSettings(), creator="sqs")
    yield found
    for ref in refs:
        queues.delete(session, ref)


def test_every_sdk_is_recorded() -> None:
    clients = {one.name.split()[0] for one in RECORDINGS}
    assert len(clients) == 13
    assert {one.name.split()[0] for one in SESSIONS} == clients
    assert {one.name.split()[0] for one in PRESIGNED} >= {"boto3", "js3", "go2", "java1", "java2", "rust"}


@each
def test_a_recorded_request_is_accepted(place: Place, sent: Recording) -> None:
    assert sent.calculated() == sent.signature
    reply = place.reply(sent)
    assert (reply.status, b"MD5OfMessageBody" in reply.body) == (200, True)


# -- One bit -----------------------------------------------------------------------------------------------------------

#: Bits that never change the case of a letter, which has no meaning in a host or an escape.
_BITS = (0, 1, 2, 3, 4)
#: The errors for a change of a part; any other part is a mismatch.
_EXPECTED = {
    "algorithm": {INCOMPLETE},
    "key": {UNKNOWN_KEY},
    "date": {MISMATCH, INCOMPLETE},
    "region": {MISMATCH, INCOMPLETE},  # a hyphen becomes a slash
    "Signature": {MISMATCH, INCOMPLETE},  # a zero becomes a space
    "header x-amz-date": {MISMATCH, INCOMPLETE},
    "header x-amz-security-token": {UNKNOWN_KEY},
    "query X-Amz-Algorithm": {INCOMPLETE},
    "query X-Amz-Credential": {MISMATCH, UNKNOWN_KEY, INCOMPLETE},
    "query X-Amz-Date": {MISMATCH, INCOMPLETE},
    "query X-Amz-Expires": {MISMATCH, INCOMPLETE},
}


def _places(start: int, end: int, most: int = 4) -> Iterator[int]:
    """Iterate over places of a part: the first, the last, and some between them."""
    length = end - start
    yield from sorted({start + round(number * (length - 1) / (most - 1)) for number in range(most)})


@each
def test_one_flipped_bit_in_any_signed_part_is_refused(place: Place, sent: Recording) -> None:
    for part, start, end in sent.signed_parts():
        expected = {MISMATCH, INCOMPLETE} if part.startswith("name of") else _EXPECTED.get(part, {MISMATCH})
        for number, at in enumerate(_places(start, end)):
            changed = sent.flipped(at, _BITS[number % len(_BITS)])
            try:
                found, _ = place.refusal(changed, now=sent.time)
            except Refused:
                continue  # the server refuses the head before it is known what the request is for
            assert found in expected, (part, at, changed.head, changed.body)


# -- Times -------------------------------------------------------------------------------------------------------------


@each
def test_a_signature_is_valid_for_fifteen_minutes_of_skew(place: Place, sent: Recording) -> None:
    late, early = 60 if sent.is_presigned else _SKEW, -_SKEW
    for seconds in (late, early):
        assert place.reply(sent, now=sent.time + seconds).status == 200
    found, message = place.refusal(sent, now=sent.time + late + 1)
    assert found == MISMATCH
    assert message.startswith(f"Signature expired: {sent.moment} is now earlier than ")
    assert message.endswith(" - 1 min.)" if sent.is_presigned else " - 15 min.)")
    found, message = place.refusal(sent, now=sent.time + early - 1)
    assert found == MISMATCH
    assert message.startswith(f"Signature not yet current: {sent.moment} is still later than ")
    assert message.endswith(" + 15 min.)")


@each
def test_a_moved_date_is_refused_also_with_its_signature(place: Place, sent: Recording) -> None:
    for minutes, beginning in ((-16, "Signature expired:"), (16, "Signature not yet current:")):
        moved = sent.moved(minutes * 60)
        for one in (moved, moved.signed_again()):
            found, message = place.refusal(one, now=sent.time)
            assert (found, message.startswith(beginning)) == (MISMATCH, True)


@each
def test_a_date_within_the_skew_needs_its_own_signature(place: Place, sent: Recording) -> None:
    moved = sent.moved(1)
    assert place.refusal(moved, now=sent.time) == (MISMATCH, WRONG)
    assert place.reply(moved.signed_again(), now=sent.time).status == 200


@each
def test_the_scope_has_the_day_of_the_date(place: Place, sent: Recording) -> None:
    key_id, date, *rest = sent.credential
    other = sent.scoped(key_id, "20260101", *rest)
    for one in (other, other.signed_again()):
        message = (
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'20260101' != '{date}', from '{sent.moment}'."
        )
        assert place.refusal(one) == (MISMATCH, message)


# -- The scope and the host --------------------------------------------------------------------------------------------


@each
def test_another_region_or_service_is_refused_also_with_its_signature(place: Place, sent: Recording) -> None:
    key_id, date, region, service, end = sent.credential
    for scope, message in (
        ((key_id, date, "eu-west-1", service, end), "Credential should be scoped to a valid region."),
        ((key_id, date, region, "sns", end), "Credential should be scoped to correct service: 'sqs'."),
        (
            (key_id, date, "eu-west-1", "sns", end),
            "Credential should be scoped to a valid region. Credential should be scoped to correct service: 'sqs'.",
        ),
        (
            (key_id, date, region, service, "aws5_request"),
            "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.",
        ),
    ):
        other = sent.scoped(*scope)
        for one in (other, other.signed_again()):
            assert place.refusal(one) == (MISMATCH, message)


@each
def test_an_unsigned_host_is_refused_also_with_its_signature(place: Place, sent: Recording) -> None:
    other = sent.with_signed_headers([name for name in sent.signed_headers if name != "host"] or ["user-agent"])
    for one in (other, other.signed_again()):
        message = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        assert place.refusal(one) == (MISMATCH, message)


@each
def test_the_replay_of_another_host_is_refused(place: Place, sent: Recording) -> None:
    other = sent.with_header("host", "sqs.us-east-1.amazonaws.com")
    assert place.refusal(other) == (MISMATCH, WRONG)
    assert place.reply(other.signed_again()).status in (200, 400)  # its queue URL may name the former host


@each
def test_another_header_than_the_signed_ones_does_not_matter(place: Place, sent: Recording) -> None:
    assert place.reply(replace(sent, head=(*sent.head, "X-More: of a proxy"))).status == 200


# -- The key -----------------------------------------------------------------------------------------------------------

_KEY = 'access_keys = [{ id = "AKIDEXAMPLE",'
NOT_ACTIVE: dict[str, Callable[[str], str]] = {
    "disabled key": lambda text: text.replace(_KEY, f"{_KEY} enabled = false,"),
    "expired key": lambda text: text.replace(_KEY, f"{_KEY} expires = 2026-01-01T00:00:00Z,"),
    "removed key": lambda text: text.replace("AKIDEXAMPLE", "AKIDANOTHER"),
    "disabled user": lambda text: text.replace("[[users]]", "[[users]]\nenabled = false"),
    "expired user": lambda text: text.replace("[[users]]", "[[users]]\nexpires = 2026-01-01T00:00:00Z"),
    "removed user": lambda text: text.replace('name = "matrix"', 'name = "another"').replace("AKIDEX", "AKIDAN"),
}


@each
def test_a_key_that_is_not_active_is_refused(place: Place, sent: Recording) -> None:
    for name, change in NOT_ACTIVE.items():
        text = change(CREDENTIALS)
        assert text != CREDENTIALS
        if sent.session_key_id and name.endswith("key"):
            assert place.reply(sent, text=text).status == 200  # a session ends with its user, as in IAM
        else:
            assert place.refusal(sent, text=text) == (UNKNOWN_KEY, INVALID_TOKEN), name


@each
def test_a_wrong_secret_is_refused(place: Place, sent: Recording) -> None:
    assert place.refusal(sent.signed_again(sent.secret[:-1])) == (MISMATCH, WRONG)


# -- Session tokens ----------------------------------------------------------------------------------------------------


@each_session
def test_an_altered_or_absent_session_token_is_refused(place: Place, sent: Recording) -> None:
    token = sent.header("x-amz-security-token") or ""
    for other in (f"{token[:40]}{'A' if token[40] != 'A' else 'B'}{token[41:]}", token[:-4], "AQoDYXdzEJr"):
        one = sent.with_header("x-amz-security-token", other)
        assert place.refusal(one) == (UNKNOWN_KEY, INVALID_TOKEN)
        assert place.refusal(one.signed_again()) == (UNKNOWN_KEY, INVALID_TOKEN)
    names = [name for name in sent.signed_headers if name != "x-amz-security-token"]
    bare = sent.without_header("x-amz-security-token").with_signed_headers(names)
    for one in (bare, bare.signed_again()):
        assert place.refusal(one) == (UNKNOWN_KEY, INVALID_TOKEN)
    unsigned = sent.with_signed_headers(names).signed_again()
    found, message = place.refusal(unsigned)
    assert (found, message) == (MISMATCH, "'X-Amz-Security-Token' must be a 'SignedHeader' in the AWS Authorization.")


@each_session
def test_a_session_token_expires(place: Place, sent: Recording) -> None:
    hours = 3600
    before = sent.moved(35 * hours).signed_again()
    assert place.reply(before).status == 200
    after = sent.moved(37 * hours).signed_again()
    assert place.refusal(after) == (EXPIRED, "The security token included in the request is expired")


@each_session
def test_a_session_token_of_another_store_is_refused(place: Place, sent: Recording) -> None:
    assert place.refusal(replace(sent, store_secret=bytes(32))) == (UNKNOWN_KEY, INVALID_TOKEN)
