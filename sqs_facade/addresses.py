"""Resolve the queue of a request: account, region and name, from every known form of queue URL.

The region is that of the URL or of the called host, else that of the credential scope, else the home region.
The account is that of the URL, else a 12-digit access key, else the default account.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from sqs_facade.errors import SqsError, no_queue
from zaqar_core.access import arns
from zaqar_core.configuration import public_url
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain import limits
from zaqar_core.domain.names import QueueRef, is_region

#: Host forms that contain a region, by value of the setting ``queue_url_host``.
HOST_FORMS = {"standard": "sqs.{region}.{host}", "domain": "{region}.queue.{host}"}
_REGION = r"((?:[a-z]{2}|eusc)(?:-[a-z]+)+-[0-9]+)"
_HOSTS = {
    form: re.compile(written.replace(".", r"\.").format(region=_REGION, host="(.+)"), re.IGNORECASE)
    for form, written in HOST_FORMS.items()
}
_HOST_REGION = re.compile(_REGION)
_ACCOUNT = re.compile(r"[0-9]{12}\Z")
_NAME = re.compile(r"[A-Za-z0-9_-]+\Z")
#: Queue names in addresses. A queue created by Zaqar may have dots in its name, but not dots alone.
_ADDRESSED = re.compile(rf"(?!\.fifo\Z)(?=\.*[A-Za-z0-9_-])[A-Za-z0-9_.-]{{1,{limits.QUEUE_NAME_CHARACTERS}}}\Z")
_CREDENTIAL = re.compile(r"Credential=([^,\s]+)")
#: How much is searched of the beginning and of the end of a body.
_GLANCE_BYTES = 4096
#: The last segment of a QueueUrl in a JSON document and in a form.
_GLANCE_JSON = re.compile(rb'"QueueUrl"\s*:\s*"(?:[^"]*/)?([^"/]*)"')
_GLANCE_FORM = re.compile(rb"(?:\A|&)QueueUrl=(?:[^&]*(?:/|%2[Ff]))?([^&]*)")


class Caller(NamedTuple):
    """The account and region of the sender of a request."""

    account: str
    region: str


def caller_of(environ: Mapping[str, Any], settings: Settings) -> Caller:
    """Derive the caller from the called host and the Authorization header or presigned query of a request."""
    credential = _credential(environ)
    if settings.regions == "ignore":
        return Caller(_caller(credential, "", "", settings.default_account).account, settings.region)
    return _caller(credential, environ.get("HTTP_HOST", ""), settings.region, settings.default_account)


@lru_cache(maxsize=1024)
def _caller(credential: str | None, host: str, home_region: str, default_account: str) -> Caller:
    access_key, scope_region = _scope(credential) if credential else ("", "")
    account = access_key if _ACCOUNT.match(access_key) else default_account
    return Caller(account, host_parts(host).region or scope_region or home_region)


def has_credential(environ: Mapping[str, Any]) -> bool:
    """Return whether a request names an access key."""
    return _credential(environ) is not None


def access_key_id(environ: Mapping[str, Any]) -> str:
    """Return the id of the access key that a request names, "" without one."""
    return (_credential(environ) or "").partition("/")[0]


def _credential(environ: Mapping[str, Any]) -> str | None:
    header = environ.get("HTTP_AUTHORIZATION")
    if header:
        found = _CREDENTIAL.search(header)
        return found[1] if found else None
    query = environ.get("QUERY_STRING", "")
    if "X-Amz-Credential=" in query:
        return unquote(query.partition("X-Amz-Credential=")[2].partition("&")[0])
    return None


def _scope(credential: str) -> tuple[str, str]:
    parts = credential.split("/")
    return parts[0], parts[2] if len(parts) == 5 and is_region(parts[2]) else ""


class HostParts(NamedTuple):
    """The parts of a called host. ``form`` is a key of HOST_FORMS; ``form`` and ``region`` are empty if the host
    contains no region. ``rest`` includes the port."""

    form: str
    region: str
    rest: str


@lru_cache(maxsize=1024)
def host_parts(host: str) -> HostParts:
    """Split a called host into its parts."""
    for form, pattern in _HOSTS.items():
        found = pattern.fullmatch(host)
        if found and is_region(found[1]):
            return HostParts(form, found[1].lower(), found[2])
    return HostParts("", "", host)


def is_host_region(region: str) -> bool:
    """Return whether a host name can contain the region."""
    return _HOST_REGION.fullmatch(region) is not None


def queue(queue_url: str | None, path: str, caller: Caller, settings: Settings, prefix: str = "") -> QueueRef:
    """Return the queue of a QueueUrl, or without one that of the request's path.

    ``prefix`` is the path that a proxy has removed, which URLs may begin with unless ``public_url`` is set.
    Raises SqsError: InvalidAddress, or QueueDoesNotExist if there is neither (recorded).
    """
    if not queue_url:
        if path in ("", "/"):
            raise no_queue()
        queue_url = path
    if len(queue_url) > limits.QUEUE_URL_CHARACTERS:
        raise bad(queue_url)
    if settings.public_url is not None:
        prefix = public_url.parse(settings.public_url).base_path
    return _parse(queue_url, caller, settings.region if settings.regions == "ignore" else "", prefix)


@lru_cache(maxsize=16384)
def _parse(url: str, caller: Caller, forced_region: str, base_path: str) -> QueueRef:
    region = ""
    path = url
    if "://" in url:
        try:
            parts = urlsplit(url)
        except ValueError:
            raise bad(url) from None
        region, path = host_parts(parts.netloc).region, parts.path
    segments = [unquote(part) for part in path.split("/") if part]
    base = base_path.split("/")[1:]
    if base and len(segments) > len(base) and segments[: len(base)] == base:
        segments = segments[len(base) :]
    if segments and segments[0] == "queue" and len(segments) > 1:
        segments = segments[1:]
    match segments:
        case [name]:
            account = caller.account
        case [account, name] if _ACCOUNT.match(account):
            pass
        case [named_region, account, name] if _ACCOUNT.match(account) and is_region(named_region):
            region = region or named_region
        case _:
            raise bad(url)
    if not is_addressed(name):
        raise bad(url)
    return QueueRef(account, forced_region or region or caller.region, name)


def named(
    settings: Settings, environ: Mapping[str, Any], text: str, account: str | None, region: str | None
) -> QueueRef | None:
    """Return the queue of a name or URL as the sender of the request addresses it; None if it is not a valid address.

    ``account`` and ``region`` override those of the caller.
    """
    caller = caller_of(environ, settings)
    caller = Caller(account or caller.account, region or caller.region)
    try:
        return queue(text, "/", caller, settings)
    except SqsError:
        return None


def name_at_a_glance(environ: Mapping[str, Any], body: bytes) -> str:
    """Return the name of the queue that a request is about, without decoding it; "" if it is not found.

    For decisions that need not be right about unusual spellings.
    """
    path: str = environ["PATH_INFO"]
    if path != "/":
        return path.rpartition("/")[2]
    pattern = _GLANCE_JSON if "HTTP_X_AMZ_TARGET" in environ else _GLANCE_FORM
    text = body or environ.get("QUERY_STRING", "").encode("latin-1")
    found = pattern.search(text, 0, _GLANCE_BYTES) or pattern.search(text, max(0, len(text) - _GLANCE_BYTES))
    return found[1].decode("latin-1") if found else ""


def is_name(name: str) -> bool:
    """Return whether CreateQueue accepts the name: letters, digits, hyphens and underscores, with or without ``.fifo``.

    The suffix counts toward the length.
    """
    return len(name) <= limits.QUEUE_NAME_CHARACTERS and bool(_NAME.match(name.removesuffix(".fifo")))


def names_account(url: str) -> bool:
    """Return whether the path of a URL contains an account, as queue URLs do."""
    return any(map(is_account, url.split("/")))


def is_account(text: str) -> bool:
    """Return whether the text is an account id: 12 digits."""
    return bool(_ACCOUNT.match(text))


def is_addressed(name: str) -> bool:
    """Return whether an existing queue can have this name, whichever face created it."""
    return bool(_ADDRESSED.match(name))


def bad(url: str) -> SqsError:
    """Build the error for an address that is not one of a queue."""
    return SqsError("InvalidAddress", f"The address {url[:200]} is not valid for this endpoint.")


def arn(ref: QueueRef) -> str:
    """Return the SQS ARN of a queue."""
    return arns.of_queue(ref)


def of_arn(text: str, settings: Settings) -> QueueRef | None:
    """Return the queue of an SQS ARN; None if the text is not one."""
    match text.split(":"):
        case ["arn", _, "sqs", region, account, name] if (
            is_region(region) and region and account and is_addressed(name)
        ):
            return QueueRef(account, settings.region if settings.regions == "ignore" else region, name)
    return None
