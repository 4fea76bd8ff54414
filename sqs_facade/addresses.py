"""Which queue a request means: account, region and name from every known shape of queue URL.

Region: the URL's or the called host's, else the credential scope's, else the home region.
Account: the URL's, else a 12-digit access key, else the default account.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from sqs_facade.errors import SqsError, no_queue
from zaqar_core.configuration import public_url
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain import limits
from zaqar_core.domain.names import QueueRef, is_region

#: Host forms that name a region, by the words of the setting ``queue_url_host``.
HOST_FORMS = {"standard": "sqs.{region}.{host}", "domain": "{region}.queue.{host}"}
_REGION = r"((?:[a-z]{2}|eusc)(?:-[a-z]+)+-[0-9]+)"
_HOSTS = {
    form: re.compile(written.replace(".", r"\.").format(region=_REGION, host="(.+)"), re.IGNORECASE)
    for form, written in HOST_FORMS.items()
}
_HOST_REGION = re.compile(_REGION)
_ACCOUNT = re.compile(r"[0-9]{12}\Z")
_NAME = re.compile(r"[A-Za-z0-9_-]+\Z")
#: What an address may name: also a queue that Zaqar made, with dots, but not of dots alone.
_ADDRESSED = re.compile(rf"(?!\.fifo\Z)(?=\.*[A-Za-z0-9_-])[A-Za-z0-9_.-]{{1,{limits.QUEUE_NAME_CHARACTERS}}}\Z")
_CREDENTIAL = re.compile(r"Credential=([^,\s]+)")


class Caller(NamedTuple):
    """Who asks, and from where, as far as the request says."""

    account: str
    region: str


def caller(environ: Mapping[str, Any], settings: Settings) -> Caller:
    """From the host as called, the Authorization header or a presigned query."""
    found = _credential(environ)
    access_key, scope_region = _scope(found) if found else ("", "")
    host_region = host_parts(environ.get("HTTP_HOST", "")).region
    account = access_key if _ACCOUNT.match(access_key) else settings.default_account
    region = settings.region if settings.regions == "ignore" else host_region or scope_region or settings.region
    return Caller(account, region)


def _credential(environ: Mapping[str, Any]) -> str | None:
    header = environ.get("HTTP_AUTHORIZATION")
    if header:
        found = _CREDENTIAL.search(header)
        return found[1] if found else None
    query = environ.get("QUERY_STRING", "")
    if "X-Amz-Credential=" in query:
        return unquote(query.partition("X-Amz-Credential=")[2].partition("&")[0])
    return None


@lru_cache(maxsize=1024)
def _scope(credential: str) -> tuple[str, str]:
    parts = credential.split("/")
    return parts[0], parts[2] if len(parts) == 5 else ""


class HostParts(NamedTuple):
    """A host as called: the form by which it names a region, the region, both empty where it names none, and the rest
    with its port."""

    form: str
    region: str
    rest: str


@lru_cache(maxsize=1024)
def host_parts(host: str) -> HostParts:
    """Take a host apart."""
    for form, pattern in _HOSTS.items():
        found = pattern.fullmatch(host)
        if found:
            return HostParts(form, found[1].lower(), found[2])
    return HostParts("", "", host)


def is_host_region(region: str) -> bool:
    """Whether a host can name the region."""
    return _HOST_REGION.fullmatch(region) is not None


def queue(queue_url: str | None, path: str, who: Caller, settings: Settings) -> QueueRef:
    """The queue that a QueueUrl names, or else the request's path. Raises InvalidAddress, and QueueDoesNotExist where
    neither names one (recorded)."""
    if not queue_url:
        if path in ("", "/"):
            raise no_queue()
        queue_url = path
    if len(queue_url) > limits.QUEUE_URL_CHARACTERS:
        raise bad(queue_url)
    return _parse(queue_url, who, settings.region if settings.regions == "ignore" else "", settings.public_url)


@lru_cache(maxsize=16384)
def _parse(url: str, who: Caller, forced_region: str, public: str | None) -> QueueRef:
    region = ""
    path = url
    if "://" in url:
        try:
            parts = urlsplit(url)
        except ValueError:
            raise bad(url) from None
        region, path = host_parts(parts.netloc).region, parts.path
    segments = [unquote(part) for part in path.split("/") if part]
    base = public_url.parse(public).base_path.split("/")[1:] if public is not None else []
    if base and len(segments) > len(base) and segments[: len(base)] == base:
        segments = segments[len(base) :]
    if segments and segments[0] == "queue" and len(segments) > 1:
        segments = segments[1:]
    match segments:
        case [name]:
            account = who.account
        case [account, name] if _ACCOUNT.match(account):
            pass
        case [named_region, account, name] if _ACCOUNT.match(account) and is_region(named_region):
            region = region or named_region
        case _:
            raise bad(url)
    if not is_addressed(name):
        raise bad(url)
    return QueueRef(account, forced_region or region or who.region, name)


def named(
    settings: Settings, environ: Mapping[str, Any], text: str, account: str | None, region: str | None
) -> QueueRef | None:
    """The queue of that name or URL as the caller, or another account in another region, means it. None if none."""
    who = caller(environ, settings)
    who = Caller(account or who.account, region or who.region)
    try:
        return queue(text, "/", who, settings)
    except SqsError:
        return None


def is_name(name: str) -> bool:
    """Whether SQS creates it: letters, digits, hyphens, underscores; ``.fifo`` at the end counts for its length."""
    return len(name) <= limits.QUEUE_NAME_CHARACTERS and bool(_NAME.match(name.removesuffix(".fifo")))


def names_account(url: str) -> bool:
    """Whether a URL has an account in its path, as queue URLs do."""
    return any(map(is_account, url.split("/")))


def is_account(text: str) -> bool:
    """Whether it is an account id: 12 digits."""
    return bool(_ACCOUNT.match(text))


def is_addressed(name: str) -> bool:
    """Whether a queue may have this name, whichever dialect created it."""
    return bool(_ADDRESSED.match(name))


def bad(url: str) -> SqsError:
    """The answer to an address that names no queue."""
    return SqsError("InvalidAddress", f"The address {url[:200]} is not valid for this endpoint.")


def arn(ref: QueueRef) -> str:
    return f"arn:aws:sqs:{ref.region}:{ref.project}:{ref.name}"


def of_arn(text: str, settings: Settings) -> QueueRef | None:
    """The queue of an SQS ARN, None when it is none."""
    match text.split(":"):
        case ["arn", _, "sqs", region, account, name] if (
            is_region(region) and region and account and is_addressed(name)
        ):
            return QueueRef(account, settings.region if settings.regions == "ignore" else region, name)
    return None
