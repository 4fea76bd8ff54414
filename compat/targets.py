"""Services on which scenarios run: the facade in either protocol, moto, any endpoint, and, with a flag, AWS."""

from __future__ import annotations

import importlib.metadata
import logging
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import boto3
import requests
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import LocationParseError

from . import query_protocol
from .protocol import Protocol
from .service import facade

NAMES: Final = ("facade-json", "facade-query", "moto", "moto-server", "aws")
#: The longest wait of a scenario on a target whose clock cannot be moved.
MAX_WAIT_SECONDS: Final = 2.0
_BOTH: Final = frozenset[Protocol](("json", "query"))


class TargetRefused(Exception):
    """A target cannot be used, or is not allowed. The text is one line."""


@dataclass
class Target:
    """One service.

    ``endpoint`` is None for AWS's own address. ``protocol`` is that of the client, ``wire`` are the protocols whose raw
    requests the target accepts. ``is_distributed``: a short poll may return nothing although messages are visible.
    """

    name: str
    endpoint: str | None = None
    protocol: Protocol = "json"
    wire: frozenset[Protocol] = _BOTH
    region: str = "us-east-1"
    prefix: str = "compat-"
    max_wait_seconds: float = MAX_WAIT_SECONDS
    is_facade: bool = False
    has_clock: bool = False
    is_distributed: bool = False
    version: str = ""
    #: None: the access key names the account, so that every run can have an account of its own.
    fixed_credentials: ReadOnlyCredentials | None = None
    _clients: dict[tuple[str, str | None], Any] = field(default_factory=dict)
    _creating: threading.Lock = field(default_factory=threading.Lock)

    @property
    def address(self) -> str:
        """The base URL of the service."""
        return self.endpoint or f"https://sqs.{self.region}.amazonaws.com"

    def own_account(self) -> ReadOnlyCredentials:
        """Return credentials of an unused account; of the only one if the target has fixed credentials."""
        return self.fixed_credentials or ReadOnlyCredentials(f"{uuid.uuid4().int % 10**12:012d}", "secret", None)

    @cached_property
    def shared_account(self) -> ReadOnlyCredentials:
        """Credentials of the account for scenarios that need none of their own."""
        return self.own_account()

    @cached_property
    def _session(self) -> boto3.Session:
        session = query_protocol.session() if self.protocol == "query" else None
        return boto3.Session(botocore_session=session, region_name=self.region)

    def client(self, credentials: ReadOnlyCredentials, region: str | None = None) -> Any:
        """Return a client that neither validates parameters nor repeats requests."""
        key = (credentials.access_key, region)
        with self._creating:
            if key not in self._clients:
                self._clients[key] = self._new_client(credentials, region)
            return self._clients[key]

    def _new_client(self, credentials: ReadOnlyCredentials, region: str | None) -> Any:
        config = Config(
            parameter_validation=False,
            max_pool_connections=64,
            retries={"total_max_attempts": 1},
            read_timeout=40,
            ignore_configured_endpoint_urls=True,  # AWS_ENDPOINT_URL must not replace the target
        )
        return self._session.client(
            "sqs",
            region_name=region or self.region,
            endpoint_url=self.endpoint,
            aws_access_key_id=credentials.access_key,
            aws_secret_access_key=credentials.secret_key,
            aws_session_token=credentials.token,
            config=config,
        )


def checked(name: str, *, allow_aws: bool = False, region: str | None = None) -> None:
    """Check a target, as far as possible without starting it. Raises TargetRefused."""
    if name == "aws":
        _aws(allow_aws, region)
    elif "://" in name:
        _endpoint(name, region)
    elif name not in NAMES:
        raise TargetRefused(
            f"there is no target {name!r}: give one of {', '.join(NAMES)}, or a URL (query+http://… for query)"
        )


@contextmanager
def opened(name: str, facades: Facades, *, allow_aws: bool = False, region: str | None = None) -> Iterator[Target]:
    """Start or connect to a target; on AWS delete leftover queues afterwards. Raises TargetRefused."""
    match name:
        case "facade-json" | "facade-query":
            yield facades.target("json" if name == "facade-json" else "query")
        case "moto":
            with _moto() as target:
                yield target
        case "moto-server":
            with _moto_server() as target:
                yield target
        case "aws":
            target = _aws(allow_aws, region)
            try:
                yield target
            finally:
                _sweep(target)
        case _ if "://" in name:
            yield _endpoint(name, region)
        case _:
            checked(name)


#: Domains of AWS, whose queues cost money.
_AWS_HOSTS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


def _endpoint(name: str, region: str | None) -> Target:
    """Return the target of any service of SQS at a URL; credentials are in the URL: ``http://key:secret@host``."""
    protocol: Protocol = "query" if name.startswith("query+") else "json"
    try:
        address = urlsplit(name.removeprefix("query+"))
        host, port = address.hostname, address.port
    except ValueError as problem:
        raise TargetRefused(f"{name!r} is not a URL: {problem}") from None
    if address.scheme not in ("http", "https") or not host or address.query or address.fragment:
        raise TargetRefused(f"{name!r} is not the URL of an endpoint, such as http(s)://host[:port][/path]")
    if host.endswith(_AWS_HOSTS):
        raise TargetRefused(f"{host} is AWS: use the target aws, with --allow-aws")
    given = None
    if address.username or address.password:
        given = ReadOnlyCredentials(unquote(address.username or ""), unquote(address.password or ""), None)
    netloc = f"[{host}]" if ":" in host else host
    url = f"{address.scheme}://{netloc}{'' if port is None else f':{port}'}{address.path.rstrip('/')}"
    shown = f"{'query+' if protocol == 'query' else ''}{url}"
    target = Target(shown, url, protocol, region=region or "us-east-1", fixed_credentials=given)
    try:
        target.client(target.shared_account).list_queues()
    except (ClientError, BotoCoreError, ResponseParserError, ValueError, LocationParseError) as problem:
        reason = " ".join(str(problem).split())
        raise TargetRefused(f"{shown} does not respond as SQS does: {reason[:200]}") from None
    return target


def _sweep(target: Target) -> None:
    """Delete the queues with the target's prefix, and print those that cannot be deleted."""
    client = target.client(target.shared_account)
    for page in client.get_paginator("list_queues").paginate(QueueNamePrefix=target.prefix):
        for url in page.get("QueueUrls", []):
            try:
                client.delete_queue(QueueUrl=url)
            except client.exceptions.QueueDoesNotExist:
                continue  # the list is eventually consistent
            except (ClientError, BotoCoreError) as problem:
                sys.stderr.write(f"cannot delete the queue {url}: {problem}\n")


class Facades:
    """The service that the targets of both protocols share; the first target starts it."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._url: str | None = None

    def __enter__(self) -> Facades:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def target(self, protocol: Protocol) -> Target:
        """Return the target of the service in one protocol."""
        if self._url is None:
            self._url = self._stack.enter_context(facade())
        return Target(
            f"facade-{protocol}",
            self._url,
            protocol,
            frozenset({protocol}),
            is_facade=True,
            has_clock=_has_clock(self._url),
            version=importlib.metadata.version("sqs-facade"),
        )


def _has_clock(url: str) -> bool:
    response = requests.post(f"{url}/_test/clock", json={"advance_seconds": 0}, timeout=10)
    return response.status_code == 200


_MOTO_CREDENTIALS: Final = ReadOnlyCredentials("testing", "testing", None)


@contextmanager
def _moto() -> Iterator[Target]:
    """Run moto in this process, as its decorator does."""
    try:
        from moto import mock_aws
    except ImportError as problem:
        raise TargetRefused("moto is not installed: pip install 'sqs-facade[compat]'") from problem
    with mock_aws():
        yield Target("moto", fixed_credentials=_MOTO_CREDENTIALS, version=importlib.metadata.version("moto"))


@contextmanager
def _moto_server() -> Iterator[Target]:
    """Run moto as a server on a free port."""
    try:
        from moto.server import ThreadedMotoServer
    except ImportError as problem:
        raise TargetRefused("moto's server is not installed: pip install 'sqs-facade[compat]'") from problem
    log = logging.getLogger("werkzeug")
    level = log.level
    log.setLevel(logging.CRITICAL)  # it logs every request, and a traceback of every error
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield Target(
            "moto-server",
            f"http://{host}:{port}",
            fixed_credentials=_MOTO_CREDENTIALS,
            version=importlib.metadata.version("moto"),
        )
    finally:
        server.stop()
        log.setLevel(level)


def _aws(is_allowed: bool, region: str | None) -> Target:
    """Return the target AWS, with the credentials that boto3 finds. Raises TargetRefused unless it is allowed."""
    if not is_allowed:
        raise TargetRefused("the target aws creates queues in your account: allow it with --allow-aws")
    session = boto3.Session()
    found = session.get_credentials()
    if found is None:
        raise TargetRefused("the target aws needs credentials, and boto3 found none")
    return Target(
        "aws",
        region=region or session.region_name or "us-east-1",
        prefix=f"sqs-facade-compat-{uuid.uuid4().hex[:6]}-",
        max_wait_seconds=90,
        is_distributed=True,
        fixed_credentials=found.get_frozen_credentials(),
    )
