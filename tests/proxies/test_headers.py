"""What trusted proxies say about the client of a request."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.loading import load
from zaqar_core.configuration.public_url import FORWARDED_PREFIX
from zaqar_core.configuration.settings import Settings
from zaqar_core.web.proxies import KEYS, ForwardedRequests, TrustedProxies

PROXIES = TrustedProxies(Settings(trusted_proxies=("10.0.0.0/8", "fd00::/8")))


def applied(proxies: TrustedProxies = PROXIES, /, **headers: str) -> dict[str, Any]:
    """The environ of a request from 10.0.0.1 after the proxies were heard."""
    environ = {"REMOTE_ADDR": "10.0.0.1", "REMOTE_PORT": "5", "HTTP_HOST": "inner:9324", "wsgi.url_scheme": "http"}
    environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    proxies.apply(environ)
    return environ


def test_without_headers_the_proxy_is_the_client() -> None:
    assert applied() == {
        "REMOTE_ADDR": "10.0.0.1", "REMOTE_PORT": "5", "HTTP_HOST": "inner:9324", "wsgi.url_scheme": "http",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("192.0.2.9, 192.0.2.1", "192.0.2.1"),
        ("192.0.2.9, 192.0.2.1, 10.1.2.3", "192.0.2.1"),
        ("192.0.2.9,192.0.2.1,fd00::7, 10.1.2.3", "192.0.2.1"),
        ("10.9.9.9, 10.1.2.3", "10.9.9.9"),
        ("10.9.9.9, 192.0.2.1", "192.0.2.1"),
        ("unknown", "10.0.0.1"),
        ("192.0.2.1, unknown, 10.1.2.3", "10.1.2.3"),
        ("", "10.0.0.1"),
        (",", "10.0.0.1"),
        ("192.0.2.1.", "10.0.0.1"),
        ("0x7f000001", "10.0.0.1"),
    ],
)
def test_the_client_is_the_right_most_address_that_is_not_trusted(said: str, client: str) -> None:
    assert applied(x_forwarded_for=said)["REMOTE_ADDR"] == client


def test_many_entries_are_read_from_the_right() -> None:
    assert applied(x_forwarded_for="192.0.2.9, " * 10_000 + "192.0.2.1")["REMOTE_ADDR"] == "192.0.2.1"


@pytest.mark.parametrize(
    ("headers", "scheme", "host"),
    [
        ({"x_forwarded_proto": "https"}, "https", "inner:9324"),
        ({"x_forwarded_proto": "HTTPS"}, "https", "inner:9324"),
        ({"x_forwarded_proto": "gopher"}, "http", "inner:9324"),
        ({"x_forwarded_host": "queues.example.org"}, "http", "queues.example.org"),
        ({"x_forwarded_host": "evil.example, queues.example.org"}, "http", "queues.example.org"),
        ({"x_forwarded_host": "queues.example.org", "x_forwarded_port": "8080"}, "http", "queues.example.org:8080"),
        ({"x_forwarded_host": "queues.example.org:1", "x_forwarded_port": "8080"}, "http", "queues.example.org:1"),
        ({"x_forwarded_host": "q", "x_forwarded_port": "443", "x_forwarded_proto": "https"}, "https", "q"),
        ({"x_forwarded_host": "[::1]", "x_forwarded_port": "81"}, "http", "[::1]:81"),
        ({"x_forwarded_host": "q", "x_forwarded_port": "99999"}, "http", "q"),
        ({"x_forwarded_host": "q", "x_forwarded_port": "٣"}, "http", "q"),
    ],
)
def test_scheme_and_host_are_those_of_the_client(headers: dict[str, str], scheme: str, host: str) -> None:
    environ = applied(**headers)
    assert (environ["wsgi.url_scheme"], environ["HTTP_HOST"]) == (scheme, host)


def test_scheme_and_host_are_those_that_the_first_trusted_proxy_saw() -> None:
    environ = applied(
        x_forwarded_for="192.0.2.9, 192.0.2.1, 10.1.2.3",
        x_forwarded_proto="http, https, http",
        x_forwarded_host="evil.example, queues.example.org, inner",
    )
    assert (environ["wsgi.url_scheme"], environ["HTTP_HOST"]) == ("https", "queues.example.org")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("for=192.0.2.1;proto=https;host=queues.example.org", ("192.0.2.1", "https", "queues.example.org")),
        ('For="[2001:db8::1]:47", for=10.2.3.4', ("2001:db8::1", "http", "inner:9324")),
        ("for=192.0.2.9;host=evil, for=192.0.2.1;host=q;proto=https, for=10.1.1.1", ("192.0.2.1", "https", "q")),
        ('for="_x, 10.0.0.1", for=192.0.2.1', ("192.0.2.1", "http", "inner:9324")),
        ('for="192.0.2.9, for=192.0.2.1;proto=https', ("192.0.2.1", "https", "inner:9324")),
        ("for=192.0.2.9" + ";" * 2000 + ", for=10.1.1.1", ("10.1.1.1", "http", "inner:9324")),
        ("for=_hidden;proto=https", ("10.0.0.1", "https", "inner:9324")),
        ("for", ("10.0.0.1", "http", "inner:9324")),
        (",,;", ("10.0.0.1", "http", "inner:9324")),
    ],
)
def test_the_header_forwarded_counts_alike(header: str, expected: tuple[str, str, str]) -> None:
    environ = applied(forwarded=header)
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"], environ["HTTP_HOST"]) == expected


def test_forwarded_does_not_count_beside_the_headers_that_proxies_set() -> None:
    """Most proxies set X-Forwarded-For and pass on a header Forwarded of the client."""
    assert applied(x_forwarded_for="192.0.2.1", forwarded="for=192.0.2.7")["REMOTE_ADDR"] == "192.0.2.1"


@pytest.mark.parametrize(("said", "prefix"), [("/api/", "/api"), ("/a/b", "/a/b"), ("api", None), ("/../x", None)])
def test_a_removed_prefix_is_kept_if_it_is_a_plain_path(said: str, prefix: str | None) -> None:
    assert applied(x_forwarded_prefix=said).get(FORWARDED_PREFIX) == prefix


def test_headers_that_are_left_out_of_the_setting_have_no_effect() -> None:
    proxies = TrustedProxies(Settings(trusted_proxies=("10.0.0.0/8",), forwarded_headers=("X-Forwarded-For",)))
    environ = applied(proxies, x_forwarded_for="192.0.2.1", x_forwarded_host="evil", x_forwarded_proto="https")
    assert (environ["REMOTE_ADDR"], environ["HTTP_HOST"], environ["wsgi.url_scheme"]) == (
        "192.0.2.1", "inner:9324", "http",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("address", "is_trusted"),
    [("10.1.1.1", True), ("::ffff:10.1.1.1", True), ("fd00::1", True), ("11.0.0.1", False), ("", False), ("x", False)],
)
def test_only_addresses_of_the_networks_are_trusted(address: str, is_trusted: bool) -> None:
    assert PROXIES.trusts(address) is is_trusted


@pytest.mark.parametrize(("peer", "client"), [("10.0.0.1", "192.0.2.1"), ("11.0.0.1", "11.0.0.1")])
def test_under_other_servers_a_middleware_hears_trusted_proxies(peer: str, client: str) -> None:
    seen: list[str] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        del start_response
        seen.append(environ["REMOTE_ADDR"])
        return []

    environ = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": "192.0.2.1", "wsgi.url_scheme": "http"}
    ForwardedRequests(app, PROXIES)(environ, lambda *_: None)
    assert seen == [client]


def test_networks_are_checked_at_the_start() -> None:
    with pytest.raises(SettingsInvalid, match="an IP network"):
        load({}, {"SQS_FACADE_TRUSTED_PROXIES": "proxy.example.org"})
    with pytest.raises(SettingsInvalid, match="needs trusted_proxies"):
        load({}, {"SQS_FACADE_PROXY_PROTOCOL": "true"})


_TEXTS = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=60)
_PARTS = ("for=", "10.0.0.1", "192.0.2.1", ",", ";", '"', "\\", "[", "]", ":", "::1", "proto=", "host=", " ")
_LIKELY = st.lists(st.sampled_from(_PARTS), max_size=20).map("".join)


@given(st.dictionaries(st.sampled_from(KEYS), _TEXTS | _LIKELY))
def test_any_header_leaves_an_address_and_a_scheme(headers: dict[str, str]) -> None:
    environ = {"REMOTE_ADDR": "10.0.0.1", "HTTP_HOST": "x", "wsgi.url_scheme": "http", **headers}
    PROXIES.apply(environ)
    assert environ["wsgi.url_scheme"] in ("http", "https")
    assert PROXIES.trusts(environ["REMOTE_ADDR"]) or set(environ["REMOTE_ADDR"]) <= set("0123456789abcdef.:")
