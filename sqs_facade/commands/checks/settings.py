"""Checks of a configuration: what a start would refuse, and what it accepts although it cannot be meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any

import msgspec

from sqs_facade.commands.checks.findings import Finding, Rule, Topic
from zaqar_core.configuration import public_url, setting_values
from zaqar_core.configuration.loading import Configuration, Examination
from zaqar_core.configuration.setting_types import ANY_ORIGIN
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.store import deployment
from zaqar_core.web import allowed_hosts

TOPIC = Topic("Settings")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the start would find on this machine. Texts are problems, empty where there is none."""

    #: By the setting that names the place: why the start would refuse it.
    refusals: Mapping[str, str] = field(default_factory=dict)
    #: The port settings whose port another program has, and those whose port a service of this product has.
    busy_ports: tuple[str, ...] = ()
    served_ports: tuple[str, ...] = ()
    #: Whether other machines reach the address of ``host``.
    is_reachable: bool = False
    #: Whether the host of ``public_url`` resolves; None if it was not tried.
    public_host_resolves: bool | None = None


_NAME = TOPIC.rule(
    "config-name", "error", means="a flag, variable or key is not a setting, or a file cannot be read",
    why="the service does not start",
    remedy="correct or remove it; sqs-facade settings lists all names",
)  # fmt: skip
_VALUE = TOPIC.rule(
    "config-value", "error", means="a value is not allowed",
    why="the service does not start",
    remedy="set it to an allowed value: docs/settings.md lists types and bounds",
)  # fmt: skip
_CONTRADICTION = TOPIC.rule(
    "config-contradiction", "error", means="settings exclude each other, or one needs another",
    why="the service does not start",
    remedy="remove one of them, or add the missing one",
)  # fmt: skip
_REFUSED = TOPIC.rule(
    "config-refused", "error", means="the place that a setting names cannot be used",
    why="the service does not start",
    remedy="mend the file, directory or address, or change {setting}",
)  # fmt: skip
_STORE_URL = TOPIC.rule(
    "config-store-url", "error", means="the store URL is not valid",
    why="the service does not start",
    remedy="write redis://[user:password@]host[:port][/db], redis+sentinel://… or redis+cluster://…",
)  # fmt: skip
_BUSY = TOPIC.rule(
    "config-port-busy", "error", means="another program has the port",
    why="the service does not start",
    remedy="stop that program (ss -ltnp 'sport = :{port}'), or change {setting}",
)  # fmt: skip
_SERVED = TOPIC.rule(
    "config-port-served", "note", means="a service of this product listens on the port",
    why="if it is not the one that gets this configuration, the start fails",
    remedy="stop it before the start, or change {setting}",
)  # fmt: skip
_SHARED_PORT = TOPIC.rule(
    "config-port-shared", "error", means="two ports of the service are equal",
    why="serve and websocket cannot run on one machine",
    remedy="change websocket_port",
)  # fmt: skip
_NOT_A_HOST = TOPIC.rule(
    "config-allowed-host", "error", means="an entry of allowed_hosts is not a host",
    why="no request matches it, so its clients get 403",
    remedy="write NAME or NAME:PORT, without scheme, path and *",
)  # fmt: skip
_TRUSTS_ALL = TOPIC.rule(
    "config-trusts-everybody", "error", means="trusted_proxies has a network of over 2^24 addresses",
    why="every client can say that it is another one: for rate limits, policies and the audit log",
    remedy="set trusted_proxies to the addresses of the proxies, such as 10.0.0.4/32",
)  # fmt: skip
_PUBLIC_HTTP = TOPIC.rule(
    "config-public-url-http", "warning", means="public_url is http, and the service has TLS",
    why="queue URLs lead clients to a port without TLS",
    remedy="set public_url to https://{host}",
)  # fmt: skip
_PUBLIC_HTTPS = TOPIC.rule(
    "config-public-url-https", "warning", means="public_url is https, without TLS and without trusted proxies",
    why="without a proxy that ends TLS clients cannot connect; with one, their addresses are unknown",
    remedy="set trusted_proxies to the proxy, or tls_certificate",
)  # fmt: skip
_PUBLIC_LOOPBACK = TOPIC.rule(
    "config-public-url-loopback", "warning", means="public_url is loopback, and other machines reach the service",
    why="their SDKs send requests to their own machine",
    remedy="set public_url to the name by which they reach the service",
)  # fmt: skip
_PUBLIC_UNKNOWN = TOPIC.rule(
    "config-public-url-unknown", "warning", means="the host of public_url does not resolve here",
    why="clients with the same name servers cannot follow queue URLs",
    remedy="add the name {host} to the DNS, or correct public_url",
)  # fmt: skip
_ANY_ORIGIN = TOPIC.rule(
    "config-any-origin", "error", means="allowed_origins has *, and callers need no credentials",
    why="each web page that somebody on this network opens can read and empty the queues",
    remedy="list the origins, or set credentials_file",
)  # fmt: skip
_WEBHOOKS = TOPIC.rule(
    "config-webhook-networks", "warning", means="webhook_allowed_networks has every address, or link-local ones",
    why="a subscription can call inner services, such as the metadata of the cloud",
    remedy="list the networks of the subscribers alone",
)  # fmt: skip
_ABOVE = TOPIC.rule(
    "config-default-above-most", "error", means="a default is above its maximum",
    why="requests that rely on the default are refused",
    remedy="lower {default}, or raise {most}",
)  # fmt: skip
_NO_EFFECT = TOPIC.rule(
    "config-no-effect", "warning", means="a setting has no effect without another one",
    why="what it was set for does not happen",
    remedy="set the other one, or remove it",
)  # fmt: skip
_HOOKS = TOPIC.rule(
    "config-test-hooks", "error", means="the test hooks are on, and other machines reach the service",
    why="whoever reaches the port can move the clock and reset every queue",
    remedy="remove test_hooks and ephemeral, or listen on 127.0.0.1",
)  # fmt: skip
_IN_MEMORY = TOPIC.rule(
    "config-in-memory", "warning", means="durability is memory, and other machines reach the service",
    why="a restart of the store loses every message",
    remedy="set durability to fsync",
)  # fmt: skip
_OPEN = TOPIC.rule(
    "config-open", "warning", means="open_bind allows other machines without credentials",
    why="whoever reaches the port reads and deletes every message",
    remedy="set credentials_file, and remove open_bind",
)  # fmt: skip
_REDIS_PLAIN = TOPIC.rule(
    "config-store-no-tls", "warning", means="the store URL names another machine without TLS",
    why="messages and the password cross the network readable",
    remedy="use rediss://…",
)  # fmt: skip
_REDIS_OPEN = TOPIC.rule(
    "config-store-no-password", "warning", means="the store URL names another machine without a password",
    why="whoever reaches the server reads and deletes every message",
    remedy="set a password on the server (ACL SETUSER), and put it into the setting redis",
)  # fmt: skip
_SMTP = TOPIC.rule(
    "config-smtp-plain", "warning", means="the password of the mail server is sent without TLS to another machine",
    why="the network can read it",
    remedy="set smtp_tls to starttls or tls",
)  # fmt: skip
_PAYLOAD = TOPIC.rule(
    "config-unsigned-payload", "warning", means="allow_unsigned_payload is on, and the service has no TLS of its own",
    why="only requests over TLS may be unsigned, so they are refused, or the proxy must be trusted",
    remedy="set tls_certificate or trusted_proxies, or remove allow_unsigned_payload",
)  # fmt: skip
_WAITS = TOPIC.rule(
    "config-waits", "warning", means="max_waits is above max_connections",
    why="a waiting receive needs a connection, so the limit is never reached",
    remedy="set max_waits to at most max_connections",
)  # fmt: skip
_SHORT_KEY = TOPIC.rule(
    "config-short-key", "warning", means="signed_url_key has fewer than 16 characters",
    why="whoever has a pre-signed URL can guess it",
    remedy="python -c 'import secrets; print(secrets.token_urlsafe(32))'",
)  # fmt: skip
_UNPROVEN = TOPIC.rule(
    "config-unproven-callers", "warning", means="enforce_policies is on without a credentials file",
    why="policies decide by the access key alone, which nobody proves: it is for tests",
    remedy="set credentials_file",
)  # fmt: skip
_OPEN_POOLS = TOPIC.rule(
    "config-open-pools", "error", means="admin_mode is on, other machines reach the service, and it has no credentials",
    why="whoever reaches it can read the passwords of the pools, and connect it to any address",
    remedy="serve admin_mode on loopback by a process of its own, or set credentials_file",
)  # fmt: skip

#: Defaults and their maxima.
_BOUNDS = (
    ("default_message_ttl", "max_message_ttl"),
    ("default_claim_ttl", "max_claim_ttl"),
    ("default_claim_grace", "max_claim_grace"),
    ("min_length_client_id", "max_length_client_id"),
)
#: Settings that need another one, and what to do. A start accepts them.
_IDLE: tuple[tuple[str, Callable[[Settings], object], str], ...] = (
    ("confirming_replicas", lambda one: one.durability == "replicated", "set durability to replicated"),
    ("admin_mode", lambda one: one.pooling, "set pooling"),
    ("keystone_config", lambda one: one.auth_strategy, "set auth_strategy to keystone"),
    ("admin_roles", lambda one: one.auth_strategy, "set auth_strategy to keystone"),
    ("tls_client_certificates", lambda one: one.tls_client_ca, "set tls_client_ca"),
    ("forwarded_headers", lambda one: one.trusted_proxies, "set trusted_proxies"),
    ("smtp_password", lambda one: one.smtp_user, "set smtp_user"),
    ("smtp_user", lambda one: one.smtp_password, "set smtp_password"),
    ("external_confirmation_url", lambda one: one.require_confirmation, "set require_confirmation"),
    ("min_length_client_id", lambda one: one.client_id_uuid_safe == "off", "set client_id_uuid_safe to off"),
    ("max_length_client_id", lambda one: one.client_id_uuid_safe == "off", "set client_id_uuid_safe to off"),
    *(
        (setting, lambda one: one.allowed_origins, "set allowed_origins")
        for setting in (
            "cors_allow_methods", "cors_allow_headers", "cors_expose_headers", "cors_max_age_seconds",
            "cors_allow_credentials",
        )
    ),
)  # fmt: skip
_DEFAULTS = Settings()
_SOURCE = re.compile(r"(?:environment variable|flag) [\w-]+|.+?:\d+(?=: )")


def check(examination: Examination, around: Surroundings) -> Iterator[Finding]:
    """Return everything that is wrong with the settings."""
    rules = {"name": _NAME, "value": _VALUE, "contradiction": _CONTRADICTION}
    configuration = examination.configuration
    for problem in examination.problems:
        remedy = f"set {problem.setting} to {problem.allowed}" if problem.setting else ""
        where = str(problem.source or _source_of(problem.line))
        yield rules[problem.kind].found(problem.line, where=where, remedy=remedy)
    for setting, reason in around.refusals.items():
        yield _found(configuration, _REFUSED, setting, reason, setting=setting)
    yield from _ports(configuration, around)
    yield from _store(configuration)
    yield from _callers(configuration, around)
    yield from _public(configuration, around)
    yield from _values(configuration)


def _source_of(line: str) -> str:
    """Return the place at the beginning of a line: a file with its line, a variable or a flag; else nothing."""
    found = _SOURCE.match(line)
    return "" if found is None else found[0]


def _found(configuration: Configuration, rule: Rule, name: str, problem: str, **fields: Any) -> Finding:
    """Create a finding about the setting of that name, with its source."""
    source = configuration.source(name)
    where = name if source.kind == "default" else f"{name} ({source})"
    return rule.found(problem, where=where, **fields)


def _ports(configuration: Configuration, around: Surroundings) -> Iterator[Finding]:
    settings = configuration.settings
    for setting in around.busy_ports:
        port = getattr(settings, setting)
        yield _found(configuration, _BUSY, setting, f"port {port} is in use", port=port, setting=setting)
    for setting in around.served_ports:
        port = getattr(settings, setting)
        yield _found(configuration, _SERVED, setting, f"a service already listens on port {port}", setting=setting)
    for setting in ("port", "tls_port"):
        if settings.websocket_port and settings.websocket_port == getattr(settings, setting):
            yield _found(configuration, _SHARED_PORT, "websocket_port", f"{setting} is {settings.websocket_port} too")


def _store(configuration: Configuration) -> Iterator[Finding]:
    url = configuration.settings.redis
    if url is None:
        return
    try:
        where = deployment.parse(url)
    except StoreUnavailable as problem:
        yield _found(configuration, _STORE_URL, "redis", problem.reason)
        return
    hosts = [host for host, _ in where.addresses] or [str(where.arguments.get("host", ""))]
    if all(not host or allowed_hosts.is_loopback(host) for host in hosts):
        return
    if "ssl" not in where.connection_kind.__name__.lower():
        yield _found(configuration, _REDIS_PLAIN, "redis", f"the connection to {hosts[0]} has no TLS")
    if not where.arguments.get("password"):
        yield _found(configuration, _REDIS_OPEN, "redis", f"{hosts[0]} is called without a password")


def _callers(configuration: Configuration, around: Surroundings) -> Iterator[Finding]:
    settings = configuration.settings
    for entry in settings.allowed_hosts:
        bracketed = f"[{entry}]" if entry.count(":") > 1 and "[" not in entry else entry
        if not allowed_hosts.is_valid(bracketed):
            yield _found(configuration, _NOT_A_HOST, "allowed_hosts", f"{entry!r} is not a host")
    for network in settings.trusted_proxies:
        if ip_network(network).num_addresses > 1 << 24 and ip_network(network).prefixlen < 48:
            yield _found(configuration, _TRUSTS_ALL, "trusted_proxies", f"{network} trusts everybody in it")
    if ANY_ORIGIN in settings.allowed_origins and not settings.authenticates_zaqar:
        yield _found(configuration, _ANY_ORIGIN, "allowed_origins", "every web page may call the service")
    for network in settings.webhook_allowed_networks:
        found = ip_network(network)
        if found.prefixlen == 0 or (found.version == 4 and ip_address("169.254.169.254") in found):
            yield _found(configuration, _WEBHOOKS, "webhook_allowed_networks", f"{network} has inner addresses")
    if around.is_reachable:
        if settings.has_test_hooks:
            yield _found(configuration, _HOOKS, "test_hooks", "the test hooks are on")
        elif settings.durability == "memory":
            yield _found(configuration, _IN_MEMORY, "durability", "messages are in memory only")
        if settings.open_bind and not settings.verifies_all_callers:
            yield _found(configuration, _OPEN, "open_bind", f"anybody may call the service on {settings.host}")
        if settings.admin_mode and settings.pooling and not settings.authenticates_zaqar:
            yield _found(configuration, _OPEN_POOLS, "admin_mode", "anybody may read and change pools")
    if settings.enforce_policies and settings.credentials_file is None:
        yield _found(configuration, _UNPROVEN, "enforce_policies", "callers need no credentials")


def _public(configuration: Configuration, around: Surroundings) -> Iterator[Finding]:
    settings = configuration.settings
    has_tls = settings.tls_certificate is not None
    if settings.allow_unsigned_payload and not has_tls and not settings.trusted_proxies:
        yield _found(configuration, _PAYLOAD, "allow_unsigned_payload", "no request can be seen to have come over TLS")
    if settings.public_url is None:
        return
    where = public_url.parse(settings.public_url)
    host = where.host.rpartition(":")[0] if where.host.rpartition(":")[2].isdigit() else where.host
    if where.scheme == "http" and has_tls and settings.tls_port is None:
        yield _found(configuration, _PUBLIC_HTTP, "public_url", "public_url is http", host=where.host)
    if where.scheme == "https" and not has_tls and not settings.trusted_proxies:
        yield _found(configuration, _PUBLIC_HTTPS, "public_url", "public_url is https, and the service speaks http")
    if around.is_reachable and (allowed_hosts.is_loopback(host.strip("[]")) or host in ("0.0.0.0", "[::]")):  # noqa: S104
        yield _found(configuration, _PUBLIC_LOOPBACK, "public_url", f"public_url names {host}")
    if around.public_host_resolves is False:
        yield _found(configuration, _PUBLIC_UNKNOWN, "public_url", f"{host} does not resolve", host=host)


def _values(configuration: Configuration) -> Iterator[Finding]:
    settings = configuration.settings
    for default, most in _BOUNDS:
        if getattr(settings, default) > getattr(settings, most):
            text = f"{default} is {getattr(settings, default)}, and {most} is {getattr(settings, most)}"
            setting = default if default in configuration.sources else most
            yield _found(configuration, _ABOVE, setting, text, default=default, most=most)
    for setting, is_used, remedy in _IDLE:
        value = getattr(settings, setting)
        if setting in configuration.sources and value != getattr(_DEFAULTS, setting) and not is_used(settings):
            yield _found(
                configuration, _NO_EFFECT, setting, f"{setting} has no effect", remedy=f"{remedy}, or remove it"
            )
    if settings.open_bind and settings.verifies_all_callers:
        yield _found(
            configuration, _NO_EFFECT, "open_bind", "open_bind has no effect: callers need credentials",
            remedy="remove it",
        )  # fmt: skip
    if settings.smtp_user and settings.smtp_tls == "none" and not allowed_hosts.is_loopback(settings.smtp_host):
        yield _found(configuration, _SMTP, "smtp_tls", f"the password goes to {settings.smtp_host} without TLS")
    if settings.max_waits > settings.max_connections and "max_waits" in configuration.sources:
        yield _found(configuration, _WAITS, "max_waits", f"max_waits is {settings.max_waits}")
    if settings.signed_url_key is not None and len(settings.signed_url_key) < 16:
        yield _found(configuration, _SHORT_KEY, "signed_url_key", "signed_url_key is short")


def secret_settings(configuration: Configuration) -> list[str]:
    """Return the settings that are secrets, or have a password, and stand in the file."""
    found = []
    for name, source in configuration.sources.items():
        has_password = name == "redis" and "@" in str(configuration.settings.redis)
        if source.kind == "file" and (has_password or name in _secrets()):
            found.append(name)
    return found


@cache
def _secrets() -> frozenset[str]:
    return frozenset(one.name for one in msgspec.structs.fields(Settings) if setting_values.is_secret(one.type))
