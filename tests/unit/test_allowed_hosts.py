"""Which hosts are this machine's own, and which texts are hosts."""

from __future__ import annotations

import socket

import pytest

from sqs_facade import addresses
from zaqar_core.configuration.settings import Settings
from zaqar_core.web.allowed_hosts import AllowedHosts, is_loopback, is_valid

HERE = AllowedHosts(Settings())
NAMED = AllowedHosts(
    Settings(
        public_url="https://Queues.Example.org:8443/base",
        allowed_hosts=("sqs.test", "Other.test.:81", "10.1.2.3", "fe80::1", "[fe80::2]:82"),
    )
)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.0.0.1:9324", "127.0.0.1.", "127.255.0.9:1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1",
        "[::1]", "[::1]:9324", "[0:0:0:0:0:0:0:1]:9", "[::ffff:127.0.0.1]", "[::FFFF:7f00:1]", "[::1%25lo]",
        "localhost", "LocalHost:9324", "localhost.:1", "a.b.localhost", "sqs.us-east-1.localhost:4566",
        "localhost.localstack.cloud:4566", "sqs.us-east-1.localhost.localstack.cloud:4566", "host.docker.internal:9324",
        "HOST.docker.INTERNAL.", "sqs:9324", "sqs", "my_queue-service:80", "2a", socket.gethostname(),
    ],
)  # fmt: skip
def test_a_host_of_this_machine_is_accepted(host: str) -> None:
    assert is_valid(host)
    assert host in HERE


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:9324", "localhost.evil.example", "evillocalhost.example",
        "xlocalhost.localstack.cloud",
        "a.host.docker.internal", "docker.internal", "127.0.0.1.evil.example", "127.0.0.1.nip.io", "10.0.0.1",
        "0.0.0.0:9324", "0", "3232235777", "0x0a000001", "128.0.0.1", "[::]", "[fe80::1]:80", "[::ffff:10.0.0.1]",
        "sqs.us-east-1.com",
        "sqs.us-east-1.queues", "us-east-1.queue.queues", "queues.example.org", "localstack.cloud",
    ],
)  # fmt: skip
def test_any_other_host_is_not(host: str) -> None:
    assert is_valid(host)
    assert host not in HERE


@pytest.mark.parametrize(
    ("host", "is_accepted"),
    [
        ("queues.example.org", True), ("QUEUES.example.ORG.:1", True), ("sqs.eu-west-1.queues.example.org:8443", True),
        ("eu-west-1.queue.queues.example.org", True), ("evil.queues.example.org", False), ("example.org", False),
        ("sqs.test", True), ("sqs.test:5", True), ("SQS.Test.:5", True), ("a.sqs.test", False),
        ("sqs.eu-west-1.sqs.test", True), ("other.test:81", True), ("other.test", False), ("other.test:82", False),
        ("10.1.2.3:9", True), ("10.1.2.4", False), ("[fe80::1]:9", True), ("[fe80::2]:82", True), ("[fe80::2]", False),
    ],
)  # fmt: skip
def test_a_host_of_the_settings_is_accepted_as_queue_urls_have_it(host: str, is_accepted: bool) -> None:
    assert (host in NAMED) is is_accepted


@pytest.mark.parametrize("form", addresses.HOST_FORMS)
@pytest.mark.parametrize("region", ["us-east-1", "us-gov-west-1", "eusc-de-east-1"])
def test_every_form_of_a_queue_url_is_accepted_at_a_named_host(form: str, region: str) -> None:
    assert addresses.HOST_FORMS[form].format(region=region, host="sqs.test:9324") in NAMED


@pytest.mark.parametrize(
    "host",
    [
        "", " ", "a b", "a,b", "a/b", "u@a", "a..b", ".a", "a:b", "a:1:2", "a:65536", "a:-1", "a:999999", "[", "[::1",
        "::1",
        "[1.2.3.4]", "[::1]x", "[::g]", "[:]", "a%20b", "a;b", "a(b)", "a'", "a&b", 'a"', "a\n", "ä", "a\x00", "*",
        "x" * 256,
    ],
)  # fmt: skip
def test_a_text_that_is_not_a_host_is_invalid(host: str) -> None:
    assert not is_valid(host)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("LocalHost.", True),
        ("a.localhost", True),
        ("notlocalhost", False),
        ("localhost.example.org", False),
        ("::ffff:127.0.0.1", True),
        ("127.1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.1", False),
    ],
)
def test_an_address_to_listen_on_is_loopback_or_not(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected
