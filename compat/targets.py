"""Where scenarios run: the facade by either protocol, moto, any endpoint, and, only when asked for twice, AWS."""

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
from .embedded import facade
from .scenario import Protocol

NAMES: Final = ("facade-json", "facade-query", "moto", "moto-server", "aws")
#: The longest that a scenario waits where a clock cannot be moved, by default.
MAX_WAIT_SECONDS: Final = 2.0
_BOTH: Final = frozenset[Protocol](("json", "query"))


class TargetRefused(Exception):
    """A target that must not, or cannot, be used."""


@dataclass
class Target:
    """One service. ``endpoint`` None means AWS's own address; ``wire``: the protocols whose raw scenarios it runs."""

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
    #: Used as they are; without them an access key names the account, and there are as many as one likes.
    fixed_credentials: ReadOnlyCredentials | None = None
    _clients: dict[tuple[str, str | None], Any] = field(default_factory=dict)
    _making: threading.Lock = field(default_factory=threading.Lock)

    @property
    def address(self) -> str:
        return self.endpoint or f"https://sqs.{self.region}.amazonaws.com"

    def own_account(self) -> ReadOnlyCredentials:
        """Credentials of an account that nobody else uses, where the target has many."""
        return self.fixed_credentials or ReadOnlyCredentials(f"{uuid.uuid4().int % 10**12:012d}", "secret", None)

    @cached_property
    def shared_account(self) -> ReadOnlyCredentials:
        """Credentials of one account for all who need none of their own."""
        return self.own_account()

    @cached_property
    def _session(self) -> boto3.Session:
        spoken = query_protocol.session() if self.protocol == "query" else None
        return boto3.Session(botocore_session=spoken, region_name=self.region)

    def client(self, credentials: ReadOnlyCredentials, region: str | None = None) -> Any:
        """A client whose mistakes reach the server, and whose calls are made once."""
        key = (credentials.access_key, region)
        with self._making:
            if key not in self._clients:
                self._clients[key] = self._made(credentials, region)
            return self._clients[key]

    def _made(self, credentials: ReadOnlyCredentials, region: str | None) -> Any:
        config = Config(
            parameter_validation=False,
            max_pool_connections=64,
            retries={"total_max_attempts": 1},
            read_timeout=40,
            ignore_configured_endpoint_urls=True,  # AWS_ENDPOINT_URL is not asked where a target is meant
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
    """The target may be used and can be reached, as far as that is seen without starting it. Raises TargetRefused."""
    if name == "aws":
        _aws(allow_aws, region)
    elif "://" in name:
        _endpoint(name, region)
    elif name not in NAMES:
        raise TargetRefused(f"no target {name!r}: one of {', '.join(NAMES)}, or a URL (query+http://… for query)")


@contextmanager
def opened(name: str, facades: Facades, *, allow_aws: bool = False, region: str | None = None) -> Iterator[Target]:
    """The target of that name, ready; what it left on AWS is gone afterwards. Raises TargetRefused."""
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


#: Hosts whose queues cost somebody money.
_AWS_HOSTS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


def _endpoint(name: str, region: str | None) -> Target:
    """Any service at a URL that answers as SQS does; ``http://key:secret@host`` are its credentials."""
    protocol: Protocol = "query" if name.startswith("query+") else "json"
    try:
        address = urlsplit(name.removeprefix("query+"))
        host, port = address.hostname, address.port
    except ValueError as problem:
        raise TargetRefused(f"{name!r} is no URL: {problem}") from None
    if address.scheme not in ("http", "https") or not host or address.query or address.fragment:
        raise TargetRefused(f"{name!r} is no URL of an endpoint: http(s)://host[:port][/path]")
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
        told = " ".join(str(problem).split())
        raise TargetRefused(f"{shown} does not answer as SQS: {told[:200]}") from None
    return target


def _sweep(target: Target) -> None:
    """Queues with the target's prefix are gone. What cannot be deleted is named."""
    client = target.client(target.shared_account)
    for page in client.get_paginator("list_queues").paginate(QueueNamePrefix=target.prefix):
        for url in page.get("QueueUrls", []):
            try:
                client.delete_queue(QueueUrl=url)
            except client.exceptions.QueueDoesNotExist:
                continue  # the list is a little behind
            except (ClientError, BotoCoreError) as problem:
                sys.stderr.write(f"left behind: {url}: {problem}\n")


class Facades:
    """The one embedded service that both protocols' targets share; started when first asked for."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._url: str | None = None

    def __enter__(self) -> Facades:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def target(self, protocol: Protocol) -> Target:
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
    answer = requests.post(f"{url}/_test/clock", json={"advance_seconds": 0}, timeout=10)
    return answer.status_code == 200


_MOTO_CREDENTIALS: Final = ReadOnlyCredentials("testing", "testing", None)


@contextmanager
def _moto() -> Iterator[Target]:
    """moto in this process, as its decorator starts it."""
    try:
        from moto import mock_aws
    except ImportError as problem:
        raise TargetRefused("moto is not installed: pip install 'sqs-facade[compat]'") from problem
    with mock_aws():
        yield Target("moto", fixed_credentials=_MOTO_CREDENTIALS, version=importlib.metadata.version("moto"))


@contextmanager
def _moto_server() -> Iterator[Target]:
    """moto as a server on a free port."""
    try:
        from moto.server import ThreadedMotoServer
    except ImportError as problem:
        raise TargetRefused("moto's server is not installed: pip install 'sqs-facade[compat]'") from problem
    log = logging.getLogger("werkzeug")
    level = log.level
    log.setLevel(logging.CRITICAL)  # it logs every request, and the trace of every failure
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
    """Real AWS, with whatever credentials boto3 finds. Raises TargetRefused unless it was allowed by a flag."""
    if not is_allowed:
        raise TargetRefused("the target aws makes queues in your account: say so with --allow-aws")
    session = boto3.Session()
    found = session.get_credentials()
    if found is None:
        raise TargetRefused("no AWS credentials found")
    return Target(
        "aws",
        region=region or session.region_name or "us-east-1",
        prefix=f"sqs-facade-compat-{uuid.uuid4().hex[:6]}-",
        max_wait_seconds=90,
        is_distributed=True,
        fixed_credentials=found.get_frozen_credentials(),
    )
