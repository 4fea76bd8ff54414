"""Allowed destinations of notifications."""

from __future__ import annotations

import ipaddress

import pytest

from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.loading import load
from zaqar_core.configuration.settings import Settings
from zaqar_core.notifications.targets import TargetRefused, addresses, check, is_allowed

PRIVATE = (
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1",
    "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2001:db8::1",
    "fec0::1", "::a00:1", "::ffff:0:7f00:1", "64:ff9b:1::7f00:1", "2606:4700::5efe:7f00:1",
    "2606:4700::200:5efe:7f00:1", "3fff::1", "5f00::1", "192.0.0.8", "192.88.99.1",
)  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_private_networks_are_refused(address: str) -> None:
    assert not is_allowed(ipaddress.ip_address(address), Settings())
    literal = f"[{address}]" if ":" in address else address
    with pytest.raises(TargetRefused):
        check(f"http://{literal}:8080/x", Settings())


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_networks_are_allowed(address: str) -> None:
    assert is_allowed(ipaddress.ip_address(address), Settings())


def test_a_network_can_be_allowed_by_the_setting() -> None:
    settings = Settings(webhook_allowed_networks=("10.0.0.0/8", "fd00::/8"))
    assert is_allowed(ipaddress.ip_address("10.1.1.1"), settings)
    assert is_allowed(ipaddress.ip_address("fd00::1"), settings)
    assert is_allowed(ipaddress.ip_address("::ffff:10.1.1.1"), settings)
    assert not is_allowed(ipaddress.ip_address("192.168.1.1"), settings)


def test_an_ephemeral_service_may_call_loopback() -> None:
    settings = Settings(ephemeral=True)
    assert is_allowed(ipaddress.ip_address("127.0.0.1"), settings)
    assert not is_allowed(ipaddress.ip_address("192.168.1.1"), settings)


@pytest.mark.parametrize("host", ["localhost", "0", "127.1", "0x7f.1", "2130706433"])
def test_the_addresses_of_a_name_are_checked_too(host: str) -> None:
    """The resolver decides the meaning of the name."""
    with pytest.raises(TargetRefused):
        addresses(host, 80, Settings())


def test_a_wrong_network_is_one_clear_line() -> None:
    with pytest.raises(SettingsInvalid, match=r"WEBHOOK_ALLOWED_NETWORKS must be .*: 10\.0\.0\.1/8 has host bits set"):
        load({}, {"SQS_FACADE_WEBHOOK_ALLOWED_NETWORKS": "10.0.0.1/8"})
