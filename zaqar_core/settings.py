"""Every setting of the service, with its default, unit and bounds.

Sources, strongest first: flags, environment (``SQS_FACADE_<FIELD>``), a TOML file. One loader checks all of them, so a
wrong value is one clear line whichever way it came.
"""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin

import msgspec

from zaqar_core import encryption, public_url

ENVIRONMENT_PREFIX = "SQS_FACADE_"
#: Set by ``serve --ephemeral`` for its workers, to whom the store is a server like any other: it is theirs alone.
PRIVATE_STORE_VARIABLE = "SQS_FACADE_PRIVATE_STORE"

Durability = Literal["memory", "fsync", "replicated"]

AccountId = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{12}$")]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]
#: Of Zaqar. In the environment pairs are separated by commas, so it holds none.
ProjectId = Annotated[str, msgspec.Meta(pattern=r"^[^=,]{1,256}$")]
#: Of a page, claim or pop: one call of the store does it, and others wait for it.
PageSize = Annotated[int, msgspec.Meta(ge=1, le=1000)]
#: An IP network in CIDR notation; checked by ``load``.
Network = Annotated[str, msgspec.Meta(min_length=1)]

_LOOPBACK = ("127.0.0.0/8", "::1/128")


class SettingsInvalid(Exception):
    """A setting has a wrong name or value. The text is one line for the operator."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole configuration. Built once per process; never changed."""

    # -- where to listen -------------------------------------------------------------------------------------------
    host: str = "127.0.0.1"
    #: 0 picks a free port.
    port: Port = 9324
    #: Of ``sqs-facade websocket``; 0 picks a free one.
    websocket_port: Port = 9000
    workers: Positive = 1
    #: Written when the service is ready: one line, the URL.
    ready_file: Path | None = None

    # -- the store -------------------------------------------------------------------------------------------------
    #: Of the embedded Valkey; None means the user's data directory.
    data_dir: Path | None = None
    #: URL of servers that are already there: one, a group under Sentinel, or a cluster (forms: store/deployment).
    redis: str | None = None
    #: Embedded Valkey in memory, gone at exit; durability is then ``memory``.
    ephemeral: bool = False
    durability: Durability = "fsync"
    #: Redis connections of one worker = requests that run at the same time; None: 4 in memory mode, else 16.
    slots: Positive | None = None
    #: How long one command may take before the store counts as unreachable.
    store_timeout_seconds: Annotated[float, msgspec.Meta(gt=0)] = 5.0

    #: Keys that messages at rest are encrypted under, each ``name:base64 of 32 bytes``. The first one encrypts, all
    #: decrypt. An embedded store has a key of its own, which comes last.
    encryption_keys: tuple[str, ...] = ()
    #: Queues are spread over pools, which /v2/pools registers. The store above is then the management store.
    pooling: bool = False

    # -- serving ---------------------------------------------------------------------------------------------------
    #: Waiting receives of one worker. Beyond it a receive answers empty at once.
    max_waits: Positive = 8192
    #: Open connections of one worker, idle ones too.
    max_connections: Positive = 16384
    #: Serve without credentials on an address that other machines reach. Must be asked for by name.
    open_bind: bool = False
    #: Origins (scheme://host[:port]) whose web pages may call the open service.
    allowed_origins: tuple[str, ...] = ()
    #: Hosts, beside loopback, that /_* and /console answer to.
    allowed_hosts: tuple[str, ...] = ()
    #: Enables /_test/*. Always on with ``ephemeral``.
    test_hooks: bool = False

    # -- addresses -------------------------------------------------------------------------------------------------
    default_account: AccountId = "000000000000"
    #: Zaqar's projects that are SQS's accounts, each one's account; any other project is the account of the same name.
    #: In the environment: project=account, separated by commas.
    project_accounts: dict[ProjectId, AccountId] = {}
    #: The home region: Zaqar's, and SQS's when a request names none.
    region: str = "us-east-1"
    #: ``separate``: each region is a namespace of its own. ``ignore``: all regions are the home region.
    regions: Literal["separate", "ignore"] = "separate"
    #: Where SQS's queue URLs name the region. ``dynamic`` (or ``off``): nowhere, unless the called host does;
    #: ``standard``: sqs.<region>.<host>; ``domain``: <region>.queue.<host>; ``path``: /queue/<region>/<account>/<name>.
    queue_url_host: Literal["dynamic", "off", "standard", "domain", "path"] = "dynamic"
    #: How clients reach the service, http(s)://host[:port][/base/path]: what queue URLs and confirmations begin with.
    #: None: queue URLs begin with scheme and host as called.
    public_url: str | None = None

    # -- SQS -------------------------------------------------------------------------------------------------------
    #: Messages in flight per queue before OverLimit.
    max_in_flight: Positive = 120_000
    #: Of one account, by one worker, before RequestThrottled; None: no limit.
    max_requests_per_second: Positive | None = None
    #: Between two PurgeQueue of one queue; 0: no limit.
    purge_interval_seconds: NotNegative = 60
    #: After DeleteQueue, before a queue of that name can be made again; 0: at once (AWS has 60).
    recreate_delay_seconds: NotNegative = 0

    # -- who may call ---------------------------------------------------------------------------------------------
    #: ``keystone``: Zaqar's paths need a token of OpenStack Keystone (extra ``keystone``), or a pre-signed URL.
    auth_strategy: Literal["", "keystone"] = ""
    #: Its configuration: a file with Zaqar's own section [keystone_authtoken].
    keystone_config: Path | None = None
    #: Roles that may use pools, flavors and the health report. Without Keystone everybody may.
    admin_roles: tuple[str, ...] = ("admin",)

    # -- Zaqar -----------------------------------------------------------------------------------------------------
    #: Versions of the API that are served beside v2.
    enable_deprecated_api_versions: tuple[Literal["1", "1.1"], ...] = ("1", "1.1")
    #: Secret under which pre-signed URLs are made and checked; without it there are none.
    signed_url_key: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    #: Serves the resources of administrators: /v2/pools and /v2/flavors, where ``pooling`` is on.
    admin_mode: bool = False
    client_id_uuid_safe: Literal["strict", "off"] = "strict"
    min_length_client_id: Positive = 10
    max_length_client_id: Positive = 36
    max_queues_per_page: PageSize = 20
    max_messages_per_page: PageSize = 20
    max_pools_per_page: PageSize = 20
    max_flavors_per_page: PageSize = 20
    max_messages_per_claim_or_pop: PageSize = 20
    max_messages_post_size: Positive = 262_144
    max_queue_metadata: Positive = 65_536
    max_message_ttl: Positive = 1_209_600
    max_message_delay: Positive = 900
    max_claim_ttl: Positive = 43_200
    max_claim_grace: Positive = 43_200
    default_message_ttl: Positive = 3_600
    default_claim_ttl: Positive = 300
    default_claim_grace: Positive = 60
    default_subscription_ttl: Positive = 3_600
    max_subscriptions_per_page: PageSize = 20
    #: Schemes that a subscriber's URI may have.
    subscriber_types: tuple[Literal["http", "https", "mailto", "trust+http", "trust+https"], ...] = (
        "http", "https", "mailto", "trust+http", "trust+https",
    )  # fmt: skip
    #: Networks (CIDR) beside the public ones that webhooks may go to. Loopback always, with ``ephemeral``.
    webhook_allowed_networks: tuple[Network, ...] = ()
    #: Notifications that one worker delivers at the same time.
    notification_threads: Positive = 32
    #: How long one delivery may take before it has failed.
    notification_timeout_seconds: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    #: Subscribers are told of messages only after they confirmed; needs ``signed_url_key``.
    require_confirmation: bool = False
    #: Page that mails ask to open for a confirmation.
    external_confirmation_url: str | None = None
    #: The mail server for subscribers with mailto.
    smtp_host: str = "localhost"
    smtp_port: Port = 25
    smtp_tls: Literal["none", "starttls", "tls"] = "none"
    smtp_user: str | None = None
    smtp_password: str | None = None
    #: Sender of mails where a subscription names none.
    smtp_from: str = "zaqar@localhost"
    enable_checksum: bool = False
    message_delete_with_claim_id: bool = False

    @property
    def webhook_networks(self) -> tuple[str, ...]:
        """Networks beside the public ones that webhooks may go to."""
        return self.webhook_allowed_networks + (_LOOPBACK if self.ephemeral else ())

    @property
    def has_test_hooks(self) -> bool:
        """Whether tests may move time, reset and disturb this service."""
        return self.test_hooks or self.ephemeral

    @property
    def execution_slots(self) -> int:
        """Requests that one worker runs at the same time."""
        if self.slots is not None:
            return self.slots
        return 4 if self.durability == "memory" else 16


def load(
    flags: Mapping[str, Any],
    environment: Mapping[str, str] = os.environ,
    file: Path | None = None,
) -> Settings:
    """Settings from all sources. ``flags`` holds only what was given. Raises SettingsInvalid."""
    wanted: dict[str, Any] = {}
    if file is not None:
        wanted.update(_from_file(file))
    wanted.update(_from_environment(environment))
    wanted.update(flags)
    if sum(wanted.get(name) not in (None, False, "", "0", "false") for name in ("redis", "data_dir", "ephemeral")) > 1:
        raise SettingsInvalid("choose one of data-dir, redis and ephemeral")
    if _is_true(wanted.get("ephemeral")):
        if wanted.get("durability", "memory") != "memory":
            raise SettingsInvalid(f"ephemeral keeps nothing on disk, so durability cannot be {wanted['durability']}")
        wanted["durability"] = "memory"
    try:
        settings = msgspec.convert(wanted, Settings, strict=False, dec_hook=_decode)
        encryption.parse(settings.encryption_keys)
    except encryption.KeyInvalid as problem:
        raise SettingsInvalid(str(problem)) from None
    except msgspec.ValidationError as problem:
        raise SettingsInvalid(str(problem)) from None
    try:
        _ = [ipaddress.ip_network(network) for network in settings.webhook_allowed_networks]
    except ValueError as problem:
        raise SettingsInvalid(f"webhook_allowed_networks: {problem}") from None
    if len(set(settings.project_accounts.values())) < len(settings.project_accounts):
        raise SettingsInvalid("project_accounts: two projects have the same account")
    try:
        if settings.public_url is not None:
            public_url.parse(settings.public_url)
    except public_url.PublicUrlInvalid as problem:
        raise SettingsInvalid(f"public_url {problem}") from None
    if settings.require_confirmation and settings.signed_url_key is None:
        raise SettingsInvalid("require_confirmation needs a signed_url_key")
    return settings


def _is_true(value: Any) -> bool:
    return str(value).lower() in ("1", "true")


def _decode(kind: type, value: Any) -> Any:
    if kind is Path:
        return Path(value).expanduser()
    raise NotImplementedError(kind)


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        text = environment.get(ENVIRONMENT_PREFIX + field.name.upper())
        if text is None:
            continue
        parts = [part.strip() for part in text.split(",") if part.strip()]
        kind = get_origin(field.type)
        if kind is dict:
            if not all("=" in part for part in parts):
                raise SettingsInvalid(f"{field.name}: {text!r} is not name=value, separated by commas")
            pairs = [part.partition("=") for part in parts]
            found[field.name] = {name.strip(): value.strip() for name, _, value in pairs}
        else:
            found[field.name] = parts if kind is tuple else text
    return found


def as_variable(value: Any) -> str:
    """The value of a setting as the environment has it."""
    if isinstance(value, dict):
        value = tuple(f"{name}={one}" for name, one in value.items())
    if isinstance(value, tuple):
        return ",".join(value)
    return str(int(value) if isinstance(value, bool) else value)


def _from_file(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            return tomllib.load(stream)
    except OSError as problem:
        raise SettingsInvalid(f"cannot read {file}: {problem.strerror}") from None
    except tomllib.TOMLDecodeError as problem:
        raise SettingsInvalid(f"{file}: {problem}") from None
