"""The setting that says how clients reach the service."""

from __future__ import annotations

import pytest

from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.loading import load
from zaqar_core.configuration.public_url import PublicUrl, parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://queues.example.org", ("https", "queues.example.org", "")),
        ("https://queues.example.org/", ("https", "queues.example.org", "")),
        ("HTTP://Queues.example.org:8080", ("http", "queues.example.org:8080", "")),
        ("https://my_proxy/queues-api/", ("https", "my_proxy", "/queues-api")),
        ("https://[2001:db8::1]:8443/a/b.c", ("https", "[2001:db8::1]:8443", "/a/b.c")),
        ("http://192.0.2.1/queue", ("http", "192.0.2.1", "/queue")),
    ],
)
def test_a_public_url_has_a_scheme_a_host_and_perhaps_a_base_path(text: str, expected: tuple[str, str, str]) -> None:
    assert parse(text) == PublicUrl(*expected)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "must not be empty"),
        ("queues.example.org", "must begin with http:// or https://"),
        ("ftp://queues.example.org", "must begin with http:// or https://"),
        ("https://", "has no valid host"),
        ("https:///base", "has no valid host"),
        ("https://a b", "has no valid host"),
        ("https://a\n.example", "has no valid host"),
        ("https://ü.example", "has no valid host"),
        ("https://[::1", "has no valid host"),
        ("https://[x]", "has no valid host"),
        ("https://a..b", "has no valid host"),
        ("https://a.example:x", "has no valid port"),
        ("https://a.example:0", "has no valid port"),
        ("https://a.example:65536", "has no valid port"),
        ("https://user:secret@a.example", "must not contain a user, a query or a fragment"),
        ("https://a.example?x=1", "must not contain a user, a query or a fragment"),
        ("https://a.example/#x", "must not contain a user, a query or a fragment"),
        ("https://a.example/a%20b", "has a base path with characters other than"),
        ("https://a.example/a//b", "has a base path with characters other than"),
        ("https://a.example/a/../b", "has a base path with characters other than"),
        ("https://a.example/v2", "has a base path that the service itself uses: /v2"),
        ("https://a.example/v1.1/x", "has a base path that the service itself uses: /v1.1"),
        ("https://a.example/health", "has a base path that the service itself uses: /health"),
        ("https://a.example/moto-api", "has a base path that the service itself uses: /moto-api"),
        ("https://a.example/_aws", "has a base path that the service itself uses: /_aws"),
        ("https://a.example/000000000000", "has a base path that the service itself uses: /000000000000"),
    ],
)
def test_any_other_text_is_refused_at_the_start_in_one_line(text: str, reason: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        load({"public_url": text}, {})
    message = str(caught.value)
    assert message.startswith("flag public_url must ")
    assert reason in message
    assert "secret" not in message
    assert "\n" not in message
