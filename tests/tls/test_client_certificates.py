"""Mutual TLS: the subject of a client certificate stands for a user of the credentials file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.conftest import Service, serving
from tests.credentials.conftest import written
from tests.credentials.signing import ACCOUNT, KEY, SECRET, USER, signed
from tests.patience import PATIENCE_SECONDS
from tests.tls.conftest import Certificates, certificates_in
from zaqar_core.access.certificates import normal_subject, subject_of
from zaqar_core.access.credentials_file import CredentialsInvalid, parse

_DER = Encoding.DER


def subject_of_leaf(issued: trustme.LeafCert) -> str:
    """Return the subject of a certificate as a credentials file names it."""
    return x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes()).subject.rfc4514_string()


@dataclass
class Mutual(Service):
    """A service that asks for client certificates. ``shown`` are files of certificates by the names of users."""

    certificates: Certificates
    shown: dict[str, str]

    def call(self, shown: str | None, form: dict[str, str], **headers: str) -> requests.Response:
        return requests.post(f"{self.url}/", form, headers=headers, **self.by(shown))

    def by(self, shown: str | None) -> dict[str, Any]:
        cert = None if shown is None else self.shown[shown]
        return {"verify": str(self.certificates.trusted), "cert": cert, "timeout": PATIENCE_SECONDS}


@pytest.fixture(scope="session")
def mutual(tmp_path_factory: pytest.TempPathFactory, store_settings: dict[str, str]) -> Iterator[Mutual]:
    folder = tmp_path_factory.mktemp("mutual")
    found, shown, text = certificates_in(folder), {}, USER
    for name, enabled in (("mutual", "true"), ("gone", "false"), ("nobody", "")):
        issued = found.authority.issue_cert(f"{name}@example.org", common_name=name)
        file = folder / f"{name}.pem"
        issued.private_key_and_cert_chain_pem.write_to_path(file)
        shown[name] = str(file)
        if enabled:
            text += f"""
[[users]]
name = "{name}"
account = "210987654321"
enabled = {enabled}
policies = ["admin"]
certificate_subjects = ['{subject_of_leaf(issued)}']
"""
    files = {
        "tls_certificate": str(found.certificate), "tls_key": str(found.key), "tls_client_ca": str(found.trusted),
        "tls_client_certificates": "optional", "credentials_file": str(written(folder, text)), "test_hooks": "true",
    }  # fmt: skip
    with serving(**files, **store_settings) as service:
        yield Mutual(service.url, service.process, found, shown)


def test_an_unsigned_request_is_that_of_the_user_of_the_certificate(mutual: Mutual, lane: str, queue_name: str) -> None:
    form = {"Action": "CreateQueue", "QueueName": queue_name}
    answer = mutual.call("mutual", form, **{"X-SQS-Facade-Lane": lane})
    assert f"<QueueUrl>{mutual.url}/210987654321/{queue_name}<" in answer.text


@pytest.mark.parametrize("shown", [None, "nobody", "gone"])
def test_other_unsigned_requests_are_anonymous(mutual: Mutual, lane: str, shown: str | None) -> None:
    answer = mutual.call(shown, {"Action": "ListQueues"}, **{"X-SQS-Facade-Lane": lane})
    assert (answer.status_code, "<Code>AccessDenied<" in answer.text) == (403, True)


def test_a_signature_counts_more_than_a_certificate(mutual: Mutual, queue_name: str) -> None:
    body = f"Action=CreateQueue&QueueName={queue_name}".encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    _, headers = signed("POST", f"{mutual.url}/", body, headers)
    answer = requests.post(f"{mutual.url}/", body, headers=headers, **mutual.by("mutual"))
    assert f"/{ACCOUNT}/{queue_name}<" in answer.text


def test_zaqar_knows_the_user_of_a_certificate(mutual: Mutual) -> None:
    headers = {"Client-ID": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}
    answers = [
        requests.get(f"{mutual.url}/v2/queues", headers=headers, **mutual.by(one)) for one in ("mutual", "nobody", None)
    ]
    assert [one.status_code for one in answers] == [200, 401, 401]
    wrong = requests.get(f"{mutual.url}/v2/queues", headers=headers, auth=(KEY, SECRET[1:]), **mutual.by("mutual"))
    assert wrong.status_code == 401


def test_a_browser_with_a_certificate_changes_nothing_by_a_url(mutual: Mutual, queue_name: str) -> None:
    """A page of another site can make a browser call a URL, which then shows its certificate."""
    url = f"{mutual.url}/?Action=CreateQueue&QueueName={queue_name}"
    answer = requests.get(url, headers={"User-Agent": "Mozilla/5.0"}, **mutual.by("mutual"))
    assert (answer.status_code, "A web browser must not call" in answer.text) == (403, True)


def test_a_certificate_of_another_authority_is_refused(mutual: Mutual, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.pem"
    trustme.CA().issue_cert("x@example.org", common_name="mutual").private_key_and_cert_chain_pem.write_to_path(foreign)
    options = {**mutual.by(None), "cert": str(foreign)}
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{mutual.url}/health", **options)


def _sts(action: str) -> dict[str, str]:
    return {"Action": action, "Version": "2011-06-15"}


def test_sts_names_the_user_of_a_certificate(mutual: Mutual) -> None:
    answer = mutual.call("mutual", _sts("GetCallerIdentity"))
    assert (answer.status_code, "<Arn>arn:aws:iam::210987654321:user/mutual</Arn>" in answer.text) == (200, True)


@pytest.mark.parametrize("shown", ["nobody", "gone", None])
@pytest.mark.parametrize("action", ["GetCallerIdentity", "GetSessionToken"])
def test_sts_knows_nobody_else_by_a_certificate(mutual: Mutual, shown: str | None, action: str) -> None:
    answer = mutual.call(shown, _sts(action))
    assert (answer.status_code, "<Code>MissingAuthenticationToken<" in answer.text) == (403, True)


def test_a_certificate_gets_temporary_credentials_that_sdks_sign_with(mutual: Mutual) -> None:
    text = mutual.call("mutual", _sts("GetSessionToken")).text
    key, secret, token = (
        re.findall(f"<{name}>(.+)</{name}>", text)[0] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")
    )
    url = f"{mutual.url}/?Action=GetCallerIdentity&Version=2011-06-15"
    _, headers = signed("GET", url, service="sts", key=key, secret=secret, token=token)
    answer = requests.get(url, headers=headers, **mutual.by(None))
    assert "<Arn>arn:aws:iam::210987654321:user/mutual</Arn>" in answer.text


def test_a_wrong_signature_is_refused_whatever_the_certificate(mutual: Mutual) -> None:
    answer = mutual.call("mutual", _sts("GetCallerIdentity"), Authorization="AWS4-HMAC-SHA256 Credential=x")
    assert (answer.status_code, "<Code>IncompleteSignature<" in answer.text) == (400, True)


@pytest.mark.parametrize("headers", [{"User-Agent": "Mozilla/5.0"}, {"Sec-Fetch-Site": "same-origin"}])
def test_a_browser_gets_no_temporary_credentials_for_its_certificate(mutual: Mutual, headers: dict[str, str]) -> None:
    answer = mutual.call("mutual", _sts("GetSessionToken"), **headers)
    assert (answer.status_code, "<Code>AccessDenied<" in answer.text) == (403, True)


def test_subjects_are_compared_in_one_form() -> None:
    issued = trustme.CA().issue_cert("x@example.org", common_name="a, b")
    der = x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes()).public_bytes(_DER)
    subject = subject_of(der)
    assert normal_subject(subject.replace("CN=a\\, b", "CN=a\\2C b")) == subject
    assert subject_of(b"nothing") == ""


def test_parts_of_a_subject_may_have_the_names_of_openssl() -> None:
    expected = normal_subject("1.2.840.113549.1.9.1=a@example.org,CN=a")
    assert normal_subject("emailAddress=a@example.org,CN=a") == expected


@pytest.mark.parametrize("subjects", ['["orders"]', '[""]', '["CN=a", "CN=a"]'])
def test_subjects_that_cannot_be_used_are_named(subjects: str) -> None:
    with pytest.raises(CredentialsInvalid, match="certificate subject"):
        parse(f'[[users]]\nname = "a"\naccount = "{ACCOUNT}"\ncertificate_subjects = {subjects}\n')
