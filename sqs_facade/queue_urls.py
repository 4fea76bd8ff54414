"""Write queue URLs by the settings ``queue_url_host`` and ``public_url``. :mod:`sqs_facade.addresses` reads them.

A host contains a region in the form of AWS, ``sqs.<region>.<host>``, or in AWS's old form, ``<region>.queue.<host>``.
In both forms ``<host>`` keeps its port.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from sqs_facade import addresses
from zaqar_core.configuration import public_url
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.names import QueueRef


def of(ref: QueueRef, settings: Settings, scheme: str, host: str, prefix: str = "") -> str:
    """Write the URL of a queue for a client that called this scheme and host.

    ``prefix`` is the path that a proxy has removed, "" if it has removed none.
    """
    is_ignored = settings.regions == "ignore"
    form, public = settings.queue_url_host, settings.public_url
    start = _start(ref.region, form, public, scheme, host, prefix, is_ignored=is_ignored)
    return f"{start}/{ref.project}/{ref.name}"


@lru_cache(maxsize=1024)
def _start(
    region: str, strategy: str, public: str | None, scheme: str, host: str, base_path: str, *, is_ignored: bool
) -> str:
    """Return the part of the URL before the account."""
    shown = addresses.host_parts(host)
    if public is not None:
        scheme, public_host, base_path = public_url.parse(public)
        called, shown = shown, addresses.host_parts(public_host)
        if called.form and _name(called.rest) == _name(shown.rest):
            shown = shown._replace(form=called.form, region=called.region)
    if is_ignored and shown.region:
        region = shown.region  # of the called host: all regions are the home region
    form = strategy if strategy in addresses.HOST_FORMS else shown.form
    # An IP address has no subdomains.
    is_possible = form == shown.form or not _is_ip_address(shown.rest)
    if form and is_possible and addresses.is_host_region(region):
        netloc = addresses.HOST_FORMS[form].format(region=region, host=shown.rest)
    else:
        netloc = shown.rest
    path = f"/queue/{quote(region, safe='')}" if strategy == "path" and region else ""
    return f"{scheme}://{netloc}{base_path}{path}"


def _name(host: str) -> str:
    """Return the host without its port, in lower case."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_ip_address(host: str) -> bool:
    try:
        ip_address(_name(host))
    except ValueError:
        return False
    return True
